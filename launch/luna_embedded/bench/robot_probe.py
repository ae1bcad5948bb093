"""Runs in the ROS environment: drives and stops a robot, and tells in lines of JSON what it saw.

Whoever started it answers each line that has a "phase" with a line of its own, and may measure before it does.

Usage: robot_probe.py ROBOT STOPS SECONDS X1 Y1 X2 Y2   between two places (frame "map", metres); SECONDS a phase
       robot_probe.py --bare                                a node that answers `bare` and does nothing else
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import rclpy
from geometry_msgs.msg import TwistStamped
from luna_interfaces.action import NavigateToWaypoint
from luna_interfaces.msg import ControllerHeartbeat, RobotStatus
from luna_interfaces.srv import Resume, SetEmergencyStop
from nav_msgs.msg import Odometry
from rclpy.action import ActionClient
from rclpy.executors import ExternalShutdownException
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from std_srvs.srv import Trigger

from luna_executor import LeanExecutor
from luna_ros_cli.values import plain

FAST, STILL = 0.15, 0.001  # m/s
STEP_DEADLINE = 60.0
MOST_REFUSALS = 20
EPOCH = 1
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
BARE = "/bench/bare"


class Probe:
    """A controller's heartbeat, an operator's goals, and an eye on odometry, velocity commands and status."""

    def __init__(self, robot: str, places: Sequence[tuple[float, float]]) -> None:
        self.node = node = rclpy.create_node("bench", namespace=robot)
        self._executor = LeanExecutor()
        self._executor.add_node(node)
        self._places = list(places)
        self.status = RobotStatus()
        self._weighs = False
        self.statuses = self.longest = 0
        self.speed, self.turn = 0.0, 0.0
        self.zero_at = self.still_at = self.moved_at = 0.0
        self.refused = 0
        self._goal: Any = None
        self._result: Any = None
        self._beat = node.create_publisher(ControllerHeartbeat, "controller_heartbeat", 10)
        node.create_timer(0.5, lambda: self._beat.publish(ControllerHeartbeat(epoch=EPOCH)))
        node.create_subscription(RobotStatus, "status", self._on_status, LATCHED)
        node.create_subscription(Odometry, "odom", self._on_odom, qos_profile_sensor_data)
        node.create_subscription(TwistStamped, "cmd_vel", self._on_command, 10)
        self._drive = ActionClient(node, NavigateToWaypoint, "navigate_to_waypoint")
        self._stop = node.create_client(SetEmergencyStop, "set_emergency_stop")
        self._resume = node.create_client(Resume, "resume")
        self._bare = node.create_client(Trigger, BARE)

    # --- what it sees ---

    def _on_status(self, message: RobotStatus) -> None:
        self.status = message
        if not self._weighs:
            return
        self.statuses += 1
        self.longest = max(self.longest, len(json.dumps(plain(message), separators=(",", ":")).encode()))

    def _on_odom(self, message: Odometry) -> None:
        now, twist = time.monotonic(), message.twist.twist
        self.speed, self.turn = twist.linear.x, twist.angular.z
        if abs(self.speed) < STILL and abs(self.turn) < STILL:
            self.still_at = self.still_at or now
        else:
            self.moved_at = self.moved_at or now

    def _on_command(self, message: TwistStamped) -> None:
        if message.twist.linear.x == 0.0 and message.twist.angular.z == 0.0:
            self.zero_at = self.zero_at or time.monotonic()

    # --- what it does ---

    def until(self, what: str, holds: Callable[[], Any]) -> None:
        end = time.monotonic() + STEP_DEADLINE
        while not holds():
            if time.monotonic() > end:
                raise SystemExit(f"{what}: not within {STEP_DEADLINE:.0f} s; the robot says {plain(self.status)}")
            self._executor.spin_once(timeout_sec=0.05)

    def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=min(left, 0.05))

    def call(self, client: Any, request: Any) -> tuple[Any, float]:
        """The answer, and how many seconds it took."""
        self.until(f"{client.srv_name} is there", client.service_is_ready)
        begun = time.monotonic()
        future = client.call_async(request)
        self.until(f"{client.srv_name} answers", future.done)
        return future.result(), time.monotonic() - begun

    def ready(self) -> None:
        self.until("the robot is well", lambda: self.status.boot_id and not self.status.faults)
        self.until("navigation is there", self._drive.server_is_ready)

    def bare(self) -> float:
        """Seconds of a service call that finds nothing to do."""
        return self.call(self._bare, Trigger.Request())[1]

    def set_out(self) -> float:
        """Send it to the place that is farther away; seconds until odometry shows that it moves.

        Where nodes starve, the supervisor locks for a moment: a goal refused for that is sent anew, and counted.
        """
        while (seconds := self._try_to_set_out()) is None:
            self.refused += 1
            if self.refused > MOST_REFUSALS:
                raise SystemExit(f"The robot does not set out: {self._result.result().result.message}")
            self.until("the robot is well again", lambda: not self.status.faults and not self.status.suspended)
            self.run(0.5)
        return seconds

    def _try_to_set_out(self) -> float | None:
        """None = refused."""
        x, y = max(self._places, key=lambda place: math.dist(place, (self.status.x, self.status.y)))
        goal = NavigateToWaypoint.Goal()
        goal.pose.header.frame_id = "map"
        goal.pose.pose.position.x, goal.pose.pose.position.y = x, y
        self.moved_at, begun = 0.0, time.monotonic()
        accepted = self._drive.send_goal_async(goal)
        self.until("the goal is accepted", accepted.done)
        self._goal = accepted.result()
        self._result = result = self._goal.get_result_async()
        self.until("the robot sets out", lambda: self.moved_at or result.done())
        return self.moved_at - begun if self.moved_at else None

    def stop(self) -> tuple[float, float, float]:
        """Stop it in mid-drive: seconds until the answer, until a zero velocity command, until it stands; go on."""
        self.until("it drives", lambda: self.speed > FAST)
        self.zero_at = self.still_at = 0.0
        name, begun = f"bench-{time.monotonic_ns()}", time.monotonic()
        request = SetEmergencyStop.Request(engage=True, estop_id=name, reason="benchmark", by="bench")
        answered = self.call(self._stop, request)[1]
        self.until("it is told to stand, and stands", lambda: self.zero_at and self.still_at)
        stood = answered, self.zero_at - begun, self.still_at - begun
        self._goal.cancel_goal_async()
        self.until("its goal is over", self._result.done)
        self.until("the stop is in the journal", lambda: self.status.suspended and self.status.estop_id == name)
        self.call(self._stop, SetEmergencyStop.Request(estop_id=name, by="bench"))
        self.until("the release shows", lambda: not self.status.estopped)
        self.call(self._resume, Resume.Request(epoch=EPOCH, estop_id=name, by="bench"))
        self.until("it may drive again", lambda: not self.status.suspended and not self.status.faults)
        return stood

    def watch(self, phase: str, seconds: float) -> None:
        """Tell a phase, and how often and how long its status was while whoever heard of it measured."""
        tell(phase=phase, seconds=seconds)
        self.statuses, self.longest, self._weighs = 0, 0, True
        begun = time.monotonic()
        self.run(seconds)
        hear()
        self._weighs = False
        rate = self.statuses / (time.monotonic() - begun)
        tell(status={"phase": phase, "hz": round(rate, 2), "bytes": self.longest})


def tell(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def hear() -> None:
    if not sys.stdin.readline():
        raise SystemExit("whoever measured has gone")


def measure(robot: str, stops: int, places: Sequence[tuple[float, float]], seconds: float) -> None:
    probe = Probe(robot, places)
    probe.ready()
    probe.watch("idle", seconds)
    probe.set_out()
    probe.watch("driving", seconds)
    tell(phase="stops", seconds=0)
    hear()
    series: dict[str, list[float]] = {name: [] for name in ("answered", "zero", "stood", "set_out", "bare")}
    for number in range(stops):
        for name, value in zip(("answered", "zero", "stood"), probe.stop(), strict=True):
            series[name].append(value)
        series["bare"].append(probe.bare())
        series["set_out"].append(probe.set_out())
        tell(stopped=number + 1)
    tell(series=series, refused=probe.refused, punctual=os.sched_getscheduler(0) == os.SCHED_RR)


def serve() -> None:
    node = rclpy.create_node("bare")
    node.create_service(Trigger, BARE, lambda _, response: response)
    tell(ready=True)
    rclpy.spin(node)


def main(words: Sequence[str]) -> None:
    if words != ["--bare"]:
        with contextlib.suppress(PermissionError):  # it is to see when a message came, not when the load let it look
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))  # as do threads that are made from here on
    rclpy.init()
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        if words == ["--bare"]:
            serve()
        else:
            robot, stops, seconds, *numbers = words
            x1, y1, x2, y2 = map(float, numbers)
            measure(robot, int(stops), [(x1, y1), (x2, y2)], float(seconds))


if __name__ == "__main__":
    main(sys.argv[1:])
