"""Every query of loans, holds and the desk. Locks: task, request or return, loan, the title's queue, hold, copy."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, text
from sqlalchemy.orm import Session, aliased

from luna_web.delivery.domain.facts import Policy
from luna_web.delivery.domain.notices import Notice, moments
from luna_web.delivery.domain.states import (
    OPEN_HOLD,
    OPEN_REQUEST,
    OPEN_RETURN,
    UNFINISHED_TASK,
    HoldStatus,
    RequestStatus,
)
from luna_web.delivery.models import BookRequest, BookReturn, DeliveryTask, Hold, Loan


def lock_queue(session: Session, book_id: UUID) -> None:
    """One at a time among those who put a title's queue in order, until the transaction ends. Before any copy."""
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('holds:' || :book, 0))"), {"book": str(book_id)}
    )


def lock_first_waiting(session: Session, book_id: UUID) -> Hold | None:
    """Whose turn it is."""
    waiting = select(Hold).where(Hold.book_id == book_id, Hold.status == HoldStatus.WAITING)
    return session.scalar(_locked(waiting.order_by(Hold.placed_at, Hold.id).limit(1)))


def last_placed(session: Session, book_id: UUID) -> datetime | None:
    """When the last in line came; None where nobody waits."""
    return session.scalar(
        select(func.max(Hold.placed_at)).where(Hold.book_id == book_id, Hold.status == HoldStatus.WAITING)
    )


def lock_hold(session: Session, hold_id: UUID) -> Hold | None:
    return session.scalar(_locked(select(Hold).where(Hold.id == hold_id)))


def lock_offer_of_copy(session: Session, copy_id: UUID) -> Hold | None:
    return session.scalar(
        _locked(select(Hold).where(Hold.offered_copy_id == copy_id, Hold.status == HoldStatus.OFFERED))
    )


def lock_lapsed_offer(session: Session, hold_id: UUID, now: datetime) -> Hold | None:
    lapsed = select(Hold).where(Hold.id == hold_id, Hold.status == HoldStatus.OFFERED, Hold.offered_until <= now)
    return session.scalar(_locked(lapsed))


def lock_open_hold(session: Session, user_id: UUID, book_id: UUID) -> Hold | None:
    return session.scalar(_locked(_open_hold(user_id, book_id)))


def open_hold(session: Session, user_id: UUID, book_id: UUID) -> Hold | None:
    return session.scalar(_open_hold(user_id, book_id))


def _open_hold(user_id: UUID, book_id: UUID) -> Select[Hold]:
    return select(Hold).where(Hold.user_id == user_id, Hold.book_id == book_id, Hold.status.in_(OPEN_HOLD))


def _locked(query: Select[Hold]) -> Select[Hold]:
    return query.with_for_update().execution_options(populate_existing=True)


def open_holds(session: Session, user_id: UUID) -> Sequence[Hold]:
    """By title, so that whoever locks their queues does so in one order."""
    found = select(Hold).where(Hold.user_id == user_id, Hold.status.in_(OPEN_HOLD))
    return session.scalars(found.order_by(Hold.book_id)).all()


def is_waited_for(session: Session, book_id: UUID, but: UUID | None = None) -> bool:
    """Whether anybody waits for a copy of a title; `but` does not count."""
    waiting = exists().where(Hold.book_id == book_id, Hold.status == HoldStatus.WAITING)
    return bool(session.scalar(select(waiting if but is None else waiting.where(Hold.user_id != but))))


def positions(session: Session, holds: Collection[Hold]) -> Mapping[UUID, int]:
    """Of those that wait: 1 for whose turn is next."""
    ids = [hold.id for hold in holds if hold.status == HoldStatus.WAITING]
    if not ids:
        return {}
    ahead = aliased(Hold)
    before = (
        select(func.count())
        .where(ahead.book_id == Hold.book_id, ahead.status == HoldStatus.WAITING)
        .where(or_(ahead.placed_at < Hold.placed_at, and_(ahead.placed_at == Hold.placed_at, ahead.id <= Hold.id)))
        .label("place")
    )
    return {row.id: row.place for row in session.execute(select(Hold.id, before).where(Hold.id.in_(ids)))}


def holds(
    user_id: UUID | None, book_id: UUID | None, status: HoldStatus | None, is_open: bool | None
) -> Select[Hold]:
    equals = {Hold.user_id: user_id, Hold.book_id: book_id, Hold.status: status}
    found = select(Hold).where(*(column == value for column, value in equals.items() if value is not None))
    if is_open is None:
        return found
    return found.where(Hold.status.in_(OPEN_HOLD) if is_open else Hold.status.not_in(OPEN_HOLD))


def loans(
    user_id: UUID | None, book_id: UUID | None, is_open: bool | None, overdue: bool | None, now: datetime
) -> Select[Loan]:
    equals = {Loan.user_id: user_id, Loan.book_id: book_id}
    found = select(Loan).where(*(column == value for column, value in equals.items() if value is not None))
    if is_open is not None:
        found = found.where(Loan.closed_at.is_(None) if is_open else Loan.closed_at.is_not(None))
    if overdue is not None:
        late = and_(Loan.closed_at.is_(None), Loan.due_at < now)
        found = found.where(late if overdue else or_(Loan.closed_at.is_not(None), Loan.due_at >= now))
    return found


