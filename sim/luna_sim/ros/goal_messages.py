"""Feedback and results of the actions, made from tasks of the world."""

from typing import Any

from irobot_create_msgs.action import Dock, Undock
from nav2_msgs.action import DockRobot, FollowWaypoints, NavigateThroughPoses, NavigateToPose, UndockRobot
from nav2_msgs.msg import MissedWaypoint

from luna_sim.core.journeys import ThroughPosesTask, WaypointsTask
from luna_sim.core.outcome import Ending, Outcome, Progress
from luna_sim.core.robot import Robot
from luna_sim.core.task import Task
from luna_sim.core.world import World
from luna_sim.ros import messages

_MAX_RECOVERIES = 2**15 - 1


def feedback_of(goal: Any, task: Task, robot: Robot, world: World) -> Any:
    """What the client is told under way; nothing for an action without feedback."""
    if isinstance(goal, FollowWaypoints.Goal):
        return FollowWaypoints.Feedback(current_waypoint=task.index) if isinstance(task, WaypointsTask) else None
    if isinstance(goal, Dock.Goal):
        return Dock.Feedback(sees_dock=messages.dock_in_sight(robot, world.floor) is not None)
    progress = task.progress(robot.localization.estimate)
    if isinstance(goal, DockRobot.Goal):
        return DockRobot.Feedback(state=int(progress.stage), docking_time=messages.duration_msg(progress.elapsed))
    if isinstance(goal, NavigateToPose.Goal):
        return NavigateToPose.Feedback(**_driving(progress, robot, world))
    if isinstance(goal, NavigateThroughPoses.Goal):
        left = task.poses_remaining if isinstance(task, ThroughPosesTask) else 0
        return NavigateThroughPoses.Feedback(number_of_poses_remaining=left, **_driving(progress, robot, world))
    return None


def result_of(goal: Any, task: Task, outcome: Outcome, robot: Robot) -> Any:
    """What the client is told at the end."""
    if isinstance(goal, Dock.Goal | Undock.Goal):
        kind = Dock if isinstance(goal, Dock.Goal) else Undock
        return kind.Result(is_docked=robot.dock is not None)
    told = {"error_code": int(outcome.code), "error_msg": outcome.message}
    if isinstance(goal, NavigateToPose.Goal):
        return NavigateToPose.Result(**told)
    if isinstance(goal, NavigateThroughPoses.Goal):
        return NavigateThroughPoses.Result(**told)
    if isinstance(goal, FollowWaypoints.Goal):
        missed = task.missed if isinstance(task, WaypointsTask) else []
        each = [MissedWaypoint(index=m.index, goal=goal.poses[m.index], error_code=int(m.code)) for m in missed]
        return FollowWaypoints.Result(missed_waypoints=each, **told)
    kind = DockRobot if isinstance(goal, DockRobot.Goal) else UndockRobot
    return kind.Result(success=outcome.ending is Ending.SUCCEEDED, **told)


def _driving(progress: Progress, robot: Robot, world: World) -> dict[str, Any]:
    return {
        "current_pose": messages.pose_stamped(robot.localization.estimate, world.time_ns),
        "navigation_time": messages.duration_msg(progress.elapsed),
        "estimated_time_remaining": messages.duration_msg(progress.time_remaining),
        "number_of_recoveries": min(progress.recoveries, _MAX_RECOVERIES),
        "distance_remaining": progress.distance_remaining,
    }
