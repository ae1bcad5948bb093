"""`/api/v1/deliveries`."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from starlette.responses import Response

from luna_web.delivery import views
from luna_web.delivery.domain.states import Priority, TaskStatus, TaskType
from luna_web.delivery.errors import HandoverPending, RobotNotAtStop, WrongBook
from luna_web.delivery.routes import confirming
from luna_web.delivery.routes.doing import Caller, Calling, Doing, Within
from luna_web.delivery.routes.requests import LATER
from luna_web.delivery.schemas import Cancellation, DeliveryOut, HistoryOut, Placed, Unloaded
from luna_web.delivery.service import cancelling, handovers, lists, tasks
from luna_web.delivery.service.lists import Deliveries
from luna_web.delivery.service.work import Work
from luna_web.shared.cursors import After, read_cursor
from luna_web.shared.envelope import ok, page
from luna_web.shared.errors import IllegalTransition, NotFound
from luna_web.shared.page_query import Paging
from luna_web.shared.principal import staff
from luna_web.shared.routing import LunaRouter

router = LunaRouter(prefix="/api/v1/deliveries", tags=["deliveries"])


async def which(
    status: TaskStatus | None = None,
    task_type: TaskType | None = None,
    priority: Priority | None = None,
    robot_id: UUID | None = None,
    request_id: UUID | None = None,
    return_id: UUID | None = None,
) -> Deliveries:
    return Deliveries(status, task_type, priority, robot_id, request_id, return_id)


Which = Annotated[Deliveries, Depends(which)]


def shown(work: Work, task_id: UUID) -> DeliveryOut:
    return views.delivery_out(tasks.get(work, task_id))


@router.get("", rule=staff, items=DeliveryOut)
def list_deliveries(
    work: Doing, paging: Paging, within: Within, filters: Which, request: Request, after: After = None
) -> Response:
    """Newest first; `meta.next` leads to the next page in the order of time, which new deliveries do not shift."""
    found = lists.deliveries(work, filters, within, paging, read_cursor(after) if after else None)
    shown_rows = [views.delivery_out(row) for row in found.items]
    meta = {"next": lists.next_of_deliveries(found)} if paging.sort in (None, "created_at") else {}
    return page(shown_rows, found.pagination, request=request, meta=meta)


@router.get("/{task_id}", rule=staff, data=DeliveryOut, errors=(NotFound,))
def get_delivery(task_id: UUID, work: Doing, request: Request) -> Response:
    return ok(shown(work, task_id), request=request)


@router.get("/{task_id}/history", rule=staff, items=HistoryOut, errors=(NotFound,))
def get_history(task_id: UUID, work: Doing, paging: Paging, request: Request, after: After = None) -> Response:
    found = lists.history(work, task_id, paging, read_cursor(after) if after else None)
    steps = [HistoryOut.model_validate(row) for row in found.items]
    return page(steps, found.pagination, request=request, meta={"next": lists.next_of_steps(found)})


@router.put(
    "/{task_id}/book-placed",
    rule=staff,
    data=DeliveryOut,
    also=LATER,
    errors=(NotFound, RobotNotAtStop, WrongBook, IllegalTransition),
)
def book_placed(task_id: UUID, caller: Calling, request: Request, placed: Placed | None = None) -> Response:
    def say(work: Work) -> bool:
        return handovers.loaded(work, tasks.locked(work, task_id), placed.barcode if placed else None)

    return _answer(caller, request, say, confirming.loaded, task_id)


@router.put(
    "/{task_id}/complete",
    rule=staff,
    data=DeliveryOut,
    also=LATER,
    errors=(NotFound, RobotNotAtStop, IllegalTransition),
)
def complete(task_id: UUID, caller: Calling, request: Request, unloaded: Unloaded | None = None) -> Response:
    def say(work: Work) -> bool:
        return handovers.unloaded(work, tasks.locked(work, task_id), unloaded.cargo_present if unloaded else None)

    return _answer(caller, request, say, confirming.unloaded, task_id)


@router.put(
    "/{task_id}/cancel",
    rule=staff,
    data=DeliveryOut,
    also=LATER,
    errors=(NotFound, HandoverPending, IllegalTransition),
)
def cancel(task_id: UUID, caller: Calling, request: Request, cancellation: Cancellation | None = None) -> Response:
    """End a delivery; with the item on board the robot brings it back first. By one that has failed: its request."""
    note = cancellation.reason if cancellation else None

    def ask(work: Work) -> bool:
        return cancelling.cancel_delivery(work, tasks.locked(work, task_id), note)

    return _answer(caller, request, ask, confirming.cancelled, task_id)


def _answer(
    caller: Caller, request: Request, say: Callable[[Work], bool], taken: confirming.Taken, task_id: UUID
) -> Response:
    return confirming.answer(caller, request, say, lambda work: tasks.get(work, task_id), taken, shown, task_id)
