"""The navigator's port on the actions of Nav2 (Jazzy): rclpy ActionClients in the node's own executor."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from action_msgs.msg import GoalStatus
from action_msgs.srv import CancelGoal
from geometry_msgs.msg import PoseStamped
from nav2_msgs.action import ComputePathToPose, DockRobot, NavigateToPose, UndockRobot
from nav2_msgs.srv import ClearEntireCostmap
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.task import Future

from luna_robot import conversions
from luna_robot.geometry import Pose
from luna_robot.navigation.deadlines import Deadlines
from luna_robot.navigation.port import DriveResult, DriveStatus, OnDone, Progress

ANSWER_WITHIN = 5.0
"""Seconds for a server to accept a goal, to end a cancelled one, or to answer a service."""
PLAN_WITHIN = 10.0
LOOK_AGAIN_AFTER = 0.2
"""Seconds between two looks for a server that is being discovered."""

DRIVING_ACTIONS = ("navigate_to_pose", "dock_robot", "undock_robot")
COSTMAP_SERVICES = (
    "global_costmap/clear_entirely_global_costmap",
    "local_costmap/clear_entirely_local_costmap",
)


class ActionDrive:
    """One goal of one action, from sending to its end. Reports the end once, whatever happens."""

    def __init__(self, client: ActionClient, goal: Any, deadlines: Deadlines, on_done: OnDone) -> None:
        self.progress = Progress()
        self._deadlines = deadlines
        self._on_done = on_done
        self._handle: Any = None
        self._cancelled = False
        self._done = False
        self._deadline = deadlines.after(ANSWER_WITHIN, self._lost)
        client.send_goal_async(goal, feedback_callback=self._on_feedback).add_done_callback(self._on_answer)

    def cancel(self) -> None:
        if self._done or self._cancelled:
            return
        self._cancelled = True
        self._deadlines.drop(self._deadline)
        self._deadline = self._deadlines.after(ANSWER_WITHIN, self._lost)
        if self._handle is not None:
            self._handle.cancel_goal_async()

    def _on_answer(self, future: Future) -> None:
        self._handle = future.result()
        if self._handle is None or not self._handle.accepted:
            self._finish(DriveResult(DriveStatus.FAILED, message="goal refused"))
            return
        if self._cancelled or self._done:
            self._handle.cancel_goal_async()
        else:
            self._deadlines.drop(self._deadline)
        self._handle.get_result_async().add_done_callback(self._on_result)

    def _on_feedback(self, message: Any) -> None:
        feedback = message.feedback
        if not isinstance(feedback, NavigateToPose.Feedback):
            return
        self.progress = Progress(
            max(0.0, feedback.distance_remaining) if math.isfinite(feedback.distance_remaining) else None,
            conversions.seconds(feedback.estimated_time_remaining),
            max(0, feedback.number_of_recoveries),
        )

    def _on_result(self, future: Future) -> None:
        response = future.result()
        result = response.result
        self._finish(DriveResult(_status(response.status, result.error_code), result.error_code, result.error_msg))

    def _lost(self) -> None:
        self._finish(DriveResult(DriveStatus.LOST, message="no answer of the navigation server"))

    def _finish(self, result: DriveResult) -> None:
        if self._done:
            return
        self._done = True
        self._deadlines.drop(self._deadline)
        self._on_done(result)


def _status(status: int, error_code: int) -> DriveStatus:
    """An ABORTED without an error is a goal that another client's goal has replaced."""
    if status == GoalStatus.STATUS_SUCCEEDED:
        return DriveStatus.SUCCEEDED if error_code == 0 else DriveStatus.FAILED
    if status == GoalStatus.STATUS_CANCELED:
        return DriveStatus.CANCELED
    return DriveStatus.PREEMPTED if error_code == 0 else DriveStatus.FAILED


