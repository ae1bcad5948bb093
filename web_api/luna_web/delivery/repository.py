"""Every query of the delivery service. Locks are taken in the order task, request or return, loan, copy, robot."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Row,
    Select,
    Uuid,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    text,
    union,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from luna_web.delivery.domain.states import (
    IN_HAND,
    OPEN_HOLD,
    OPEN_REQUEST,
    OPEN_RETURN,
    UNFINISHED_TASK,
    HoldStatus,
    RequestStatus,
    TaskStatus,
    TaskType,
)
from luna_web.delivery.models import BookRequest, BookReturn, DeliveryTask, Hold, Loan, TaskStatusHistory

Column = InstrumentedAttribute[Any]
TaskInBrief = Row[Any]
"""What its reader may see of a task: the columns of `_BRIEF`. The rest, ways and words among it, is most of a row."""
_BRIEF = select(
    DeliveryTask.id, DeliveryTask.request_id, DeliveryTask.return_id, DeliveryTask.status, DeliveryTask.phase,
    DeliveryTask.reason, DeliveryTask.attempt, DeliveryTask.assigned_robot_id, DeliveryTask.robot_lost_since,
    DeliveryTask.created_at, DeliveryTask.started_at, DeliveryTask.completed_at,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TaskRows:
    """A task with the request or return that it serves, locked together."""

    task: DeliveryTask
    request: BookRequest | None
    book_return: BookReturn | None


def lock_task(session: Session, task_id: UUID) -> TaskRows | None:
    """The task and what it serves, locked in the house's order and read anew."""
    return _with_purpose(session, session.scalar(_LOCK_TASK, {"task_id": task_id}))


def lock_task_in_hand(session: Session, robot_id: UUID) -> TaskRows | None:
    """The task that this robot has in hand, locked."""
    found = select(DeliveryTask).where(DeliveryTask.assigned_robot_id == robot_id, DeliveryTask.status.in_(IN_HAND))
    return _with_purpose(session, session.scalar(_locked(found)))


def lock_queue(session: Session) -> None:
    """One robot at a time is given a task, whichever process leads it; until the transaction ends."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('delivery queue', 0))"))


def lock_queued(session: Session, now: datetime, types: Collection[TaskType], limit: int) -> Sequence[DeliveryTask]:
    """The first tasks of the queue that nobody is just changing, locked."""
    queue = (
        select(DeliveryTask)
        .where(DeliveryTask.status == TaskStatus.QUEUED, DeliveryTask.task_type.in_(types))
        .where(or_(DeliveryTask.not_before.is_(None), DeliveryTask.not_before <= now))
        .order_by(DeliveryTask.queue_key, DeliveryTask.id)
        .limit(limit)
    )
    return session.scalars(queue.with_for_update(skip_locked=True).execution_options(populate_existing=True)).all()


def _locked(query: Select[DeliveryTask]) -> Select[DeliveryTask]:
    return query.with_for_update().execution_options(populate_existing=True)


_LOCK_TASK = _locked(select(DeliveryTask).where(DeliveryTask.id == bindparam("task_id", type_=Uuid())))


def _with_purpose(session: Session, task: DeliveryTask | None) -> TaskRows | None:
    if task is None:
        return None
    request = book_return = None
    if task.request_id is not None:
        request = session.get(BookRequest, task.request_id, with_for_update=True, populate_existing=True)
    if task.return_id is not None:
        book_return = session.get(BookReturn, task.return_id, with_for_update=True, populate_existing=True)
    return TaskRows(task, request, book_return)


def lock_open_loan_of_copy(session: Session, copy_id: UUID) -> Loan | None:
    return session.scalar(
        select(Loan)
        .where(Loan.copy_id == copy_id, Loan.closed_at.is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def lock_open_loans(session: Session, user_id: UUID, book_id: UUID) -> Sequence[Loan]:
    """The user's open loans of a title, the oldest first, locked."""
    return session.scalars(
        select(Loan)
        .where(Loan.user_id == user_id, Loan.book_id == book_id, Loan.closed_at.is_(None))
        .order_by(Loan.opened_at, Loan.id)
        .with_for_update()
    ).all()


def open_loan_of(session: Session, user_id: UUID, book_id: UUID) -> Loan | None:
    """The user's oldest open loan of a title. Not locked, so that it can be asked for with a title's queue in hand."""
    mine = select(Loan).where(Loan.user_id == user_id, Loan.book_id == book_id, Loan.closed_at.is_(None))
    return session.scalar(mine.order_by(Loan.opened_at, Loan.id).limit(1))


def lock_loan(session: Session, loan_id: UUID) -> Loan | None:
    return session.get(Loan, loan_id, with_for_update=True, populate_existing=True)


def lock_user_limits(session: Session, user_id: UUID) -> None:
    """One at a time among a user's requests, so that limits hold; until the transaction ends."""
    session.execute(_LOCK_LIMITS, {"user": str(user_id)})


_LOCK_LIMITS = text("SELECT pg_advisory_xact_lock(hashtextextended('request:' || :user, 0))")