def lock_last_loan_of_copy(session: Session, copy_id: UUID) -> Loan | None:
    """The newest, open or closed."""
    newest = select(Loan).where(Loan.copy_id == copy_id).order_by(Loan.opened_at.desc(), Loan.id.desc()).limit(1)
    return session.scalar(newest.with_for_update().execution_options(populate_existing=True))


def unfinished_task_of_copy(session: Session, copy_id: UUID) -> UUID | None:
    return session.scalar(
        select(DeliveryTask.id).where(DeliveryTask.copy_id == copy_id, DeliveryTask.status.in_(UNFINISHED_TASK))
    )


def open_request_of_copy(session: Session, copy_id: UUID) -> BookRequest | None:
    return session.scalar(
        select(BookRequest).where(BookRequest.copy_id == copy_id, BookRequest.status.in_(OPEN_REQUEST))
    )


# --- what periodic jobs look for; each is looked at again once it is locked ---


def lapsed_offers(session: Session, now: datetime, limit: int) -> Sequence[UUID]:
    found = select(Hold.id).where(Hold.status == HoldStatus.OFFERED, Hold.offered_until <= now)
    return session.scalars(found.order_by(Hold.offered_until, Hold.id).limit(limit)).all()


def titles_waited_for(session: Session, after: UUID | None, limit: int) -> Sequence[UUID]:
    """Titles whose queue is not empty, in the order of their ids, behind this one."""
    found = select(Hold.book_id).where(Hold.status == HoldStatus.WAITING).distinct()
    if after is not None:
        found = found.where(Hold.book_id > after)
    return session.scalars(found.order_by(Hold.book_id).limit(limit)).all()


def waiting_for(session: Session, book_id: UUID) -> Sequence[Hold]:
    """Everybody who waits for a title, locked, the first in line first."""
    waiting = select(Hold).where(Hold.book_id == book_id, Hold.status == HoldStatus.WAITING)
    return session.scalars(_locked(waiting.order_by(Hold.placed_at, Hold.id))).all()


def unaccepted_tasks(session: Session, before: datetime, limit: int) -> Sequence[UUID]:
    """Tasks of requests that nobody has accepted since then."""
    found = (
        select(DeliveryTask.id)
        .join(BookRequest, BookRequest.id == DeliveryTask.request_id)
        .where(BookRequest.status == RequestStatus.PENDING, BookRequest.requested_at <= before)
        .where(DeliveryTask.status.in_(UNFINISHED_TASK))
    )
    return session.scalars(found.order_by(BookRequest.requested_at, BookRequest.id).limit(limit)).all()


def unattended_tasks(session: Session, before: datetime, limit: int) -> Sequence[UUID]:
    """Newest tasks, ended by then, of requests that need attention ever since."""
    newest = (
        select(DeliveryTask.id)
        .where(DeliveryTask.request_id == BookRequest.id)
        .order_by(DeliveryTask.created_at.desc(), DeliveryTask.id.desc())
        .limit(1)
        .correlate(BookRequest)
        .scalar_subquery()
    )
    found = (
        select(DeliveryTask.id)
        .join(BookRequest, DeliveryTask.id == newest)
        .where(BookRequest.needs_attention, BookRequest.status == RequestStatus.APPROVED)
        .where(DeliveryTask.completed_at <= before)
    )
    return session.scalars(found.order_by(DeliveryTask.completed_at, DeliveryTask.id).limit(limit)).all()


def lock_loans_to_notice(session: Session, now: datetime, policy: Policy, limit: int) -> Sequence[Loan]:
    """Open loans whose reader is due a notice that they have not had."""
    found = select(Loan).where(Loan.closed_at.is_(None), _lacks_notice(now, policy)).order_by(Loan.due_at, Loan.id)
    return session.scalars(
        found.limit(limit).with_for_update(skip_locked=True).execution_options(populate_existing=True)
    ).all()


def _lacks_notice(now: datetime, policy: Policy) -> ColumnElement[bool]:
    order = list(Notice)
    reached = (
        and_(
            Loan.due_at <= now - after,
            or_(Loan.notice.is_(None), Loan.notice.in_(order[: order.index(notice)])),
        )
        for notice, after in moments(policy).items()
    )
    return or_(*reached)


def loans_to_forget(session: Session, before: datetime, limit: int) -> Sequence[UUID]:
    """Loans that ended by then, whose reader need not be known any more."""
    under_way = exists().where(BookReturn.loan_id == Loan.id, BookReturn.status.in_(OPEN_RETURN))
    found = (
        select(Loan.id)
        .where(Loan.closed_at <= before, ~Loan.flagged, Loan.user_id.is_not(None), Loan.closed_how != "LOST")
        .where(~under_way)
    )
    return session.scalars(found.order_by(Loan.closed_at, Loan.id).limit(limit)).all()


def forget_reader(session: Session, loan_id: UUID, now: datetime) -> bool:
    """Take the reader out of a loan, its request, returns, tasks and their history; False if that cannot be now."""
    return bool(session.scalar(select(func.forget_reader(loan_id, now))))
