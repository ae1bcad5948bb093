"""What is listed: the queries behind the lists, with who may see what."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select

from luna_web.delivery import circulation_repository, repository
from luna_web.delivery.domain.states import HoldStatus, Priority, ReturnStatus, TaskStatus, TaskType
from luna_web.delivery.models import BookRequest, BookReturn, DeliveryTask, Hold, Loan, TaskStatusHistory
from luna_web.delivery.repository import RequestFilter
from luna_web.delivery.service import tasks
from luna_web.delivery.service.work import Work
from luna_web.shared import cursors
from luna_web.shared.cursors import Cursor
from luna_web.shared.errors import ValidationFailed
from luna_web.shared.paging import Order, Page, PageParams, chosen_sort, paginate

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
    """Filters of returns, loans and holds. Students see their own, whatever they ask for."""

    user_id: UUID | None = None
    book_id: UUID | None = None


def _seen_by(work: Work, asked: UUID | None) -> UUID | None:
    return asked if work.is_staff else work.principal.user_id


def requests(work: Work, which: RequestFilter, params: PageParams) -> Page[BookRequest]:
    """Students see their own, whoever's they ask for."""
    found = repository.requests(replace(which, user_id=_seen_by(work, which.user_id)))
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


def deliveries(
    work: Work, which: Deliveries, span: Span, params: PageParams, after: Cursor | None = None
) -> Page[DeliveryTask]:
    """Newest first. Raises ValidationFailed for a cursor beside another order than that of time."""
    equals = {
        DeliveryTask.status: which.status,
        DeliveryTask.task_type: which.task_type,
        DeliveryTask.priority: which.priority,
        DeliveryTask.assigned_robot_id: which.robot_id,
        DeliveryTask.request_id: which.request_id,
        DeliveryTask.return_id: which.return_id,
    }
    found = repository.deliveries(equals, span.since, span.until)
    if after is not None:
        if chosen_sort(params, tuple(TASK_SORTS), "created_at") != "created_at":
            raise ValidationFailed({"after": ["goes with sort=created_at only"]})
        at, row_id, newest_first = DeliveryTask.created_at, DeliveryTask.id, params.order is not Order.ASC
        found = found.where(cursors.behind(after, at, row_id, newest_first=newest_first))
    return paginate(
        work.session, found, params, TASK_SORTS, default="created_at", tie=DeliveryTask.id, default_order=Order.DESC
    )


def next_of_deliveries(page: Page[DeliveryTask]) -> str | None:
    """Where the next page begins, for lists in the order of time; None on the last."""
    return cursors.next_cursor(page, lambda row: Cursor(row.created_at, row.id))


def history(work: Work, task_id: UUID, params: PageParams, after: Cursor | None = None) -> Page[TaskStatusHistory]:
    """Oldest first. Raises NotFound."""
    return _steps(work, repository.history(tasks.get(work, task_id).id), params, after)


def request_activity(
    work: Work, request: BookRequest, params: PageParams, after: Cursor | None = None
) -> Page[TaskStatusHistory]:
    """Oldest first."""
    return _steps(work, repository.timeline_of_request(request.id), params, after)


def return_activity(
    work: Work, book_return: BookReturn, params: PageParams, after: Cursor | None = None
) -> Page[TaskStatusHistory]:
    """Oldest first."""
    return _steps(work, repository.timeline_of_return(book_return.id), params, after)


def _steps(
    work: Work, found: Select[TaskStatusHistory], params: PageParams, after: Cursor | None
) -> Page[TaskStatusHistory]:
    row_id = TaskStatusHistory.id
    if after is not None:
        found = found.where(row_id < after.id.int if params.order is Order.DESC else row_id > after.id.int)
    return paginate(work.session, found, params, HISTORY_SORTS, default="at", tie=row_id)


def next_of_steps(page: Page[TaskStatusHistory]) -> str | None:
    """Where the next page begins; None on the last. A step is known by its number, which cursors carry as an id."""
    return cursors.next_cursor(page, lambda row: Cursor(row.at, UUID(int=row.id)))
