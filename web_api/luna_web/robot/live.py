"""Robots as the live channel's snapshots show them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.robot import repository
from luna_web.robot.errors import RobotNotFound
from luna_web.robot.models import Robot
from luna_web.robot.ports import DELIVERY_DESK
from luna_web.robot.routes.calling import STATUS_CACHE
from luna_web.robot.schemas import RobotOut
from luna_web.robot.status_cache import StatusCache
from luna_web.robot.views import robot_out
from luna_web.shared.runtime import Runtime


def all_robots(runtime: Runtime, session: Session) -> list[RobotOut]:
    """By name."""
    return _shown(runtime, session, repository.robots(session))


def one_robot(runtime: Runtime, session: Session, robot_id: UUID) -> RobotOut:
    """Raises RobotNotFound."""
    robot = repository.robot(session, robot_id)
    if robot is None:
        raise RobotNotFound()
    return _shown(runtime, session, [robot])[0]


def _shown(runtime: Runtime, session: Session, robots: Sequence[Robot]) -> list[RobotOut]:
    try:
        cache = runtime.get(STATUS_CACHE)
    except LookupError:
        cache = StatusCache(runtime.redis)
    robot_ids = [robot.id for robot in robots]
    tasks = runtime.get(DELIVERY_DESK).tasks_in_hand(session, robot_ids)
    now = runtime.clock.now()
    heard = cache.newest(robot_ids)
    return [robot_out(robot, heard.get(robot.id), tasks.get(robot.id), now) for robot in robots]
