"""What people want of one robot: recorded, carried out by its controller, and answered when the robot shows it."""

from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from luna_web.robot import service
from luna_web.robot.errors import RobotBusy, RobotEstopped, RobotNotFound
from luna_web.robot.ports import DELIVERY_DESK
from luna_web.robot.routes.calling import NOT_YET, PREFIX, audit_robot, runtime_of, when
from luna_web.robot.schemas import MaintenanceIn, NoInput, RobotOut
from luna_web.shared.database import transaction
from luna_web.shared.guards import CurrentPrincipal
from luna_web.shared.principal import staff
from luna_web.shared.request_meta import Meta
from luna_web.shared.routing import LunaRouter

router = LunaRouter(prefix=PREFIX, tags=["robot"])


@router.post("/{robot_id}/resume", rule=staff, data=RobotOut, also=NOT_YET, errors=(RobotNotFound, RobotEstopped))
def resume(
    robot_id: UUID, request: Request, principal: CurrentPrincipal, meta: Meta, body: NoInput | None = None
) -> Response:
    """Let the robot go on after a released stop or a pause."""
    runtime = runtime_of(request)
    with transaction(runtime.session_factory) as session:
        service.ask_resume(session, robot_id, by=principal.email, at=runtime.clock.now())
        audit_robot(session, principal, "robot.resume", robot_id, meta)
    return when(request, principal, robot_id, service.goes_on)


@router.post("/{robot_id}/pause", rule=staff, data=RobotOut, also=NOT_YET, errors=(RobotNotFound,))
def pause(
    robot_id: UUID, request: Request, principal: CurrentPrincipal, meta: Meta, body: NoInput | None = None
) -> Response:
    """Have the robot finish the leg in hand and start nothing new."""
    with transaction(runtime_of(request).session_factory) as session:
        service.ask_pause(session, robot_id, by=principal.email)
        audit_robot(session, principal, "robot.pause", robot_id, meta)
    return when(request, principal, robot_id, service.is_paused)


@router.post("/{robot_id}/send-home", rule=staff, data=RobotOut, also=NOT_YET, errors=(RobotNotFound, RobotBusy))
def send_home(
    robot_id: UUID, request: Request, principal: CurrentPrincipal, meta: Meta, body: NoInput | None = None
) -> Response:
    """Send an idle robot to its dock."""
    runtime = runtime_of(request)
    with transaction(runtime.session_factory) as session:
        has_task = robot_id in runtime.get(DELIVERY_DESK).tasks_in_hand(session, [robot_id])
        service.ask_home(session, robot_id, has_task=has_task)
        audit_robot(session, principal, "robot.send_home", robot_id, meta)
    return when(request, principal, robot_id, service.goes_home)


@router.post(
    "/{robot_id}/undock", rule=staff, data=RobotOut, also=NOT_YET, errors=(RobotNotFound, RobotBusy, RobotEstopped)
)
def undock(
    robot_id: UUID, request: Request, principal: CurrentPrincipal, meta: Meta, body: NoInput | None = None
) -> Response:
    """Have an idle robot stand off its dock, until it is sent home, gets a delivery, or needs charge."""
    runtime = runtime_of(request)
    with transaction(runtime.session_factory) as session:
        has_task = robot_id in runtime.get(DELIVERY_DESK).tasks_in_hand(session, [robot_id])
        service.ask_undock(session, robot_id, has_task=has_task)
        audit_robot(session, principal, "robot.undock", robot_id, meta)
    return when(request, principal, robot_id, service.is_off_dock)


@router.post("/{robot_id}/maintenance", rule=staff, data=RobotOut, also=NOT_YET, errors=(RobotNotFound,))
def set_maintenance(
    robot_id: UUID, request: Request, principal: CurrentPrincipal, meta: Meta, body: MaintenanceIn | None = None
) -> Response:
    """Take the robot out of service, or back in. A delivery in hand is finished first (202)."""
    wanted = (body or MaintenanceIn()).maintenance
    with transaction(runtime_of(request).session_factory) as session:
        service.ask_maintenance(session, robot_id, maintenance=wanted, by=principal.email)
        audit_robot(session, principal, "robot.maintenance", robot_id, meta, maintenance=wanted)
    return when(request, principal, robot_id, service.is_in_maintenance if wanted else service.is_in_service)