@dataclass(frozen=True, slots=True)
class Standing:
    """What a reader has: an open request for the title at hand, and how many open requests and loans in all.

    `queued`: the title's queue has a say in who gets a copy, since this reader is in it, or somebody waits.
    """

    request_id: UUID | None
    requests: int
    loans: int
    queued: bool


def standing(session: Session, user_id: UUID, book_id: UUID) -> Standing:
    """In one statement, for one is run for every request that is made."""
    row = session.execute(_STANDING, {"user_id": user_id, "book_id": book_id}).one()
    return Standing(row.request_id, row.requests, row.loans, row.queued)


def open_loans(session: Session, user_id: UUID) -> int:
    return session.scalar(_count_loans(user_id)) or 0


def _count_loans(user_id: UUID | BindParameter[UUID]) -> Select[int]:
    return select(func.count()).select_from(Loan).where(Loan.user_id == user_id, Loan.closed_at.is_(None))


def _standing() -> Select[Any]:
    user_id, book_id = bindparam("user_id", type_=Uuid()), bindparam("book_id", type_=Uuid())
    open_ones = (BookRequest.user_id == user_id, BookRequest.status.in_(OPEN_REQUEST))
    mine = and_(Hold.user_id == user_id, Hold.status.in_(OPEN_HOLD))
    return select(
        select(BookRequest.id).where(*open_ones, BookRequest.book_id == book_id).scalar_subquery().label("request_id"),
        select(func.count()).select_from(BookRequest).where(*open_ones).scalar_subquery().label("requests"),
        _count_loans(user_id).scalar_subquery().label("loans"),
        exists().where(Hold.book_id == book_id, or_(mine, Hold.status == HoldStatus.WAITING)).label("queued"),
    )


_STANDING = _standing()


def open_request_of(session: Session, user_id: UUID, book_id: UUID) -> BookRequest | None:
    return session.scalar(
        select(BookRequest).where(
            BookRequest.user_id == user_id, BookRequest.book_id == book_id, BookRequest.status.in_(OPEN_REQUEST)
        )
    )


def open_return_of(session: Session, loan_id: UUID) -> BookReturn | None:
    return session.scalar(select(BookReturn).where(BookReturn.loan_id == loan_id, BookReturn.status.in_(OPEN_RETURN)))


def reader_and_task(session: Session, request_id: UUID) -> Row[UUID | None, UUID | None] | None:
    """Whose a request is (`user_id`) and its newest task (`task_id`); None if there is no such request."""
    return session.execute(_READER_AND_TASK, {"request_id": request_id}).one_or_none()


def latest_task_of_request(session: Session, request_id: UUID) -> DeliveryTask | None:
    return session.scalar(_latest().where(DeliveryTask.request_id == request_id))


def latest_task_of_return(session: Session, return_id: UUID) -> DeliveryTask | None:
    return session.scalar(_latest().where(DeliveryTask.return_id == return_id))


def open_tasks_of(session: Session, user_id: UUID) -> Sequence[UUID]:
    """The newest task of each open request and return of a user, and what is on its way to them otherwise."""
    newest = select(DeliveryTask.id).order_by(DeliveryTask.created_at.desc(), DeliveryTask.id.desc()).limit(1)
    of_request = newest.where(DeliveryTask.request_id == BookRequest.id).scalar_subquery()
    of_return = newest.where(DeliveryTask.return_id == BookReturn.id).scalar_subquery()
    mine = union(
        select(of_request).where(BookRequest.user_id == user_id, BookRequest.status.in_(OPEN_REQUEST)),
        select(of_return).where(BookReturn.user_id == user_id, BookReturn.status.in_(OPEN_RETURN)),
        select(DeliveryTask.id).where(DeliveryTask.recipient_id == user_id, DeliveryTask.status.in_(UNFINISHED_TASK)),
    )
    return sorted(task_id for task_id in session.scalars(mine) if task_id is not None)


def _latest() -> Select[DeliveryTask]:
    return select(DeliveryTask).order_by(DeliveryTask.created_at.desc(), DeliveryTask.id.desc()).limit(1)


def _reader_and_task() -> Select[UUID | None, UUID | None]:
    newest = select(DeliveryTask.id).where(DeliveryTask.request_id == BookRequest.id)
    newest = newest.order_by(DeliveryTask.created_at.desc(), DeliveryTask.id.desc()).limit(1)
    found = select(BookRequest.user_id, newest.scalar_subquery().label("task_id"))
    return found.where(BookRequest.id == bindparam("request_id", type_=Uuid()))


_READER_AND_TASK = _reader_and_task()


def tasks_of_requests(session: Session, request_ids: Collection[UUID]) -> dict[UUID, TaskInBrief]:
    """The newest task of each request."""
    return {row.request_id: row for row in session.execute(_OF_REQUESTS, {"ids": list(request_ids)})}


def tasks_of_returns(session: Session, return_ids: Collection[UUID]) -> dict[UUID, TaskInBrief]:
    """The newest task of each return."""
    return {row.return_id: row for row in session.execute(_OF_RETURNS, {"ids": list(return_ids)})}


