"""Emergency stops and their releases."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from luna_web.robot import service
from luna_web.robot.errors import AnotherStopEngaged, RobotNotFound
from luna_web.robot.routes.calling import NOT_YET, PREFIX, audit_robot, fleet_of, look_until, runtime_of
from luna_web.robot.schemas import ReleaseIn, RobotStopOut, StopIn, StopOut
from luna_web.robot.stops import AskedStop, stop_out
from luna_web.robot.store import KnownRobot
from luna_web.shared.audit import RequestMeta
from luna_web.shared.database import transaction
from luna_web.shared.envelope import ok
from luna_web.shared.guards import CurrentPrincipal
from luna_web.shared.ids import new_id
from luna_web.shared.principal import Principal, staff, staff_in_emergency
from luna_web.shared.request_meta import Meta
from luna_web.shared.routing import LunaRouter
from luna_web.shared.tracing import trace_id

router = LunaRouter(prefix=PREFIX, tags=["robot"])


@router.post("/emergency-stop", rule=staff_in_emergency, data=StopOut, also=NOT_YET)
async def stop_all(request: Request, principal: CurrentPrincipal, meta: Meta, body: StopIn | None = None) -> Response:
    """Stop every robot, now. 202 names those that have not confirmed after two seconds; they are tried on."""
    return await _stop(request, principal, meta, body or StopIn(), None)


@router.post("/emergency-stop/release", rule=staff, data=StopOut, also=NOT_YET, errors=(RobotNotFound,))
def release_all(request: Request, principal: CurrentPrincipal, meta: Meta, body: ReleaseIn) -> Response:
    """Release this stop wherever it is engaged. Nothing drives on before it is resumed."""
    runtime = runtime_of(request)
    with transaction(runtime.session_factory) as session:
        robot_ids = service.release_everywhere(
            session, stop_id=body.estop_id, by=principal.email, at=runtime.clock.now()
        )
        for robot_id in robot_ids:
            audit_robot(session, principal, "robot.emergency_release", robot_id, meta, estop_id=body.estop_id)
    if not robot_ids:
        raise RobotNotFound("No robot is held by this stop")
    return _released(request, robot_ids, body.estop_id)


@router.post("/emergency-stop/{robot_id}", rule=staff_in_emergency, data=StopOut, also=NOT_YET, errors=(RobotNotFound,))
async def stop_one(
    robot_id: UUID, request: Request, principal: CurrentPrincipal, meta: Meta, body: StopIn | None = None
) -> Response:
    return await _stop(request, principal, meta, body or StopIn(), robot_id)


@router.post(
    "/emergency-stop/{robot_id}/release",
    rule=staff,
    data=StopOut,
    also=NOT_YET,
    errors=(RobotNotFound, AnotherStopEngaged),
)
def release_one(robot_id: UUID, request: Request, principal: CurrentPrincipal, meta: Meta, body: ReleaseIn) -> Response:
    runtime = runtime_of(request)
    with transaction(runtime.session_factory) as session:
        service.ask_release(session, robot_id, stop_id=body.estop_id, by=principal.email, at=runtime.clock.now())
        audit_robot(session, principal, "robot.emergency_release", robot_id, meta, estop_id=body.estop_id)
    return _released(request, [robot_id], body.estop_id)


async def _stop(
    request: Request, principal: Principal, meta: RequestMeta, body: StopIn, robot_id: UUID | None
) -> Response:
    """On the event loop and past the thread pool: whatever else the process is busy with, a stop goes out."""
    runtime = runtime_of(request)
    stop_id, at, trace = str(new_id()), runtime.clock.now(), trace_id()

    def order(robot: KnownRobot) -> AskedStop:
        return AskedStop(robot, stop_id, body.reason, principal.email, principal, meta, trace, at)

    fleet = fleet_of(runtime)
    results = await asyncio.wrap_future(fleet.call(fleet.stop(robot_id, order)))
    status = 200 if all(result.confirmed for result in results) else 202
    return ok(stop_out(stop_id, results), request=request, status=status)


def _released(request: Request, robot_ids: Sequence[UUID], stop_id: str) -> Response:
    """What has come of a release after two seconds at most."""
    rows = look_until(request, robot_ids, service.is_released)
    released = all(service.is_released(row) for row in rows)
    shown = StopOut(
        estop_id=stop_id,
        robots=[
            RobotStopOut(
                robot_id=row.id,
                robot_name=row.robot_name,
                estop_id=stop_id,
                confirmed=service.is_released(row),
                recorded=True,
                problem=None if service.is_released(row) else "the robot has not released it yet",
            )
            for row in rows
        ],
    )
    return ok(shown, request=request, status=200 if released else 202)
