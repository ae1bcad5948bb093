"""`navigate_to_waypoint`: one goal of an operator at a time, from its acceptance to its end."""

from __future__ import annotations

import math
from collections.abc import Callable

from luna_interfaces.action import NavigateToWaypoint
from rclpy.action.server import ServerGoalHandle
from rclpy.clock import Clock
from rclpy.task import Future

from luna_robot import conversions
from luna_robot.delivery.events import LegEnded, LegResult
from luna_robot.delivery.machine import Leg
from luna_robot.delivery.model import Arrival, Error
from luna_robot.delivery.progress import LEG_ERRORS
from luna_robot.geometry import Pose
from luna_robot.navigation.link import Refusal
from luna_robot.navigation.port import Progress


class OperatorGoal:
    """Its leg has a number below zero, so that it is never taken for one of a delivery."""

    def __init__(self, number: int, target: Pose, handle: ServerGoalHandle) -> None:
        self.leg = Leg(-number, "", target, Arrival.NONE)
        self.done = Future()
        self._handle = handle

    @property
    def cancelled(self) -> bool:
        return bool(self._handle.is_cancel_requested)

    def end(self, error: Error, message: str) -> None:
        if not self.done.done():
            self.done.set_result((error, message) if error else None)

    def end_with(self, ended: LegEnded) -> None:
        arrived = ended.result is LegResult.ARRIVED
        self.end(Error.NONE if arrived else LEG_ERRORS[ended.result], ended.message)

    def feed_back(self, pose: Pose | None, progress: Progress, clock: Clock) -> None:
        feedback = NavigateToWaypoint.Feedback(number_of_recoveries=progress.recoveries)
        if pose is not None:
            feedback.current_pose = conversions.pose_stamped(pose, clock.now().to_msg())
        feedback.distance_remaining = conversions.or_nan(progress.distance_remaining)
        feedback.estimated_time_remaining = conversions.or_nan(progress.time_remaining)
        self._handle.publish_feedback(feedback)


def result_of(refusal: Refusal | None, seconds: float, distance: float | None) -> NavigateToWaypoint.Result:
    error, message = refusal or (Error.NONE, "")
    return NavigateToWaypoint.Result(
        error_code=int(error),
        message=message[:256],
        travel_time=seconds,
        final_distance=math.nan if distance is None else distance,
    )


def reachable(path_length: Callable[[Pose, Callable[[float | None], None]], None], target: Pose) -> Future:
    """True if the planner finds a path."""
    future = Future()
    path_length(target, lambda length: future.set_result(length is not None))
    return future