def _newest_last(served: Column) -> Select[*tuple[Any, ...]]:
    """The tasks that serve any of `ids`."""
    these = _BRIEF.where(served.in_(bindparam("ids", type_=Uuid(), expanding=True)))
    return these.order_by(served, DeliveryTask.created_at, DeliveryTask.id)


_OF_REQUESTS, _OF_RETURNS = _newest_last(DeliveryTask.request_id), _newest_last(DeliveryTask.return_id)


def task_in_hand(session: Session, robot_id: UUID) -> DeliveryTask | None:
    return session.scalar(
        select(DeliveryTask).where(DeliveryTask.assigned_robot_id == robot_id, DeliveryTask.status.in_(IN_HAND))
    )


def tasks_in_hand(session: Session, robot_ids: Collection[UUID]) -> Sequence[DeliveryTask]:
    return session.scalars(
        select(DeliveryTask).where(DeliveryTask.assigned_robot_id.in_(robot_ids), DeliveryTask.status.in_(IN_HAND))
    ).all()


def tasks_to_settle(session: Session, robot_id: UUID) -> Sequence[DeliveryTask]:
    """What people have settled and this robot has not been told, oldest first."""
    return session.scalars(
        select(DeliveryTask)
        .where(DeliveryTask.assigned_robot_id == robot_id, DeliveryTask.settlement.is_not(None))
        .order_by(DeliveryTask.completed_at, DeliveryTask.id)
        .execution_options(populate_existing=True)
    ).all()


def retry_of(session: Session, task_id: UUID) -> DeliveryTask | None:
    """The task that tries this one again."""
    return session.scalar(select(DeliveryTask).where(DeliveryTask.retry_of == task_id))


def lock_waiting(session: Session, looked_before: datetime, limit: int) -> Sequence[TaskRows]:
    """Tasks whose robot nobody comes to, not looked at since then, the longest waits first; locked, others passed."""
    waiting = (
        select(DeliveryTask)
        .where(DeliveryTask.waits_since.is_not(None), DeliveryTask.waits_since <= looked_before)
        .where(or_(DeliveryTask.wait_looked_at.is_(None), DeliveryTask.wait_looked_at <= looked_before))
        .order_by(DeliveryTask.waits_since, DeliveryTask.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    found = (_with_purpose(session, task) for task in session.scalars(waiting).all())
    return [rows for rows in found if rows is not None]


def history(task_id: UUID) -> Select[TaskStatusHistory]:
    """The task's own rows."""
    return select(TaskStatusHistory).where(TaskStatusHistory.task_id == task_id, TaskStatusHistory.subject == "TASK")


def timeline_of_request(request_id: UUID) -> Select[TaskStatusHistory]:
    """Everything that happened to a request and its tasks."""
    tasks = select(DeliveryTask.id).where(DeliveryTask.request_id == request_id)
    return select(TaskStatusHistory).where(TaskStatusHistory.task_id.in_(tasks))


def timeline_of_return(return_id: UUID) -> Select[TaskStatusHistory]:
    """Everything that happened to a return and its tasks."""
    tasks = select(DeliveryTask.id).where(DeliveryTask.return_id == return_id)
    return select(TaskStatusHistory).where(TaskStatusHistory.task_id.in_(tasks))


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests; None = any. `needs_attention`: their delivery has failed, and they wait for a person."""

    user_id: UUID | None = None
    book_id: UUID | None = None
    status: str | None = None
    needs_attention: bool | None = None
    since: datetime | None = None
    until: datetime | None = None


def requests(which: RequestFilter) -> Select[BookRequest]:
    equals = {
        BookRequest.user_id: which.user_id,
        BookRequest.book_id: which.book_id,
        BookRequest.status: which.status,
        BookRequest.needs_attention: which.needs_attention,
    }
    found = select(BookRequest).where(*_equal(equals), *_within(BookRequest.requested_at, which.since, which.until))
    # Only such a one can need anybody, and by its status it is found without reading all there ever were.
    return found.where(BookRequest.status == RequestStatus.APPROVED) if which.needs_attention else found


def returns(
    user_id: UUID | None, book_id: UUID | None, status: str | None, since: datetime | None, until: datetime | None
) -> Select[BookReturn]:
    found = select(BookReturn).where(*_equal({BookReturn.user_id: user_id, BookReturn.book_id: book_id}))
    return found.where(*_equal({BookReturn.status: status}), *_within(BookReturn.initiated_at, since, until))


def deliveries(equals: Mapping[Column, object], since: datetime | None, until: datetime | None) -> Select[DeliveryTask]:
    return select(DeliveryTask).where(*_equal(equals), *_within(DeliveryTask.created_at, since, until))


def _equal(filters: Mapping[Column, object]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in filters.items() if value is not None]


def _within(
    column: InstrumentedAttribute[datetime], since: datetime | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    return [*([column >= since] if since else []), *([column < until] if until else [])]