class Nav2Actions:
    """Navigator of Nav2. The node's executor carries every callback."""

    def __init__(self, node: Node, dock_type: str) -> None:
        self._node = node
        self._dock_type = dock_type
        self._deadlines = Deadlines()
        self._go = ActionClient(node, NavigateToPose, "navigate_to_pose")
        self._plan = ActionClient(node, ComputePathToPose, "compute_path_to_pose")
        self._dock = ActionClient(node, DockRobot, "dock_robot")
        self._undock = ActionClient(node, UndockRobot, "undock_robot")
        self._costmaps = [node.create_client(ClearEntireCostmap, name) for name in COSTMAP_SERVICES]
        self._cancels = [
            (action, node.create_client(CancelGoal, f"{name}/_action/cancel_goal"))
            for name, action in zip(DRIVING_ACTIONS, (self._go, self._dock, self._undock), strict=True)
        ]

    def missing(self) -> tuple[str, ...]:
        return () if self._go.server_is_ready() else ("navigate_to_pose",)

    def go_to(self, pose: Pose, on_done: OnDone) -> ActionDrive:
        return self._send(self._go, NavigateToPose.Goal(pose=self._stamped(pose)), on_done)

    def dock(self, pose: Pose, on_done: OnDone) -> ActionDrive:
        goal = DockRobot.Goal(
            use_dock_id=False, dock_pose=self._stamped(pose), dock_type=self._dock_type, navigate_to_staging_pose=True
        )
        return self._send(self._dock, goal, on_done)

    def undock(self, on_done: OnDone) -> ActionDrive:
        return self._send(self._undock, UndockRobot.Goal(dock_type=self._dock_type), on_done)

    def path_length(self, goal: Pose, on_done: Callable[[float | None], None]) -> None:
        PathQuery(self._plan, self._stamped(goal), self._deadlines, on_done)

    def clear_costmaps(self, on_done: Callable[[], None]) -> None:
        calls = [client.call_async(ClearEntireCostmap.Request()) for client in self._costmaps if _there(client)]
        self._deadlines.gather(calls, ANSWER_WITHIN, lambda _: on_done())

    def cancel_all(self, on_done: Callable[[bool], None]) -> None:
        """A server that is there, but whose cancelling has not been discovered yet, has not answered."""
        if any(action.server_is_ready() and not _there(cancel) for action, cancel in self._cancels):
            self._deadlines.after(LOOK_AGAIN_AFTER, lambda: on_done(False))
            return
        calls = [cancel.call_async(CancelGoal.Request()) for _, cancel in self._cancels if _there(cancel)]
        self._deadlines.gather(calls, ANSWER_WITHIN, on_done)

    def poll(self, now: float) -> None:
        self._deadlines.poll(now)

    def _send(self, client: ActionClient, goal: Any, on_done: OnDone) -> ActionDrive:
        return ActionDrive(client, goal, self._deadlines, on_done)

    def _stamped(self, pose: Pose) -> PoseStamped:
        return conversions.pose_stamped(pose, self._node.get_clock().now().to_msg())


def _there(client: Any) -> bool:
    return bool(client.service_is_ready())


class PathQuery:
    """Asks the planner for a path and measures it. Reports once."""

    def __init__(
        self, client: ActionClient, goal: PoseStamped, deadlines: Deadlines, on_done: Callable[[float | None], None]
    ) -> None:
        self._deadlines = deadlines
        self._on_done = on_done
        self._done = False
        self._deadline = deadlines.after(PLAN_WITHIN, lambda: self._finish(None))
        request = ComputePathToPose.Goal(goal=goal, use_start=False)
        client.send_goal_async(request).add_done_callback(self._on_answer)

    def _on_answer(self, future: Future) -> None:
        handle = future.result()
        if handle is None or not handle.accepted:
            self._finish(None)
        else:
            handle.get_result_async().add_done_callback(self._on_result)

    def _on_result(self, future: Future) -> None:
        response = future.result()
        poses = [conversions.pose(p.pose) for p in response.result.path.poses]
        found = response.status == GoalStatus.STATUS_SUCCEEDED and bool(poses)
        self._finish(sum(a.distance_to(b) for a, b in pairwise(poses)) if found else None)

    def _finish(self, length: float | None) -> None:
        if not self._done:
            self._done = True
            self._deadlines.drop(self._deadline)
            self._on_done(length)
