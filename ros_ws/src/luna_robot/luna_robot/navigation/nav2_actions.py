"""The navigator's port on the actions of Nav2 (Jazzy): rclpy ActionClients in the node's own executor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from action_msgs.msg import GoalStatus
from geometry_msgs.msg import PoseStamped
from nav2_msgs.action import ComputePathToPose, DockRobot, NavigateToPose, UndockRobot
from nav2_msgs.srv import ClearEntireCostmap
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.task import Future

from luna_robot import conversions
from luna_robot.geometry import Pose
from luna_robot.navigation.action_drive import ANSWER_WITHIN, PLAN_WITHIN, ActionDrive, Overdue, length_of
from luna_robot.navigation.asking import ask_all
from luna_robot.navigation.deadlines import Deadlines
from luna_robot.navigation.goal_sweep import NAV2_OTHERS, GoalSweep
from luna_robot.navigation.lifecycle import Lifecycle
from luna_robot.navigation.port import OnDone

COSTMAP_SERVICES = (
    "global_costmap/clear_entirely_global_costmap",
    "local_costmap/clear_entirely_local_costmap",
)


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
        self._overdue = {client: Overdue() for client in (self._go, self._dock, self._undock)}
        self._costmaps = [node.create_client(ClearEntireCostmap, name) for name in COSTMAP_SERVICES]
        driving = {"navigate_to_pose": self._go, "dock_robot": self._dock, "undock_robot": self._undock}
        self._sweep = GoalSweep(node, driving, self._deadlines, NAV2_OTHERS)
        self._driver = Lifecycle(node, "bt_navigator", self._deadlines)
        self._docker = Lifecycle(node, "docking_server", self._deadlines)

    def missing(self) -> tuple[str, ...]:
        missing = self._driver.missing() if self._go.server_is_ready() else "navigate_to_pose"
        return (missing,) if missing else ()

    def go_to(self, pose: Pose, on_done: OnDone) -> ActionDrive:
        goal = NavigateToPose.Goal(pose=self._stamped(pose))
        return self._send(self._go, goal, self._driver.judged(on_done))

    def dock(self, pose: Pose, on_done: OnDone) -> ActionDrive:
        goal = DockRobot.Goal(
            use_dock_id=False, dock_pose=self._stamped(pose), dock_type=self._dock_type, navigate_to_staging_pose=True
        )
        return self._send(self._dock, goal, self._docker.judged(on_done))

    def undock(self, on_done: OnDone) -> ActionDrive:
        goal = UndockRobot.Goal(dock_type=self._dock_type)
        return self._send(self._undock, goal, self._docker.judged(on_done))

    def path_length(self, goal: Pose, on_done: Callable[[float | None], None]) -> None:
        PathQuery(self._plan, self._stamped(goal), self._deadlines, on_done)

    def clear_costmaps(self, on_done: Callable[[], None]) -> None:
        there = [client for client in self._costmaps if client.service_is_ready()]
        ask_all(there, ClearEntireCostmap.Request(), self._deadlines, ANSWER_WITHIN, lambda _: on_done())

    def cancel_all(self, on_done: Callable[[bool], None]) -> None:
        self._sweep.cancel_all(on_done)

    def poll(self, now: float) -> None:
        self._deadlines.poll(now)
        self._driver.poll(now)

    def close(self) -> None:
        """Nothing of its own runs."""

    def _send(self, client: ActionClient, goal: Any, on_done: OnDone) -> ActionDrive:
        return ActionDrive(client, goal, self._deadlines, self._overdue[client], on_done)

    def _stamped(self, pose: Pose) -> PoseStamped:
        return conversions.pose_stamped(pose, self._node.get_clock().now().to_msg())


class PathQuery:
    """Asks the planner for a path and measures it. Reports once."""

    def __init__(
        self, client: ActionClient, goal: PoseStamped, deadlines: Deadlines, on_done: Callable[[float | None], None]
    ) -> None:
        self._deadlines = deadlines
        self._on_done = on_done
        self._done = False
        self._deadline = deadlines.after(PLAN_WITHIN, self._give_up)
        self._awaited = client.send_goal_async(ComputePathToPose.Goal(goal=goal, use_start=False))
        self._awaited.add_done_callback(self._on_answer)

    def _give_up(self) -> None:
        """A path that is found later moves nobody; rclpy would wait for it for ever."""
        self._finish(None)
        self._awaited.cancel()

    def _on_answer(self, future: Future) -> None:
        handle = future.result()
        if handle is None or not handle.accepted:
            self._finish(None)
        else:
            self._awaited = handle.get_result_async()
            self._awaited.add_done_callback(self._on_result)

    def _on_result(self, future: Future) -> None:
        if self._done:
            return
        response = future.result()
        found = response.status == GoalStatus.STATUS_SUCCEEDED
        self._finish(length_of(response.result.path) if found else None)

    def _finish(self, length: float | None) -> None:
        if not self._done:
            self._done = True
            self._deadlines.drop(self._deadline)
            self._on_done(length)
