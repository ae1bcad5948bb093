"""Stands in for the web tier's controller: heartbeats, goals and commands over ROS, and what the robot tells."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import rclpy
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import TwistStamped
from luna_interfaces.action import ExecuteDelivery, NavigateToWaypoint
from luna_interfaces.msg import ControllerHeartbeat, Deliveries, DeliveryState, DeliveryStop, RobotStatus
from luna_interfaces.srv import (
    CancelDelivery,
    ConfirmHandover,
    GetDelivery,
    GetJournal,
    ResolveRecovery,
    Resume,
    SetEmergencyStop,
    SetMaintenance,
    SetPaused,
    SetWaypoints,
)
from nav2_msgs.action import NavigateToPose
from nav_msgs.msg import Odometry
from rclpy.action import ActionClient
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from std_msgs.msg import Bool

from luna_robot import conversions
from luna_robot.geometry import Pose

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
SERVICES = {
    "confirm_handover": ConfirmHandover,
    "cancel_delivery": CancelDelivery,
    "resume": Resume,
    "set_paused": SetPaused,
    "set_maintenance": SetMaintenance,
    "resolve_recovery": ResolveRecovery,
    "set_waypoints": SetWaypoints,
    "get_delivery": GetDelivery,
    "get_journal": GetJournal,
    "set_emergency_stop": SetEmergencyStop,
}

ACCEPTED, ALREADY = 0, 1
ASKED_AT_MOST = 4
LOCK_TOLD_EVERY = 0.1
"""Seconds between two of the supervisor's signs of life."""
STANDS_WITHIN = 1.0
"""Seconds after the lock was told in which the robot comes to a stand."""


