"""Requests: a reader wants a title brought to them."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from luna_web.auth import service as accounts
from luna_web.book import service as books
from luna_web.delivery import repository
from luna_web.delivery.domain import machines
from luna_web.delivery.domain.facts import Decision, RequestChange, TaskStep
from luna_web.delivery.domain.states import (
    QUEUED,
    Priority,
    RequestStatus,
    TaskStatus,
    TaskType,
)
from luna_web.delivery.domain.stops import student_delivery
from luna_web.delivery.errors import AlreadyRequested, LimitReached, as_answer
from luna_web.delivery.models import BookRequest, DeliveryTask
from luna_web.delivery.repository import Standing, TaskInBrief, TaskRows
from luna_web.delivery.schemas import NewRequest
from luna_web.delivery.service import holds, places
from luna_web.delivery.service.work import Work
from luna_web.shared.errors import NotFound, ValidationFailed
from luna_web.shared.ids import new_id
from luna_web.shared.tracing import trace_id


def create(work: Work, wish: NewRequest) -> TaskRows:
    """The request, its task and the copy kept for it, in one transaction.

    Raises Unauthenticated for whose account was deactivated meanwhile,
    AlreadyRequested, LimitReached, UnknownLocation, LocationInactive, NotFound; BookNotAvailable, with nothing done.
    """
    priority = _priority(work, wish.priority)
    repository.lock_user_limits(work.session, work.principal.user_id)
    accounts.check_active(work.session, work.principal.user_id)
    title = books.get_title(work.session, wish.book_id)
    place = places.for_readers(work.session, wish.request_location)
    has = _within_limits(work, wish.book_id)
    copy = holds.take_copy(work, wish.book_id) if has.queued else books.reserve_copy(work.session, wish.book_id)
    request = BookRequest(
        id=new_id(),
        user_id=work.principal.user_id,
        book_id=wish.book_id,
        copy_id=copy.id,
        book_title=title.title,
        book_author=title.author,
        request_location=place.location_code,
        waypoint_id=place.id,
        priority=priority,
        status=RequestStatus.PENDING,
        notes=wish.notes,
        requested_at=work.now,
        needs_attention=False,
        version=1,
    )
    work.session.add(request)
    work.session.flush()
    rows = TaskRows(task_for(work, request), request, None)
    work.ledger().opened(rows)
    work.audit("request.create", "request", request.id, {"book_id": str(wish.book_id), "location": place.location_code})
    work.session.flush()
    return rows


def _priority(work: Work, wanted: Priority | None) -> Priority:
    priority = wanted or Priority.NORMAL
    if not work.is_staff and priority.rank > Priority.NORMAL.rank:
        raise ValidationFailed({"priority": ["must be LOW or NORMAL"]})
    return priority


def _within_limits(work: Work, book_id: UUID) -> Standing:
    user_id, policy = work.principal.user_id, work.policy
    has = repository.standing(work.session, user_id, book_id)
    if has.request_id is not None:
        raise AlreadyRequested(details={"request_id": str(has.request_id)})
    if has.requests >= policy.open_requests:
        raise LimitReached("open requests", policy.open_requests)
    if has.loans + has.requests >= policy.open_loans:  # what was asked for is going to be a loan
        raise LimitReached("loans, with the books that you have asked for,", policy.open_loans)
    return has


def task_for(work: Work, request: BookRequest, retry_of: UUID | None = None) -> DeliveryTask:
    """A new PENDING task for a request."""
    task = DeliveryTask(
        id=new_id(),
        task_type=TaskType.STUDENT_DELIVERY,
        priority=request.priority,
        priority_rank=Priority(request.priority).rank,
        status=TaskStatus.PENDING,
        request_id=request.id,
        book_id=request.book_id,
        copy_id=request.copy_id,
        retry_of=retry_of,
        item_description=request.book_title,
        destination_location=request.request_location,
        recipient_id=request.user_id,
        created_by=work.principal.user_id,
        trace_id=trace_id(),
        attempt=1,
        version=1,
    )
    work.session.add(task)
    work.session.flush()
    return task


def get(work: Work, request_id: UUID) -> BookRequest:
    """Raises NotFound also for another's request, unless staff ask."""
    request = work.session.get(BookRequest, request_id)
    if request is None or not work.may_see(request.user_id):
        raise NotFound("There is no such request")
    return request


def locked(work: Work, request_id: UUID) -> TaskRows:
    """The request with its newest task, both locked. Raises NotFound as `get` does."""
    known = repository.reader_and_task(work.session, request_id)
    if known is None or known.task_id is None or not work.may_see(known.user_id):
        raise NotFound("There is no such request")
    rows = repository.lock_task(work.session, known.task_id)
    if rows is None:
        raise NotFound("There is no such request")
    return rows


def approve(work: Work, request_id: UUID, source_location: str | None) -> TaskRows:
    """Accept the delivery: it is queued, with the poses as they are now. Approving again changes nothing.

    Raises IllegalTransition for one that was cancelled, UnknownLocation, LocationInactive.
    """
    rows = locked(work, request_id)
    request, task = request_of(rows), rows.task
    if request.approved_at is not None and request.status != RequestStatus.CANCELLED:
        return rows
    try:
        machines.REQUEST.check(RequestStatus(request.status), RequestStatus.APPROVED)
    except machines.IllegalTransition as refused:
        raise as_answer(refused) from refused
    plan(work, request, task, source_location)
    request.approved_by, request.approved_at = work.principal.user_id, work.now
    accepted = Decision(steps=(TaskStep(QUEUED),), request=RequestChange(RequestStatus.APPROVED))
    work.ledger(task.trace_id).carry_out(rows, accepted)
    work.audit("request.approve", "request", request.id, {"source_location": task.source_location})
    work.session.flush()
    return rows


def plan(work: Work, request: BookRequest, task: DeliveryTask, source_location: str | None) -> None:
    """Put the way from the named desk, else the copy's, to the reader into a task, with the poses as they are now."""
    desk = places.desk_for(work.session, request.copy_id, source_location, work.policy)
    reader = places.by_id(work.session, request.waypoint_id)
    places.put_plan(task, student_delivery(places.placed(desk), places.placed(reader), work.policy))


def request_of(rows: TaskRows) -> BookRequest:
    """The request that a task serves. Raises NotFound."""
    if rows.request is None:
        raise NotFound("There is no such request")
    return rows.request


def tasks_of(work: Work, requests: Sequence[BookRequest]) -> Mapping[UUID, TaskInBrief]:
    """The newest task of each, for lists."""
    return repository.tasks_of_requests(work.session, [request.id for request in requests])


def task_of(work: Work, request_id: UUID) -> DeliveryTask:
    """The newest task of a request. Raises NotFound."""
    task = repository.latest_task_of_request(work.session, request_id)
    if task is None:
        raise NotFound("There is no such request")
    return task
