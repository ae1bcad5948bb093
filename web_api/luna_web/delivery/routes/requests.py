"""`/api/v1/requests`."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from starlette.responses import Response

from luna_web.book.errors import BookNotAvailable
from luna_web.delivery import views
from luna_web.delivery.domain.states import Reason, RequestStatus, TaskType
from luna_web.delivery.errors import AlreadyRequested, HandoverPending, LimitReached, RobotNotAtStop
from luna_web.delivery.repository import RequestFilter, TaskRows
from luna_web.delivery.routes import confirming
from luna_web.delivery.routes.doing import Calling, Doing, Within
from luna_web.delivery.routes.telling import timeline
from luna_web.delivery.schemas import ActivityOut, Approval, Cancellation, Empty, HoldOut, NewRequest, RequestOut
from luna_web.delivery.service import cancelling, handovers, holds, lists, requests
from luna_web.delivery.service.work import Work
from luna_web.robot.errors import LocationInactive, UnknownLocation
from luna_web.shared.cursors import After, read_cursor
from luna_web.shared.envelope import created, ok, page
from luna_web.shared.errors import Forbidden, IllegalTransition, NotFound
from luna_web.shared.page_query import Paging
from luna_web.shared.principal import any_user, staff
from luna_web.shared.routing import LunaRouter

router = LunaRouter(prefix="/api/v1/requests", tags=["requests"])
PLACE_ERRORS = (UnknownLocation, LocationInactive)
LATER = {202: "Asked for; the robot has not taken it yet"}


def shown(work: Work, request_id: UUID) -> RequestOut:
    request = requests.get(work, request_id)
    task = requests.tasks_of(work, [request]).get(request.id)
    return views.request_out(request, task, for_staff=work.is_staff)


def _shown(work: Work, rows: TaskRows) -> RequestOut:
    """A request as this transaction has left it."""
    return views.request_out(requests.request_of(rows), rows.task, for_staff=work.is_staff)


@router.post(
    "",
    rule=any_user,
    data=RequestOut,
    status=201,
    also={202: ("No copy is free: a place in the queue", HoldOut)},
    idempotent=True,
    errors=(NotFound, BookNotAvailable, AlreadyRequested, LimitReached, *PLACE_ERRORS),
)
def create_request(wish: NewRequest, work: Doing, request: Request) -> Response:
    """A copy that is kept for the reader, since it is their turn, is the one that is brought."""
    try:
        rows = requests.create(work, wish)
    except BookNotAvailable:
        if not wish.hold_if_unavailable:
            raise
        hold = holds.wait_for(work, wish.book_id)
        headers = {"Location": f"/api/v1/holds/{hold.id}"}
        return ok(views.hold_out(hold, holds.position(work, hold)), request=request, status=202, headers=headers)
    made = _shown(work, rows)
    return created(made, request=request, location=f"/api/v1/requests/{made.id}")


@router.get("", rule=any_user, items=RequestOut)
def list_requests(
    work: Doing,
    paging: Paging,
    within: Within,
    request: Request,
    status: RequestStatus | None = None,
    book_id: UUID | None = None,
    user_id: Annotated[UUID | None, Query(description="Staff only; others see their own")] = None,
    needs_attention: Annotated[bool | None, Query(description="Those whose delivery has failed, or all others")] = None,
) -> Response:
    which = RequestFilter(user_id, book_id, status, needs_attention, within.since, within.until)
    found = lists.requests(work, which, paging)
    tasks = requests.tasks_of(work, found.items)
    shown_rows = [views.request_out(row, tasks.get(row.id), for_staff=work.is_staff) for row in found.items]
    return page(shown_rows, found.pagination, request=request)


@router.get("/{request_id}", rule=any_user, data=RequestOut, errors=(NotFound,))
def get_request(request_id: UUID, work: Doing, request: Request) -> Response:
    return ok(shown(work, request_id), request=request)


@router.get("/{request_id}/activity", rule=any_user, items=ActivityOut, errors=(NotFound,))
def get_activity(
    request_id: UUID, work: Doing, paging: Paging, request: Request, after: After = None
) -> Response:
    row = requests.get(work, request_id)
    found = lists.request_activity(work, row, paging, read_cursor(after) if after else None)
    shown_steps = timeline(work, TaskType.STUDENT_DELIVERY, row.user_id, found.items)
    return page(shown_steps, found.pagination, request=request, meta={"next": lists.next_of_steps(found)})


def approve_request(request_id: UUID, work: Doing, request: Request, approval: Approval | None = None) -> Response:
    rows = requests.approve(work, request_id, approval.source_location if approval else None)
    return ok(_shown(work, rows), request=request)


for route in (router.put, router.post):
    route(
        "/{request_id}/approve",
        rule=staff,
        data=RequestOut,
        errors=(NotFound, IllegalTransition, *PLACE_ERRORS),
        operation_id=f"approve_request_{route.__name__}",
    )(approve_request)


@router.put(
    "/{request_id}/cancel",
    rule=any_user,
    data=RequestOut,
    also=LATER,
    errors=(NotFound, Forbidden, IllegalTransition, HandoverPending),
)
def cancel_request(
    request_id: UUID, caller: Calling, request: Request, cancellation: Cancellation | None = None
) -> Response:
    note = cancellation.reason if cancellation else None

    def ask(work: Work) -> bool:
        rows = requests.locked(work, request_id)
        mine = rows.task.recipient_id == work.principal.user_id
        if not mine and not work.is_admin:
            raise Forbidden("Only its reader can cancel a request; cancel its delivery instead")
        reason = Reason.CANCELLED_BY_USER if mine else Reason.CANCELLED_BY_STAFF
        return cancelling.cancel_request(work, rows, reason, note)

    return confirming.answer(
        caller, request, ask, lambda work: requests.task_of(work, request_id), confirming.cancelled, shown, request_id
    )


@router.put(
    "/{request_id}/complete",
    rule=any_user,
    data=RequestOut,
    also=LATER,
    errors=(NotFound, Forbidden, IllegalTransition, RobotNotAtStop),
)
def complete_request(request_id: UUID, caller: Calling, request: Request, _: Empty | None = None) -> Response:
    def say(work: Work) -> bool:
        rows = requests.locked(work, request_id)
        if rows.task.recipient_id != work.principal.user_id:
            raise Forbidden("Only its reader can say that the book was received")
        return handovers.received(work, rows)

    return confirming.answer(
        caller, request, say, lambda work: requests.task_of(work, request_id), confirming.unloaded, shown, request_id
    )