class Controller:
    def __init__(self, namespace: str, domain: int, epoch: int = 1) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = rclpy.create_node("test_controller", namespace=namespace, context=self.context)
        self.epoch = epoch
        self.beating = True
        self.status = RobotStatus()
        self.deliveries = Deliveries()
        self.speed = 0.0
        self.locked: bool | None = None
        self._locked_since = self._lock_told = 0
        self._moved: list[tuple[int, float]] = []
        self.moved_while_locked: list[float] = []
        self.phases: list[int] = []
        self.asked = 0
        """How often the last call was asked."""
        self._changed = threading.Condition()
        self._subscribe()
        self._heartbeat = self.node.create_publisher(ControllerHeartbeat, "controller_heartbeat", 10)
        self.cmd_vel = self.node.create_publisher(TwistStamped, "cmd_vel", 10)
        self._goals = ActionClient(self.node, ExecuteDelivery, "execute_delivery")
        self._moves = ActionClient(self.node, NavigateToWaypoint, "navigate_to_waypoint")
        self._operator = ActionClient(self.node, NavigateToPose, "navigate_to_pose")
        self._clients = {name: self.node.create_client(kind, name) for name, kind in SERVICES.items()}
        self.node.create_timer(0.5, self._beat)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._executor.shutdown()  # first: a thread that spins while its context ends stumbles over it
        self._thread.join(5.0)
        rclpy.shutdown(context=self.context)

    # --- what it hears ---

    def _subscribe(self) -> None:
        self.node.create_subscription(RobotStatus, "status", self._on_status, LATCHED)
        self.node.create_subscription(Deliveries, "deliveries", self._on_deliveries, LATCHED)
        self.node.create_subscription(Odometry, "odom", self._on_odom, qos_profile_sensor_data)
        self.node.create_subscription(Bool, "estop", self._on_lock, 10)

    def _on_status(self, message: RobotStatus) -> None:
        with self._changed:
            self.status = message
            if not self.phases or self.phases[-1] != message.phase:
                self.phases.append(message.phase)
            self._changed.notify_all()

    def _on_deliveries(self, message: Deliveries) -> None:
        with self._changed:
            self.deliveries = message
            self._changed.notify_all()

    def _on_odom(self, message: Odometry, info: dict[str, int]) -> None:
        with self._changed:
            self.speed = abs(message.twist.twist.linear.x) + abs(message.twist.twist.angular.z)
            if self.speed > 0.02:
                self._moved.append((info["source_timestamp"], self.speed))
            self._changed.notify_all()

    def _on_lock(self, message: Bool, info: dict[str, int]) -> None:
        with self._changed:
            self._judge(message.data, info["source_timestamp"])
            self.locked = message.data
            self._changed.notify_all()

    def _judge(self, locked: bool, told: int) -> None:
        """Count what moved between two signs of life that both lock, where the lock had lasted long enough to stand.

        By when they were told: they may be heard in another order. A supervisor that is new may be heard late, so that
        after a gap the lock counts as new.
        """
        if not (locked and self.locked and told - self._lock_told < LOCK_TOLD_EVERY * 2.5e9):
            self._locked_since = told
        stands_from = self._locked_since + STANDS_WITHIN * 1e9
        self.moved_while_locked += [speed for moved, speed in self._moved if stands_from < moved < told]
        self._moved.clear()
        self._lock_told = told

    def _beat(self) -> None:
        if self.beating:
            self._heartbeat.publish(ControllerHeartbeat(epoch=self.epoch))

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return

    def wait(self, condition: Callable[[], Any], within: float, what: str = "") -> None:
        """Until it holds; fails with what the robot said last."""
        with self._changed:
            deadline = time.monotonic() + within
            while not condition():
                left = deadline - time.monotonic()
                if left <= 0.0:
                    raise AssertionError(f"not within {within} s: {what or condition}\n{self.status}")
                self._changed.wait(min(left, 0.5))

    def stays(self, condition: Callable[[], Any], seconds: float, what: str = "") -> None:
        """Holds all the time."""
        with self._changed:
            deadline = time.monotonic() + seconds
            while (left := deadline - time.monotonic()) > 0.0:
                assert condition(), f"{what}\n{self.status}"
                self._changed.wait(min(left, 0.1))

    def wait_for_phase(self, phase: int, within: float = 120.0) -> RobotStatus:
        self.wait(lambda: self.status.phase == phase, within, f"phase {phase}")
        return self.status

    def wait_ready(self, within: float = 60.0, besides: tuple[str, ...] = ()) -> None:
        """Serving, with nothing wrong but what is named."""
        self.wait(
            lambda: self.status.boot_id and not [f for f in self.status.faults if f.code not in besides],
            within, "no fault",
        )  # fmt: skip

    # --- what it asks ---

    def call(self, name: str, within: float = 20.0, **fields: Any) -> Any:
        """Asks again when no answer has come, as the web tier does; the robot knows again what it was asked before.

        A server that does not know its client yet, as on a busy machine for seconds after its start, drops the answer.
        """
        client = self._clients[name]
        assert client.wait_for_service(within), name
        request = SERVICES[name].Request(**fields)
        if hasattr(request, "epoch") and "epoch" not in fields:
            request.epoch = self.epoch
        for self.asked in range(1, ASKED_AT_MOST):
            future = client.call_async(request)
            if self._done(future, within / ASKED_AT_MOST):
                return future.result()
            client.remove_pending_request(future)
        self.asked = ASKED_AT_MOST
        return self._result(client.call_async(request), within / ASKED_AT_MOST)

    def took(self, answer: Any) -> bool:
        """Whether what was asked last was done: upon this question or, if there were several, upon an earlier one."""
        return bool(answer.verdict == ACCEPTED or (answer.verdict == ALREADY and self.asked > 1))

    def send(self, goal: ExecuteDelivery.Goal, within: float = 20.0) -> Any:
        """The future of the result; fails if ROS refuses the goal."""
        accepted, result = self._send(self._goals, goal, within)
        assert accepted
        return result

    def outcome(self, goal: ExecuteDelivery.Goal, within: float = 20.0) -> DeliveryState:
        """The result of a goal that ends soon."""
        return self._result(self.send(goal), within).result.state

    def state_of(self, result: Any, within: float = 120.0) -> DeliveryState:
        return self._result(result, within).result.state

    def navigate(self, within: float, **fields: Any) -> NavigateToWaypoint.Result:
        _, result = self._send(self._moves, NavigateToWaypoint.Goal(**fields), 20.0)
        return self._result(result, within).result

    def operator_goal(self, x: float, y: float) -> Any:
        """An operator's goal in RViz, past LUNA; the future of its result."""
        accepted, result = self._send(self._operator, NavigateToPose.Goal(pose=stop("", x, y).pose), 20.0)
        assert accepted
        return result

    def ending_of(self, result: Any, within: float = 20.0) -> int:
        """How a goal ended, as action_msgs/GoalStatus says it."""
        return int(self._result(result, within).status)

    def _send(self, client: ActionClient, goal: Any, within: float) -> tuple[bool, Any]:
        """Whether it was accepted, and the future of its result.

        On the executor's thread: rclpy's action client loses an answer that comes before another thread has noted
        what it asked.
        """

        async def send() -> tuple[bool, Any]:
            handle = await client.send_goal_async(goal)
            return handle.accepted, handle.get_result_async()

        assert client.wait_for_server(within)
        answer: tuple[bool, Any] = self._result(self._executor.create_task(send), within)
        return answer

    def _result(self, future: Any, within: float) -> Any:
        assert self._done(future, within), f"no answer within {within} s\n{self.status}"
        return future.result()

    def _done(self, future: Any, within: float) -> bool:
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        return done.wait(within)

    # --- goals ---

    def goal(self, delivery_id: str, stops: list[DeliveryStop], **fields: Any) -> ExecuteDelivery.Goal:
        fields = {"epoch": self.epoch, "boot_id": self.status.boot_id, "attempt": 1, **fields}
        if "fallback" in fields:
            fields["has_fallback"] = True
        return ExecuteDelivery.Goal(delivery_id=delivery_id, stops=stops, trace_id=f"trace-{delivery_id}", **fields)

    def confirm(self, handover: int, **fields: Any) -> Any:
        """Confirms the hand-over that the robot waits for."""
        status = self.status
        wanted = {
            "delivery_id": status.delivery_id, "attempt": status.attempt, "handover_seq": status.handover_seq, **fields
        }  # fmt: skip
        return self.call("confirm_handover", handover=handover, by="test", **wanted)


def stop(waypoint: str, x: float, y: float, yaw: float = 0.0, **fields: Any) -> DeliveryStop:
    message = DeliveryStop(waypoint=waypoint, **fields)
    message.pose.header.frame_id = "map"
    message.pose.pose = conversions.pose_msg(Pose(x, y, yaw))
    return message


def duration(seconds: float) -> Duration:
    return Duration(sec=int(seconds), nanosec=int(seconds % 1 * 1e9))


def same(one: DeliveryState, other: DeliveryState) -> bool:
    """Also where numbers are unknown, and NaN is not equal to itself."""
    return str(one) == str(other)
