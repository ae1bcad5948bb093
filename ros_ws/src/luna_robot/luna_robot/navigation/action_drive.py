"""One goal of one action from sending to its end; and how Nav2's results and feedback read in the port's terms."""

from __future__ import annotations

import math
import weakref
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from action_msgs.msg import GoalStatus
from nav2_msgs.action import NavigateToPose
from nav_msgs.msg import Path
from rclpy.action import ActionClient
from rclpy.task import Future

from luna_robot import conversions
from luna_robot.navigation.deadlines import Deadlines
from luna_robot.navigation.port import DriveResult, DriveStatus, OnDone, Progress

ANSWER_WITHIN = 5.0
"""Seconds for a server to accept a goal, to end a cancelled one, or to answer a service."""
PLAN_WITHIN = 10.0
QUEUED = 10
"""Requests of one client that a mute server holds (depth of ROS's services): older ones are never answered."""

LOST = DriveResult(DriveStatus.LOST, message="no answer of the navigation server")
REFUSED = DriveResult(DriveStatus.FAILED, message="goal refused")


def nav2_result(response: Any) -> DriveResult:
    """What `get_result` of a driving action of Nav2 came to."""
    result = response.result
    return DriveResult(_status(response.status, result.error_code), result.error_code, result.error_msg)


def _status(status: int, error_code: int) -> DriveStatus:
    """An ABORTED without an error is a goal that another client's goal has replaced."""
    if status == GoalStatus.STATUS_SUCCEEDED:
        return DriveStatus.SUCCEEDED if error_code == 0 else DriveStatus.FAILED
    if status == GoalStatus.STATUS_CANCELED:
        return DriveStatus.CANCELED
    return DriveStatus.PREEMPTED if error_code == 0 else DriveStatus.FAILED


def progress_of(feedback: Any) -> Progress | None:
    """None where the feedback does not tell."""
    if not isinstance(feedback, NavigateToPose.Feedback):
        return None
    return Progress(
        max(0.0, feedback.distance_remaining) if math.isfinite(feedback.distance_remaining) else None,
        conversions.seconds(feedback.estimated_time_remaining),
        max(0, feedback.number_of_recoveries),
    )


def length_of(path: Path) -> float | None:
    """Metres; None where there are no poses."""
    poses = [conversions.pose(p.pose) for p in path.poses]
    return sum(a.distance_to(b) for a, b in pairwise(poses)) if poses else None


def _of_living(callback: Callable[[Any], None]) -> Callable[[Any], None]:
    """The same for as long as its owner lives: rclpy keeps what listens to a goal until the goal's result."""
    known = weakref.WeakMethod(callback)

    def on_message(message: Any) -> None:
        method = known()
        if method is not None:
            method(message)

    return on_message


class Overdue:
    """Goals that no server has accepted or refused in time, and that are kept: one that is accepted late is cancelled.

    rclpy would keep every one for ever, with all that waits for it.
    """

    def __init__(self) -> None:
        self._goals: deque[Future] = deque()

    def keep(self, goal: Future) -> None:
        """Forget the oldest beyond those that may still be answered."""
        self._goals = deque(known for known in self._goals if not known.done())
        self._goals.append(goal)
        while len(self._goals) > QUEUED:
            self._goals.popleft().cancel()


class ActionDrive:
    """One goal of one action, from sending to its end. Reports the end once, whatever happens."""

    def __init__(
        self,
        client: ActionClient,
        goal: Any,
        deadlines: Deadlines,
        overdue: Overdue,
        on_done: OnDone,
        read: Callable[[Any], DriveResult] = nav2_result,
    ) -> None:
        """`overdue` is the client's own; `read` makes of the response of `get_result` what the port tells."""
        self.progress = Progress()
        self._deadlines = deadlines
        self._on_done = on_done
        self._read = read
        self._handle: Any = None
        self._result: Future | None = None
        self._overdue = overdue
        self._cancelled = False
        self._done = False
        self._deadline = deadlines.after(ANSWER_WITHIN, self._lost)
        self._sent = client.send_goal_async(goal, feedback_callback=_of_living(self._on_feedback))
        self._sent.add_done_callback(self._on_answer)

    def cancel(self) -> None:
        if self._done or self._cancelled:
            return
        self._cancelled = True
        self._deadlines.drop(self._deadline)
        self._deadline = self._deadlines.after(ANSWER_WITHIN, self._lost)
        if self._handle is not None:
            self._handle.cancel_goal_async()

    def _on_answer(self, future: Future) -> None:
        if future.cancelled():
            return
        self._handle = future.result()
        if self._handle is None or not self._handle.accepted:
            self._finish(REFUSED)
            return
        if self._cancelled or self._done:
            self._handle.cancel_goal_async()
        else:
            self._deadlines.drop(self._deadline)
        if not self._done:
            self._result = self._handle.get_result_async()
            self._result.add_done_callback(self._on_result)

    def _on_feedback(self, message: Any) -> None:
        self.progress = progress_of(message.feedback) or self.progress

    def _on_result(self, future: Future) -> None:
        if not self._done:
            self._finish(self._read(future.result()))

    def _lost(self) -> None:
        self._finish(LOST)
        if self._handle is None:
            self._overdue.keep(self._sent)
        elif self._result is not None:
            self._result.cancel()

    def _finish(self, result: DriveResult) -> None:
        if self._done:
            return
        self._done = True
        self._deadlines.drop(self._deadline)
        self._on_done(result)
