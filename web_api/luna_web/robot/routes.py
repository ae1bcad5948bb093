"""HTTP of the robot service: `/api/v1/robot`."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from luna_web.robot import repository, service
from luna_web.robot.errors import (
    AnotherStopEngaged,
    NoMap,
    RobotBusy,
    RobotEstopped,
    RobotNotFound,
    WaypointNotFound,
)
from luna_web.robot.fleet import Fleet
from luna_web.robot.models import Robot, Waypoint
from luna_web.robot.ports import DELIVERY_DESK
from luna_web.robot.schemas import (
    MapOut,
    NoInput,
    ReleaseIn,
    RobotOut,
    RobotStopOut,
    StopIn,
    StopOut,
    WaypointOut,
)
from luna_web.robot.status_cache import StatusCache
from luna_web.robot.stops import AskedStop, stop_out
from luna_web.robot.store import KnownRobot
from luna_web.robot.views import map_out, robot_out, waypoint_out
from luna_web.shared.audit import Meta, RequestMeta, audit
from luna_web.shared.database import DbSession, transaction
from luna_web.shared.envelope import ok, page
from luna_web.shared.errors import DependencyUnavailable, Forbidden
from luna_web.shared.ids import new_id
from luna_web.shared.paging import Paging, paginate
from luna_web.shared.principal import CurrentPrincipal, Principal, any_user, staff, staff_in_emergency
from luna_web.shared.routing import LunaRouter
from luna_web.shared.runtime import Port, Runtime
from luna_web.shared.tracing import trace_id

FLEET: Port[Fleet] = Port("fleet")
STATUS_CACHE: Port[StatusCache] = Port("robot status cache")

EFFECT_SECONDS = 2.0
"""How long a request waits for the robot to show what was asked of it."""
LOOK_SECONDS = 0.05

router = LunaRouter(prefix="/api/v1/robot", tags=["robot"])
routers = (router,)

Kind = Annotated[str | None, Query(pattern="^(DESK|STUDY|SHELF|RETURN|DOCK|OTHER)$")]
NOT_YET = {202: "Accepted; the robot has not shown it yet"}


@router.get("/status", rule=any_user, data=RobotOut, errors=(RobotNotFound,))
def get_status(
    request: Request, session: DbSession, principal: CurrentPrincipal, robot_id: UUID | None = None
) -> Response:
    """One robot: the one asked for, else the first by name. Readers see the robot of their own delivery only."""
    if robot_id is None:
        if not principal.is_staff:
            raise Forbidden()
        robots = repository.robots(session)
        if not robots:
            raise RobotNotFound()
        robot_id = robots[0].id
    return ok(_visible(request, session, principal, robot_id), request=request)


@router.get("/status/{robot_id}", rule=any_user, data=RobotOut, errors=(RobotNotFound,))
def get_status_of(robot_id: UUID, request: Request, session: DbSession, principal: CurrentPrincipal) -> Response:
    return ok(_visible(request, session, principal, robot_id), request=request)


@router.get("/robots", rule=staff, items=RobotOut)
def list_robots(request: Request, session: DbSession, paging: Paging) -> Response:
    sorts = {"robot_name": Robot.robot_name, "status": Robot.status, "created_at": Robot.created_at}
    found = paginate(session, repository.select_robots(), paging, sorts, default="robot_name", tie=Robot.id)
    return page(_shown(request, session, found.items), found.pagination, request=request)


@router.get("/waypoints", rule=any_user, items=WaypointOut)
def list_waypoints(
    request: Request,
    session: DbSession,
    principal: CurrentPrincipal,
    paging: Paging,
    kind: Kind = None,
    is_active: bool | None = None,
) -> Response:
    """Places by code. Readers see the desks and study places that are in use."""
    active = True if not principal.is_staff else is_active
    kinds = service.visible_kinds(kind, is_staff=principal.is_staff)
    sorts = {"location_code": Waypoint.location_code, "name": Waypoint.name, "kind": Waypoint.kind}
    query = repository.select_waypoints(kinds=kinds, active=active)
    found = paginate(session, query, paging, sorts, default="location_code", tie=Waypoint.id)
    return page([waypoint_out(place) for place in found.items], found.pagination, request=request)


@router.get("/waypoints/{waypoint_id}", rule=any_user, data=WaypointOut, errors=(WaypointNotFound,))
def get_waypoint(waypoint_id: UUID, request: Request, session: DbSession, principal: CurrentPrincipal) -> Response:
    place = repository.waypoint(session, waypoint_id)
    hidden = place is not None and not (place.is_active and place.kind in service.READERS_KINDS)
    if place is None or (hidden and not principal.is_staff):
        raise WaypointNotFound()
    return ok(waypoint_out(place), request=request)


@router.get("/map", rule=any_user, data=MapOut, errors=(NoMap,))
def get_map(request: Request, session: DbSession) -> Response:
    return ok(map_out(service.floor(session)), request=request)


@router.get("/map/image", rule=any_user, errors=(NoMap,), response_class=Response)
def get_map_image(request: Request, session: DbSession) -> Response:
    """The floor as a PNG picture; one pixel is `resolution` metres."""
    floor = service.floor(session, with_image=True)
    tag = f'"{floor.checksum[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, max-age=300"}
    if request.headers.get("If-None-Match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(floor.image, media_type="image/png", headers=headers)


@router.post("/emergency-stop", rule=staff_in_emergency, data=StopOut, also=NOT_YET)
async def stop_all(request: Request, principal: CurrentPrincipal, meta: Meta, body: StopIn | None = None) -> Response:
    """Stop every robot, now. 202 names those that have not confirmed after two seconds; they are tried on."""
    return await _stop(request, principal, meta, body or StopIn(), None)


@router.post("/emergency-stop/release", rule=staff, data=StopOut, also=NOT_YET, errors=(RobotNotFound,))
def release_all(request: Request, principal: CurrentPrincipal, meta: Meta, body: ReleaseIn) -> Response:
    """Release this stop wherever it is engaged. Nothing drives on before it is resumed."""
    runtime = _runtime(request)
    with transaction(runtime.session_factory) as session:
        robot_ids = service.release_everywhere(
            session, stop_id=body.estop_id, by=principal.email, at=runtime.clock.now()
        )
        for robot_id in robot_ids:
            _audit(session, principal, "robot.emergency_release", robot_id, meta, estop_id=body.estop_id)
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
    runtime = _runtime(request)
    with transaction(runtime.session_factory) as session:
        service.ask_release(session, robot_id, stop_id=body.estop_id, by=principal.email, at=runtime.clock.now())
        _audit(session, principal, "robot.emergency_release", robot_id, meta, estop_id=body.estop_id)
    return _released(request, [robot_id], body.estop_id)


@router.post("/{robot_id}/resume", rule=staff, data=RobotOut, also=NOT_YET, errors=(RobotNotFound, RobotEstopped))
def resume(
    robot_id: UUID, request: Request, principal: CurrentPrincipal, meta: Meta, body: NoInput | None = None
) -> Response:
    """Let the robot go on after a released stop or a pause."""
    runtime = _runtime(request)
    with transaction(runtime.session_factory) as session:
        service.ask_resume(session, robot_id, by=principal.email, at=runtime.clock.now())
        _audit(session, principal, "robot.resume", robot_id, meta)
    return _when(request, principal, robot_id, service.goes_on)


@router.post("/{robot_id}/pause", rule=staff, data=RobotOut, also=NOT_YET, errors=(RobotNotFound,))
def pause(
    robot_id: UUID, request: Request, principal: CurrentPrincipal, meta: Meta, body: NoInput | None = None
) -> Response:
    """Have the robot finish the leg in hand and start nothing new."""
    with transaction(_runtime(request).session_factory) as session:
        service.ask_pause(session, robot_id, by=principal.email)
        _audit(session, principal, "robot.pause", robot_id, meta)
    return _when(request, principal, robot_id, service.is_paused)


@router.post("/{robot_id}/send-home", rule=staff, data=RobotOut, also=NOT_YET, errors=(RobotNotFound, RobotBusy))
def send_home(
    robot_id: UUID, request: Request, principal: CurrentPrincipal, meta: Meta, body: NoInput | None = None
) -> Response:
    """Send an idle robot to its dock."""
    runtime = _runtime(request)
    with transaction(runtime.session_factory) as session:
        has_task = robot_id in runtime.get(DELIVERY_DESK).tasks_in_hand(session, [robot_id])
        service.ask_home(session, robot_id, has_task=has_task)
        _audit(session, principal, "robot.send_home", robot_id, meta)
    return _when(request, principal, robot_id, service.goes_home)


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.luna
    return runtime


def _visible(request: Request, session: Session, principal: Principal, robot_id: UUID) -> RobotOut:
    """The robot, for whoever may see it. Raises RobotNotFound."""
    robot = repository.robot(session, robot_id)
    desk = _runtime(request).get(DELIVERY_DESK)
    if robot is None or not (principal.is_staff or desk.serves(session, robot_id, principal.user_id)):
        raise RobotNotFound()
    return _shown(request, session, [robot])[0]


def _shown(request: Request, session: Session, robots: Sequence[Robot]) -> list[RobotOut]:
    runtime = _runtime(request)
    cache, now = _status_cache(runtime), runtime.clock.now()
    tasks = runtime.get(DELIVERY_DESK).tasks_in_hand(session, [robot.id for robot in robots])
    return [robot_out(robot, cache.newest(robot.id), tasks.get(robot.id), now) for robot in robots]


def _fleet(runtime: Runtime) -> Fleet:
    """Raises DependencyUnavailable in a process without controllers."""
    try:
        return runtime.get(FLEET)
    except LookupError:
        raise DependencyUnavailable("the robots' controllers") from None


def _status_cache(runtime: Runtime) -> StatusCache:
    """That of the controllers; where none run in this process, one that knows only what others share."""
    try:
        return runtime.get(STATUS_CACHE)
    except LookupError:
        return StatusCache(runtime.redis)


def _audit(
    session: Session, principal: Principal, action: str, robot_id: UUID, meta: RequestMeta, **changes: str
) -> None:
    audit(session, principal, action, "robot", robot_id, changes, meta)


async def _stop(
    request: Request, principal: Principal, meta: RequestMeta, body: StopIn, robot_id: UUID | None
) -> Response:
    """On the event loop and past the thread pool: whatever else the process is busy with, a stop goes out."""
    runtime = _runtime(request)
    stop_id, at, trace = str(new_id()), runtime.clock.now(), trace_id()

    def order(robot: KnownRobot) -> AskedStop:
        return AskedStop(robot, stop_id, body.reason, principal.email, principal, meta, trace, at)

    fleet = _fleet(runtime)
    results = await asyncio.wrap_future(fleet.call(fleet.stop(robot_id, order)))
    status = 200 if all(result.confirmed for result in results) else 202
    return ok(stop_out(stop_id, results), request=request, status=status)


def _released(request: Request, robot_ids: Sequence[UUID], stop_id: str) -> Response:
    """What has come of a release after two seconds at most."""
    rows = _look_until(request, robot_ids, service.is_released)
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


def _when(request: Request, principal: Principal, robot_id: UUID, shows: Callable[[Robot], bool]) -> Response:
    """The robot, once it shows what was asked of it (200), or as it is after two seconds (202)."""
    rows = _look_until(request, [robot_id], shows)
    done = all(shows(row) for row in rows)
    with transaction(_runtime(request).session_factory) as session:
        shown = _visible(request, session, principal, robot_id)
    return ok(shown, request=request, status=200 if done else 202)


def _look_until(request: Request, robot_ids: Sequence[UUID], shows: Callable[[Robot], bool]) -> list[Robot]:
    """The robots' rows as soon as they all show it, each look a transaction of its own."""
    deadline = time.monotonic() + EFFECT_SECONDS
    while True:
        with transaction(_runtime(request).session_factory) as session:
            rows = [row for robot_id in robot_ids if (row := repository.robot(session, robot_id))]
        if all(shows(row) for row in rows) or time.monotonic() >= deadline:
            return rows
        time.sleep(LOOK_SECONDS)
