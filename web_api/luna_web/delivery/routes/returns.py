"""`/api/v1/returns`."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from starlette.responses import Response

from luna_web.delivery import views
from luna_web.delivery.domain.states import Reason, ReturnStatus, TaskType
from luna_web.delivery.errors import AlreadyRequested, HandoverPending, NotBorrowedByYou, RobotNotAtStop
from luna_web.delivery.routes import confirming
from luna_web.delivery.routes.doing import Calling, Doing, Within
from luna_web.delivery.routes.requests import LATER, PLACE_ERRORS
from luna_web.delivery.routes.telling import timeline
from luna_web.delivery.schemas import ActivityOut, Cancellation, Empty, NewReturn, ReturnOut
from luna_web.delivery.service import cancelling, handovers, lists, returns
from luna_web.delivery.service.lists import Whose
from luna_web.delivery.service.work import Work
from luna_web.shared.cursors import After, read_cursor
from luna_web.shared.envelope import created, ok, page
from luna_web.shared.errors import Forbidden, IllegalTransition, NotFound
from luna_web.shared.page_query import Paging
from luna_web.shared.principal import any_user
from luna_web.shared.routing import LunaRouter

router = LunaRouter(prefix="/api/v1/returns", tags=["returns"])


def shown(work: Work, return_id: UUID) -> ReturnOut:
    row = returns.get(work, return_id)
    return views.return_out(row, returns.tasks_of(work, [row]).get(row.id))


@router.post(
    "",
    rule=any_user,
    data=ReturnOut,
    status=201,
    idempotent=True,
    errors=(NotBorrowedByYou, AlreadyRequested, *PLACE_ERRORS),
)
def create_return(wish: NewReturn, work: Doing, request: Request) -> Response:
    rows = returns.create(work, wish)
    made = shown(work, rows.task.return_id) if rows.task.return_id else None
    return created(made, request=request, location=f"/api/v1/returns/{rows.task.return_id}")


@router.get("", rule=any_user, items=ReturnOut)
def list_returns(
    work: Doing,
    paging: Paging,
    within: Within,
    request: Request,
    status: ReturnStatus | None = None,
    book_id: UUID | None = None,
    user_id: Annotated[UUID | None, Query(description="Staff only; others see their own")] = None,
) -> Response:
    found = lists.returns(work, Whose(user_id, book_id), status, within, paging)
    tasks = returns.tasks_of(work, found.items)
    shown_rows = [views.return_out(row, tasks.get(row.id)) for row in found.items]
    return page(shown_rows, found.pagination, request=request)


@router.get("/{return_id}", rule=any_user, data=ReturnOut, errors=(NotFound,))
def get_return(return_id: UUID, work: Doing, request: Request) -> Response:
    return ok(shown(work, return_id), request=request)


@router.get("/{return_id}/activity", rule=any_user, items=ActivityOut, errors=(NotFound,))
def get_activity(
    return_id: UUID, work: Doing, paging: Paging, request: Request, after: After = None
) -> Response:
    row = returns.get(work, return_id)
    found = lists.return_activity(work, row, paging, read_cursor(after) if after else None)
    shown_steps = timeline(work, TaskType.RETURN_PICKUP, row.user_id, found.items)
    return page(shown_steps, found.pagination, request=request, meta={"next": lists.next_of_steps(found)})


@router.put(
    "/{return_id}/picked-up",
    rule=any_user,
    data=ReturnOut,
    also=LATER,
    errors=(NotFound, Forbidden, IllegalTransition, RobotNotAtStop),
)
def picked_up(return_id: UUID, caller: Calling, request: Request, _: Empty | None = None) -> Response:
    def say(work: Work) -> bool:
        rows = returns.locked(work, return_id)
        if rows.task.recipient_id != work.principal.user_id:
            raise Forbidden("Only its reader can say that the book is on the robot")
        return handovers.loaded(work, rows)

    return confirming.answer(
        caller, request, say, lambda work: returns.task_of(work, return_id), confirming.loaded, shown, return_id
    )


@router.put(
    "/{return_id}/cancel",
    rule=any_user,
    data=ReturnOut,
    also=LATER,
    errors=(NotFound, IllegalTransition, HandoverPending),
)
def cancel_return(
    return_id: UUID, caller: Calling, request: Request, cancellation: Cancellation | None = None
) -> Response:
    note = cancellation.reason if cancellation else None

    def ask(work: Work) -> bool:
        rows = returns.locked(work, return_id)
        mine = rows.task.recipient_id == work.principal.user_id
        reason = Reason.CANCELLED_BY_USER if mine else Reason.CANCELLED_BY_STAFF
        return cancelling.cancel_return(work, rows, reason, note)

    return confirming.answer(
        caller, request, ask, lambda work: returns.task_of(work, return_id), confirming.cancelled, shown, return_id
    )
