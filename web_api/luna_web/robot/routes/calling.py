"""What the robot service's routes share: who runs the robots, how they are shown, and waiting for an effect."""

import time
from collections.abc import Callable, Sequence
from uuid import UUID

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from luna_web.robot import repository
from luna_web.robot.errors import RobotNotFound
from luna_web.robot.fleet import Fleet
from luna_web.robot.models import Robot
from luna_web.robot.ports import DELIVERY_DESK
from luna_web.robot.schemas import RobotOut
from luna_web.robot.status_cache import StatusCache
from luna_web.robot.views import robot_out
from luna_web.shared.audit import RequestMeta, audit
from luna_web.shared.database import transaction
from luna_web.shared.envelope import ok
from luna_web.shared.errors import DependencyUnavailable
from luna_web.shared.principal import Principal
from luna_web.shared.runtime import Port, Runtime

FLEET: Port[Fleet] = Port("fleet")
STATUS_CACHE: Port[StatusCache] = Port("robot status cache")

PREFIX = "/api/v1/robot"
NOT_YET = {202: "Accepted; the robot has not shown it yet"}
EFFECT_SECONDS = 2.0
"""How long a request waits for the robot to show what was asked of it."""
LOOK_SECONDS = 0.05


def runtime_of(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.luna
    return runtime


def fleet_of(runtime: Runtime) -> Fleet:
    """Raises DependencyUnavailable in a process without controllers."""
    try:
        return runtime.get(FLEET)
    except LookupError:
        raise DependencyUnavailable("the robots' controllers") from None


def status_cache_of(runtime: Runtime) -> StatusCache:
    """That of the controllers; where none run in this process, one that knows only what others share."""
    try:
        return runtime.get(STATUS_CACHE)
    except LookupError:
        return StatusCache(runtime.redis)


def visible(request: Request, session: Session, principal: Principal, robot_id: UUID) -> RobotOut:
    """The robot, for whoever may see it; who stopped it only staff are told. Raises RobotNotFound."""
    robot = repository.robot(session, robot_id)
    desk = runtime_of(request).get(DELIVERY_DESK)
    if robot is None or not (principal.is_staff or desk.serves(session, robot_id, principal.user_id)):
        raise RobotNotFound()
    found = shown(request, session, [robot])[0]
    if principal.is_staff:
        return found
    return found.model_copy(update={"estop": found.estop.model_copy(update={"by": None})})


def shown(request: Request, session: Session, robots: Sequence[Robot]) -> list[RobotOut]:
    runtime = runtime_of(request)
    cache, now = status_cache_of(runtime), runtime.clock.now()
    robot_ids = [robot.id for robot in robots]
    tasks = runtime.get(DELIVERY_DESK).tasks_in_hand(session, robot_ids)
    heard = cache.newest(robot_ids)
    return [robot_out(robot, heard.get(robot.id), tasks.get(robot.id), now) for robot in robots]


def audit_robot(
    session: Session, principal: Principal, action: str, robot_id: UUID, meta: RequestMeta, **changes: object
) -> None:
    audit(session, principal, action, "robot", robot_id, changes, meta)


def when(request: Request, principal: Principal, robot_id: UUID, shows: Callable[[Robot], bool]) -> Response:
    """The robot, once it shows what was asked of it (200), or as it is after two seconds (202)."""
    rows = look_until(request, [robot_id], shows)
    done = all(shows(row) for row in rows)
    with transaction(runtime_of(request).session_factory) as session:
        robot = visible(request, session, principal, robot_id)
    return ok(robot, request=request, status=200 if done else 202)


def look_until(request: Request, robot_ids: Sequence[UUID], shows: Callable[[Robot], bool]) -> list[Robot]:
    """The robots' rows as soon as they all show it, each look a transaction of its own."""
    deadline = time.monotonic() + EFFECT_SECONDS
    while True:
        with transaction(runtime_of(request).session_factory) as session:
            rows = list(repository.robots_of(session, robot_ids))
        if all(shows(row) for row in rows) or time.monotonic() >= deadline:
            return rows
        time.sleep(LOOK_SECONDS)
