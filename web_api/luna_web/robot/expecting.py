"""Which robot will take which task of the queue, as far as that can be said. Pure."""

from collections.abc import Mapping, Sequence
from math import hypot
from uuid import UUID

from luna_web.robot.models import Robot
from luna_web.robot.ports import QueuedTask
from luna_web.robot.seen import RobotMode
from luna_web.robot.wanted import StopState

READY = frozenset({RobotMode.IDLE, RobotMode.DOCKED, RobotMode.CHARGING})
OUT_OF_SERVICE = frozenset({RobotMode.OFFLINE, RobotMode.MAINTENANCE, RobotMode.ERROR, RobotMode.RECOVERY})


def serves(robot: Robot) -> bool:
    """Whether a robot takes tasks from the queue at all."""
    held = robot.stop_state != StopState.NONE or robot.paused or robot.maintenance
    return not held and robot.mode not in OUT_OF_SERVICE


def expected_robots(
    tasks: Sequence[QueuedTask], robots: Sequence[Robot], busy: Mapping[UUID, object]
) -> dict[UUID, Robot]:
    """The robot that each task is likely to get, by the task's id.

    `tasks` in the order of the queue; `busy`: the robots that have a task in hand.

    A single robot takes them all. Of several, those that are free now take the first tasks, each the nearest one.
    """
    serving = [robot for robot in robots if serves(robot)]
    tasks = [task for task in tasks if not task.waits_for_opening]
    if len(serving) == 1:
        return {task.task_id: serving[0] for task in tasks}
    free = [robot for robot in serving if robot.id not in busy and robot.mode in READY]
    expected = {}
    for task in tasks:
        if not free:
            break
        if task.not_before is None:
            nearest = min(free, key=lambda robot: _distance(robot, task))
            free.remove(nearest)
            expected[task.task_id] = nearest
    return expected


def _distance(robot: Robot, task: QueuedTask) -> float:
    if robot.x is None or robot.y is None or task.pickup is None:
        return float("inf")
    return hypot(robot.x - task.pickup.x, robot.y - task.pickup.y)
