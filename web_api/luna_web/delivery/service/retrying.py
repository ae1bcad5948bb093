"""A failed delivery is tried again: a new task, since what is over stays as it was."""

from uuid import UUID

from luna_web.book import service as books
from luna_web.book.domain import CopyStatus
from luna_web.delivery import events, repository
from luna_web.delivery.domain import machines
from luna_web.delivery.domain.facts import Decision, RequestChange, TaskStep
from luna_web.delivery.domain.states import QUEUED, Priority, Reason, RequestStatus, TaskStatus, TaskType
from luna_web.delivery.errors import AlreadyRequested, NotBorrowedByYou, TriedAgain, as_answer
from luna_web.delivery.models import BookRequest, BookReturn, DeliveryTask
from luna_web.delivery.repository import TaskRows
from luna_web.delivery.rows import state_of
from luna_web.delivery.service import places, requests, returns, staff_deliveries, tasks
from luna_web.delivery.service.work import Work
from luna_web.shared.errors import IllegalTransition


def retry(work: Work, task_id: UUID, source_location: str | None) -> TaskRows:
    """Queue a new task with `retry_of`: its request goes on, with the same copy or another free one.

    Raises NotFound, IllegalTransition for what has not failed or is not open any more, TriedAgain, BookNotAvailable,
    BookInUse, NotBorrowedByYou, AlreadyRequested, UnknownLocation, LocationInactive.
    """
    rows = tasks.locked(work, task_id)
    if rows.task.status != TaskStatus.FAILED:
        raise as_answer(machines.TASK.refusal(state_of(rows.task), QUEUED))
    if (earlier := repository.retry_of(work.session, task_id)) is not None:
        raise TriedAgain(earlier.id)
    if rows.request is not None:
        return _request_goes_on(work, rows.task, rows.request, source_location)
    if rows.book_return is not None:
        return _returned_again(work, rows.task, rows.book_return)
    return _sent_again(work, rows.task, source_location)


def _request_goes_on(work: Work, failed: DeliveryTask, request: BookRequest, source_location: str | None) -> TaskRows:
    if request.status != RequestStatus.APPROVED:
        raise IllegalTransition("request", request.status, RequestStatus.APPROVED, ())
    kept = _keep_a_copy(work, request)
    source = source_location or (_last_seen(failed) if kept else None)
    task = requests.task_for(work, request, failed.id)
    requests.plan(work, request, task, source)
    rows = TaskRows(task, request, None)
    ledger = work.ledger()
    ledger.opened_again(rows)
    accepted = Decision(steps=(TaskStep(QUEUED, Reason.TRIED_AGAIN),), request=RequestChange(RequestStatus.APPROVED))
    ledger.carry_out(rows, accepted)
    request.version += 1
    events.request_event(work.session, request, "tried_again", trace_id=task.trace_id)
    changes = {"retry_of": failed.id, "copy_id": request.copy_id, "source_location": task.source_location}
    work.audit("delivery.retry", "delivery", task.id, changes)
    work.session.flush()
    return rows


def _keep_a_copy(work: Work, request: BookRequest) -> bool:
    """The copy that is kept for the request, else another free one; whether it is the same. Raises BookNotAvailable."""
    copy = books.lock_copy(work.session, request.copy_id)
    if copy.status is CopyStatus.RESERVED:
        return True
    request.copy_id = books.reserve_copy(work.session, request.book_id).id
    work.session.flush()
    return False


def _last_seen(failed: DeliveryTask) -> str | None:
    """Where a person said that the item lies, if one did."""
    location = failed.metadata_.get("recovered", {}).get("location")
    return str(location) if location else None


def _returned_again(work: Work, failed: DeliveryTask, failed_return: BookReturn) -> TaskRows:
    """A return that failed is over; its loan is open still, and is fetched by a new one from the same place."""
    loan = repository.lock_loan(work.session, failed_return.loan_id)
    if loan is None or loan.closed_at is not None:
        raise NotBorrowedByYou("The loan of this return is closed")
    if repository.open_return_of(work.session, loan.id) is not None:
        raise AlreadyRequested("This book is being collected already", details={"loan_id": str(loan.id)})
    place = places.by_id(work.session, failed_return.waypoint_id)
    return returns.open_return(work, loan, place, failed_return.notes, failed)


def _sent_again(work: Work, failed: DeliveryTask, source_location: str | None) -> TaskRows:
    item = staff_deliveries.Item(failed.item_description)
    if failed.copy_id is not None:
        item = staff_deliveries.keep(work, failed.copy_id)
    where = source_location or _last_seen(failed) or failed.source_location or ""
    source = places.for_staff(work.session, where)
    destination = places.for_staff(work.session, failed.destination_location)
    task = staff_deliveries.queued(
        work, TaskType(failed.task_type), item, source, destination, Priority(failed.priority)
    )
    task.recipient_id, task.notes, task.retry_of = failed.recipient_id, failed.notes, failed.id
    return staff_deliveries.add(work, task, "delivery.retry")
