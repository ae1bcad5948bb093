"""Returns: a reader has a book collected."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from luna_web.delivery import events, repository
from luna_web.delivery.domain.queueing import queue_key
from luna_web.delivery.domain.states import Priority, ReturnStatus, TaskStatus, TaskType
from luna_web.delivery.domain.stops import return_pickup
from luna_web.delivery.errors import AlreadyRequested, NotBorrowedByYou
from luna_web.delivery.models import BookReturn, DeliveryTask, Loan
from luna_web.delivery.repository import TaskInBrief, TaskRows
from luna_web.delivery.schemas import NewReturn
from luna_web.delivery.service import places
from luna_web.delivery.service.work import Work
from luna_web.robot.service import WaypointView
from luna_web.shared.errors import NotFound
from luna_web.shared.ids import new_id
from luna_web.shared.tracing import trace_id


def create(work: Work, wish: NewReturn) -> TaskRows:
    """The return and its task, queued at once. Overdue books are always taken back.

    Raises NotBorrowedByYou, AlreadyRequested, UnknownLocation, LocationInactive.
    """
    place = places.for_readers(work.session, wish.pickup_location)
    return open_return(work, _loan_to_return(work, wish), place, wish.notes)


def open_return(
    work: Work, loan: Loan, place: WaypointView, notes: str | None, retry_of: DeliveryTask | None = None
) -> TaskRows:
    """A return of this locked loan and its task, queued at once; with the priority of the one that it tries again."""
    book_return = BookReturn(
        id=new_id(),
        user_id=loan.user_id,
        book_id=loan.book_id,
        loan_id=loan.id,
        copy_id=loan.copy_id,
        book_title=loan.book_title,
        book_author=loan.book_author,
        pickup_location=place.location_code,
        waypoint_id=place.id,
        status=ReturnStatus.PENDING,
        notes=notes,
        initiated_at=work.now,
        version=1,
    )
    work.session.add(book_return)
    work.session.flush()
    rows = TaskRows(_task(work, book_return, place, retry_of), None, book_return)
    work.ledger().opened(rows)
    events.wake_controller(work.session, None)
    changes = {"loan_id": loan.id, "location": place.location_code, "retry_of": retry_of.id if retry_of else None}
    work.audit("return.create", "return", book_return.id, changes)
    work.session.flush()
    return rows


def _loan_to_return(work: Work, wish: NewReturn) -> Loan:
    """The loan that was named, or the oldest open one of the title that no robot is fetching yet."""
    loans = _named_loan(work, wish.loan_id) if wish.loan_id else _loans_of_title(work, wish.book_id)
    if not loans:
        raise NotBorrowedByYou
    for loan in loans:
        if repository.open_return_of(work.session, loan.id) is None:
            return loan
    raise AlreadyRequested("This book is being collected already", details={"loan_id": str(loans[0].id)})


def _named_loan(work: Work, loan_id: UUID) -> list[Loan]:
    loan = repository.lock_loan(work.session, loan_id)
    return [loan] if loan and loan.closed_at is None and work.may_see(loan.user_id) else []


def _loans_of_title(work: Work, book_id: UUID | None) -> list[Loan]:
    return list(repository.lock_open_loans(work.session, work.principal.user_id, book_id)) if book_id else []


def _task(work: Work, book_return: BookReturn, place: WaypointView, retry_of: DeliveryTask | None) -> DeliveryTask:
    priority = Priority(retry_of.priority) if retry_of else Priority.NORMAL
    task = DeliveryTask(
        id=new_id(),
        task_type=TaskType.RETURN_PICKUP,
        priority=priority,
        priority_rank=priority.rank,
        status=TaskStatus.QUEUED,
        queued_at=work.now,
        queue_key=queue_key(work.now, priority, work.policy),
        return_id=book_return.id,
        book_id=book_return.book_id,
        copy_id=book_return.copy_id,
        retry_of=retry_of.id if retry_of else None,
        item_description=book_return.book_title,
        recipient_id=book_return.user_id,
        created_by=work.principal.user_id,
        trace_id=trace_id(),
        attempt=1,
        version=1,
    )
    workstation = places.returns_desk(work.session, work.policy)
    places.put_plan(task, return_pickup(places.placed(place), places.placed(workstation), work.policy))
    work.session.add(task)
    work.session.flush()
    return task


def get(work: Work, return_id: UUID) -> BookReturn:
    """Raises NotFound also for another's return, unless staff ask."""
    book_return = work.session.get(BookReturn, return_id)
    if book_return is None or not work.may_see(book_return.user_id):
        raise NotFound("There is no such return")
    return book_return


def locked(work: Work, return_id: UUID) -> TaskRows:
    """The return with its newest task, both locked. Raises NotFound as `get` does."""
    get(work, return_id)
    newest = repository.latest_task_of_return(work.session, return_id)
    rows = repository.lock_task(work.session, newest.id) if newest else None
    if rows is None:
        raise NotFound("There is no such return")
    return rows


def tasks_of(work: Work, returns: Sequence[BookReturn]) -> Mapping[UUID, TaskInBrief]:
    """The newest task of each, for lists."""
    return repository.tasks_of_returns(work.session, [row.id for row in returns])


def task_of(work: Work, return_id: UUID) -> DeliveryTask:
    """The newest task of a return. Raises NotFound."""
    task = repository.latest_task_of_return(work.session, return_id)
    if task is None:
        raise NotFound("There is no such return")
    return task
