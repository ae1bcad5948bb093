"""A navigator on a node of its own, before a simulator that is started and ended as a test needs it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import rclpy
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from nav2_msgs.action import NavigateToPose
from nav_msgs.msg import Odometry
from rclpy.action import ActionClient, ActionServer, CancelResponse, GoalResponse
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_msgs.msg import Bool

from luna_executor import LeanExecutor
from luna_robot import conversions
from luna_robot.geometry import Pose
from luna_robot.navigation.create3_docking import Create3Docking
from luna_robot.nodes.navigators import make_navigator
from luna_robot.nodes.parameters import Parameters
from luna_robot.parameters import WAYPOINT_NAVIGATOR


class Told:
    """What an `on_done` was called with, and in which thread."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.threads: set[int] = set()

    def __call__(self, *answer: Any) -> None:
        self.calls.append(answer)
        self.threads.add(threading.get_ident())

    @property
    def answer(self) -> Any:
        return self.calls[0][0]

    @property
    def done(self) -> bool:
        return bool(self.calls)


class Rig:
    """One navigator, polled and spun by the test's own thread. `late` is added to the time that it is told."""

    def __init__(self, navigation: str, namespace: str = "luna1") -> None:
        chosen = [Parameter("navigation", value=navigation)]
        self.node = Node("navigation_test", namespace=namespace, parameter_overrides=chosen)
        self.navigator = make_navigator(self.node, Parameters(self.node, WAYPOINT_NAVIGATOR).values)
        self.late = 0.0
        self.told: list[Told] = []
        self._speed = 0.0
        self._executor = LeanExecutor()
        self._executor.add_node(self.node)
        self._other = ActionClient(self.node, NavigateToPose, "navigate_to_pose")
        self._lock = self.node.create_publisher(Bool, "estop", 1)
        self.node.create_subscription(Odometry, "odom", self._on_odom, 10)
        self.node.create_timer(0.1, lambda: self._lock.publish(Bool(data=False)))
        self.node.create_timer(0.05, self._poll)
        self._poll()

    @property
    def now(self) -> float:
        return time.monotonic() + self.late

    def beside(self, node: Node) -> None:
        """Spin this node too."""
        self._executor.add_node(node)

    def with_create3_docking(self) -> Create3Docking:
        return Create3Docking(self.node, self.navigator, 0.7)

    def asked(self, ask: Callable[[Told], Any]) -> tuple[Told, Any]:
        """Ask something; its answer's place, and what the asking gave."""
        told = Told()
        self.told.append(told)
        return told, ask(told)

    def answer(self, ask: Callable[[Told], Any], within: float = 20.0) -> Any:
        told, _ = self.asked(ask)
        self.until(lambda: told.done, within, "an answer")
        return told.answer

    def other_client_drives(self, pose: Pose) -> Any:
        """An operator's goal in RViz."""
        message = conversions.pose_stamped(pose, self.node.get_clock().now().to_msg())
        self.until(self._other.server_is_ready, 10.0, "the other client's server")
        sent = self._other.send_goal_async(NavigateToPose.Goal(pose=message))
        self.until(sent.done, 10.0, "the other client's goal")
        return sent.result().get_result_async()

    def moving(self) -> bool:
        return self._speed > 0.1

    def until(self, condition: Callable[[], Any], within: float, what: str) -> None:
        deadline = time.monotonic() + within
        while not condition():
            assert time.monotonic() < deadline, f"not within {within:g} s: {what}"
            self._executor.spin_once(timeout_sec=0.05)

    def spin_for(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=0.02)

    def close(self) -> float:
        """Seconds that the navigator's end took."""
        began = time.monotonic()
        self.navigator.close()
        took = time.monotonic() - began
        self._executor.shutdown()
        self.node.destroy_node()
        return took

    def _on_odom(self, message: Odometry) -> None:
        self._speed = abs(message.twist.twist.linear.x)

    def _poll(self) -> None:
        self.navigator.poll(self.now)


class Stack:
    """A bt_navigator alone: offers its action all the time, and takes goals while it is active."""

    def __init__(self, namespace: str) -> None:
        self.state = State(id=State.PRIMARY_STATE_INACTIVE, label="inactive")
        self.refuses = self.falls = False
        self.node = Node("bt_navigator", namespace=namespace)
        self._telling = self.node.create_service(GetState, "bt_navigator/get_state", self._on_get_state)
        self._action = ActionServer(
            self.node, NavigateToPose, "navigate_to_pose", self._drive, goal_callback=self._on_goal,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
        )  # fmt: skip

    def activate(self) -> None:
        self.state = State(id=State.PRIMARY_STATE_ACTIVE, label="active")

    def tell_no_more(self) -> None:
        """As a stack without lifecycles."""
        self.node.destroy_service(self._telling)

    def _on_get_state(self, _: GetState.Request, response: GetState.Response) -> GetState.Response:
        response.current_state = self.state
        return response

    def _on_goal(self, _: NavigateToPose.Goal) -> GoalResponse:
        active = self.state.id == State.PRIMARY_STATE_ACTIVE
        return GoalResponse.ACCEPT if active and not self.refuses else GoalResponse.REJECT

    def _drive(self, handle: Any) -> NavigateToPose.Result:
        if self.falls:  # as Nav2's lifecycle manager resets it
            self.state = State(id=State.PRIMARY_STATE_INACTIVE, label="inactive")
            handle.abort()
        else:
            handle.succeed()
        return NavigateToPose.Result()


def start_ros(domain: int) -> None:
    """BasicNavigator knows no context but the process's own."""
    rclpy.init(domain_id=domain)
