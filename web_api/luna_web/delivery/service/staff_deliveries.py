"""Deliveries that staff send each other: to a colleague, to a workstation, to another shelf."""

from dataclasses import dataclass
from uuid import UUID

from luna_web.auth import service as accounts
from luna_web.auth.errors import UserNotFound
from luna_web.book import service as books
from luna_web.book.domain import IN_USE, CopyStatus, StatusReason
from luna_web.book.errors import BookInUse, CopyNotFound
from luna_web.delivery import events
from luna_web.delivery.circulation import LoansAndRequests
from luna_web.delivery.domain.queueing import queue_key
from luna_web.delivery.domain.staff_deliveries import kept
from luna_web.delivery.domain.states import Priority, TaskStatus, TaskType
from luna_web.delivery.domain.stops import staff_delivery
from luna_web.delivery.models import DeliveryTask
from luna_web.delivery.repository import TaskRows
from luna_web.delivery.schemas import NewStaffDelivery
from luna_web.delivery.service import places
from luna_web.delivery.service.work import Work
from luna_web.robot.service import WaypointView
from luna_web.shared.errors import ValidationFailed
from luna_web.shared.ids import new_id
from luna_web.shared.principal import STAFF_ROLES
from luna_web.shared.tracing import trace_id


@dataclass(frozen=True, slots=True)
class Item:
    """What travels: a copy as it was found, or something that the catalog does not know."""

    description: str
    book_id: UUID | None = None
    copy_id: UUID | None = None
    status: CopyStatus | None = None
    reason: StatusReason | None = None


def create(work: Work, task_type: TaskType, wish: NewStaffDelivery) -> TaskRows:
    """The task, queued at once, and its copy kept for it.

    Raises CopyNotFound, BookInUse, UnknownLocation, LocationInactive, ValidationFailed.
    """
    source = places.for_staff(work.session, wish.source_location)
    destination = places.for_staff(work.session, wish.destination_location)
    _check(work, wish, source, destination)
    item = keep(work, _named(work, wish)) if wish.item_description is None else Item(wish.item_description)
    task = queued(work, task_type, item, source, destination, wish.priority)
    task.recipient_id, task.notes = wish.recipient_id, wish.notes
    return add(work, task, "delivery.create")


def _check(work: Work, wish: NewStaffDelivery, source: WaypointView, destination: WaypointView) -> None:
    if source.id == destination.id:
        raise ValidationFailed({"destination_location": ["must be another place than source_location"]})
    if wish.recipient_id is None:
        return
    try:
        person = accounts.get_user(work.session, wish.recipient_id)
    except UserNotFound:
        person = None
    if person is None or not person.is_active or person.role not in STAFF_ROLES:
        raise ValidationFailed({"recipient_id": ["must be somebody of the staff whose account is active"]})


def _named(work: Work, wish: NewStaffDelivery) -> UUID:
    if wish.copy_id is not None:
        return wish.copy_id
    copy = books.get_copy_by_barcode(work.session, wish.barcode or "")
    if copy is None:
        raise CopyNotFound(details={"barcode": wish.barcode})
    return copy.id


def keep(work: Work, copy_id: UUID) -> Item:
    """Lock a copy that nobody has and hold it back from readers. Raises CopyNotFound, BookInUse."""
    copy = books.lock_copy(work.session, copy_id)
    if copy.status in IN_USE or LoansAndRequests().engaged(work.session, [copy_id]):
        raise BookInUse([copy.barcode])
    if kept(copy.status) is not copy.status:
        books.set_copy_status(work.session, copy_id, (copy.status,), kept(copy.status))
    title = books.get_title(work.session, copy.book_id)
    return Item(title.title, copy.book_id, copy.id, copy.status, copy.status_reason)


def queued(
    work: Work, task_type: TaskType, item: Item, source: WaypointView, destination: WaypointView, priority: Priority
) -> DeliveryTask:
    """A new task, not yet in the session."""
    task = DeliveryTask(
        id=new_id(),
        task_type=task_type,
        priority=priority,
        priority_rank=priority.rank,
        status=TaskStatus.QUEUED,
        queued_at=work.now,
        queue_key=queue_key(work.now, priority, work.policy),
        book_id=item.book_id,
        copy_id=item.copy_id,
        copy_status_before=item.status,
        copy_reason_before=item.reason,
        item_description=item.description,
        created_by=work.principal.user_id,
        trace_id=trace_id(),
        attempt=1,
        version=1,
    )
    places.put_plan(task, staff_delivery(places.placed(source), places.placed(destination), work.policy))
    return task


def add(work: Work, task: DeliveryTask, action: str) -> TaskRows:
    """Write a queued task that serves nobody, with its history, event and audit row; robots are told."""
    work.session.add(task)
    work.session.flush()
    rows = TaskRows(task, None, None)
    work.ledger().opened(rows)
    events.wake_controller(work.session, None)
    changes = {
        "task_type": task.task_type,
        "copy_id": task.copy_id,
        "from": task.source_location,
        "to": task.destination_location,
        "retry_of": task.retry_of,
    }
    work.audit(action, "delivery", task.id, changes)
    work.session.flush()
    return rows
