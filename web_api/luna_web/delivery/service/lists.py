"""What is listed: the queries behind the lists, with who may see what."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from luna_web.delivery import circulation_repository, repository
from luna_web.delivery.domain.states import HoldStatus, Priority, RequestStatus, ReturnStatus, TaskStatus, TaskType
from luna_web.delivery.models import BookRequest, BookReturn, DeliveryTask, Hold, Loan, TaskStatusHistory
from luna_web.delivery.service import tasks
from luna_web.delivery.service.work import Work
from luna_web.shared.paging import Order, Page, PageParams, paginate

REQUEST_SORTS = {
    "requested_at": BookRequest.requested_at,
    "status": BookRequest.status,
    "book_title": BookRequest.book_title,
}
RETURN_SORTS = {
    "initiated_at": BookReturn.initiated_at,
    "status": BookReturn.status,
    "book_title": BookReturn.book_title,
}
LOAN_SORTS = {"opened_at": Loan.opened_at, "due_at": Loan.due_at, "book_title": Loan.book_title}
HOLD_SORTS = {"placed_at": Hold.placed_at, "status": Hold.status, "book_title": Hold.book_title}
TASK_SORTS = {
    "created_at": DeliveryTask.created_at,
    "priority": DeliveryTask.priority_rank,
    "status": DeliveryTask.status,
}
HISTORY_SORTS = {"at": TaskStatusHistory.id}


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` on, before `until`; None = without end."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Whose:
    """Filters of requests, returns, loans and holds. Students see their own, whatever they ask for."""

    user_id: UUID | None = None
    book_id: UUID | None = None


def _seen_by(work: Work, asked: UUID | None) -> UUID | None:
    return asked if work.is_staff else work.principal.user_id


def requests(
    work: Work, whose: Whose, status: RequestStatus | None, span: Span, params: PageParams
) -> Page[BookRequest]:
    found = repository.requests(_seen_by(work, whose.user_id), whose.book_id, status, span.since, span.until)
    return paginate(
        work.session, found, params, REQUEST_SORTS, default="requested_at", tie=BookRequest.id, default_order=Order.DESC
    )


def returns(work: Work, whose: Whose, status: ReturnStatus | None, span: Span, params: PageParams) -> Page[BookReturn]:
    found = repository.returns(_seen_by(work, whose.user_id), whose.book_id, status, span.since, span.until)
    return paginate(
        work.session, found, params, RETURN_SORTS, default="initiated_at", tie=BookReturn.id, default_order=Order.DESC
    )


def loans(work: Work, whose: Whose, is_open: bool | None, overdue: bool | None, params: PageParams) -> Page[Loan]:
    found = circulation_repository.loans(
        _seen_by(work, whose.user_id), whose.book_id, is_open, overdue, work.now
    )
    return paginate(work.session, found, params, LOAN_SORTS, default="opened_at", tie=Loan.id, default_order=Order.DESC)


def holds(
    work: Work, whose: Whose, status: HoldStatus | None, is_open: bool | None, params: PageParams
) -> Page[Hold]:
    found = circulation_repository.holds(_seen_by(work, whose.user_id), whose.book_id, status, is_open)
    return paginate(work.session, found, params, HOLD_SORTS, default="placed_at", tie=Hold.id, default_order=Order.DESC)


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Filters of deliveries."""

    status: TaskStatus | None = None
    task_type: TaskType | None = None
    priority: Priority | None = None
    robot_id: UUID | None = None
    request_id: UUID | None = None
    return_id: UUID | None = None


def deliveries(work: Work, which: Deliveries, span: Span, params: PageParams) -> Page[DeliveryTask]:
    equals = {
        DeliveryTask.status: which.status,
        DeliveryTask.task_type: which.task_type,
        DeliveryTask.priority: which.priority,
        DeliveryTask.assigned_robot_id: which.robot_id,
        DeliveryTask.request_id: which.request_id,
        DeliveryTask.return_id: which.return_id,
    }
    found = repository.deliveries(equals, span.since, span.until)
    return paginate(
        work.session, found, params, TASK_SORTS, default="created_at", tie=DeliveryTask.id, default_order=Order.DESC
    )


def history(work: Work, task_id: UUID, params: PageParams) -> Page[TaskStatusHistory]:
    """Oldest first. Raises NotFound."""
    task = tasks.get(work, task_id)
    return paginate(
        work.session, repository.history(task.id), params, HISTORY_SORTS, default="at", tie=TaskStatusHistory.id
    )


def request_activity(work: Work, request: BookRequest, params: PageParams) -> Page[TaskStatusHistory]:
    """Oldest first."""
    found = repository.timeline_of_request(request.id)
    return paginate(work.session, found, params, HISTORY_SORTS, default="at", tie=TaskStatusHistory.id)


def return_activity(work: Work, book_return: BookReturn, params: PageParams) -> Page[TaskStatusHistory]:
    """Oldest first."""
    found = repository.timeline_of_return(book_return.id)
    return paginate(work.session, found, params, HISTORY_SORTS, default="at", tie=TaskStatusHistory.id)
