"""`/api/v1/deliveries`: staff send things, and see to what does not go by itself."""

from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from luna_web.book.errors import BookInUse, BookNotAvailable, CopyNotFound
from luna_web.delivery.domain.facts import TaskFacts
from luna_web.delivery.domain.machines import AWAITING_RECOVERY, AWAITING_UNLOAD
from luna_web.delivery.domain.states import TaskType
from luna_web.delivery.errors import AlreadyRequested, HandoverPending, NotBorrowedByYou, RobotUnheard
from luna_web.delivery.routes import confirming
from luna_web.delivery.routes.deliveries import shown
from luna_web.delivery.routes.doing import Calling, Doing
from luna_web.delivery.routes.requests import LATER, PLACE_ERRORS
from luna_web.delivery.schemas import DeliveryOut, NewPriority, NewStaffDelivery, Recovery, Retry
from luna_web.delivery.service import recovering, retrying, staff_deliveries, tasks
from luna_web.delivery.service.work import Work
from luna_web.shared.envelope import created, ok
from luna_web.shared.errors import IllegalTransition, NotFound
from luna_web.shared.principal import staff
from luna_web.shared.routing import LunaRouter

router = LunaRouter(prefix="/api/v1/deliveries", tags=["deliveries"])
SENDING_ERRORS = (CopyNotFound, BookInUse, *PLACE_ERRORS)


@router.post("/inter-staff", rule=staff, data=DeliveryOut, status=201, idempotent=True, errors=SENDING_ERRORS)
def send_to_colleague(wish: NewStaffDelivery, work: Doing, request: Request) -> Response:
    """Something goes from one place to another, and is afterwards what it was."""
    return _sent(work, TaskType.INTER_STAFF, wish, request)


@router.post("/workstation", rule=staff, data=DeliveryOut, status=201, idempotent=True, errors=SENDING_ERRORS)
def send_to_workstation(wish: NewStaffDelivery, work: Doing, request: Request) -> Response:
    """Something goes to be worked on: a copy is UNAVAILABLE, IN_PROCESS from its arrival on."""
    return _sent(work, TaskType.WORKSTATION, wish, request)


@router.post("/transfer", rule=staff, data=DeliveryOut, status=201, idempotent=True, errors=SENDING_ERRORS)
def transfer(wish: NewStaffDelivery, work: Doing, request: Request) -> Response:
    """Something goes to where it belongs from now on: its `shelf_location` changes when it arrives."""
    return _sent(work, TaskType.TRANSFER, wish, request)


def _sent(work: Work, task_type: TaskType, wish: NewStaffDelivery, request: Request) -> Response:
    return _created(work, staff_deliveries.create(work, task_type, wish).task.id, request)


def _created(work: Work, task_id: UUID, request: Request) -> Response:
    return created(shown(work, task_id), request=request, location=f"/api/v1/deliveries/{task_id}")


@router.put("/{task_id}/priority", rule=staff, data=DeliveryOut, errors=(NotFound, IllegalTransition))
def set_priority(task_id: UUID, wish: NewPriority, work: Doing, request: Request) -> Response:
    tasks.set_priority(work, task_id, wish.priority)
    return ok(shown(work, task_id), request=request)


@router.post(
    "/{task_id}/retry",
    rule=staff,
    data=DeliveryOut,
    status=201,
    idempotent=True,
    errors=(
        NotFound,
        IllegalTransition,
        BookNotAvailable,
        BookInUse,
        NotBorrowedByYou,
        AlreadyRequested,
        *PLACE_ERRORS,
    ),
)
def retry(task_id: UUID, work: Doing, request: Request, wish: Retry | None = None) -> Response:
    """Try a FAILED delivery again, as a new task; a request goes on with its copy or another free one."""
    rows = retrying.retry(work, task_id, wish.source_location if wish else None)
    return _created(work, rows.task.id, request)


@router.post(
    "/{task_id}/recover",
    rule=staff,
    data=DeliveryOut,
    also=LATER,
    errors=(NotFound, IllegalTransition, HandoverPending, RobotUnheard, *PLACE_ERRORS),
)
def recover(task_id: UUID, wish: Recovery, caller: Calling, request: Request) -> Response:
    """Settle a delivery that is AWAITING_RECOVERY, or the item that an ended one has left on its robot.

    An `action` is for the robot, which must be heard and wait for it; it counts for a minute. An `outcome` says where
    the item is and ends the delivery at once, also where the robot is silent: it is told when it is heard again.
    """

    def say(work: Work) -> bool:
        rows = tasks.locked(work, task_id)
        if wish.action is not None:
            return recovering.act(work, rows, wish.action)
        if wish.outcome is not None:
            recovering.settle(work, rows, wish.outcome, wish.location_code)
        return False

    return confirming.answer(caller, request, say, lambda work: tasks.get(work, task_id), _goes_on, shown, task_id)


def _goes_on(task: TaskFacts) -> bool:
    turns_back = task.state == AWAITING_UNLOAD and task.cancel is not None
    return task.state != AWAITING_RECOVERY and not turns_back
