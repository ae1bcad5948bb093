"""Publishes `status`: at once on a change, else now and then."""

from __future__ import annotations

import math

from luna_interfaces.msg import Fault as FaultMsg
from luna_interfaces.msg import RobotStatus
from nav_msgs.msg import Odometry
from rclpy.node import Node

from luna_robot import conversions
from luna_robot.delivery.model import MOVING_PHASES
from luna_robot.navigation.link import SILENCE
from luna_robot.nodes.common import LATCHED, NEWEST, Heard, Heartbeat, steady
from luna_robot.nodes.parameters import Parameters
from luna_robot.nodes.polled import PolledSubscription
from luna_robot.nodes.reports import Diagnostics
from luna_robot.parameters import STATUS_PUBLISHER
from luna_robot.status import silent_executor

EXECUTOR_STATUS = "executor_status"
"""Topic of the executor's part, where it is a process of its own."""
STILL_EVERY = 5
"""Beats of the 5 Hz timer between two messages of a robot that stands still."""
MOVING = frozenset(int(phase) for phase in MOVING_PHASES)

ODOMETRY_SILENCE = 1.5
"""Seconds after which a velocity is no longer told; as long as a pose is trusted without news."""


class StatusPublisher(Node):
    """The executor tells all but the velocity (`take`). Nothing is published before it was heard once."""

    def __init__(self) -> None:
        super().__init__("status_publisher")
        self._robot_name = Parameters(self, STATUS_PUBLISHER)["robot_name"]
        self._velocity = Heard((0.0, 0.0))
        self._beats = 0
        self._heard: Heard[RobotStatus | None] = Heard(None)
        self._told: tuple[object, ...] = ()
        self._status = self.create_publisher(RobotStatus, "status", LATCHED)
        self._diagnostics = Diagnostics(self)
        self._heartbeat = Heartbeat(self)
        self._odometry = PolledSubscription(self, Odometry, "odom", self._on_odom, NEWEST)

    def listen(self) -> None:
        """Hear the executor over ROS."""
        self.create_subscription(RobotStatus, EXECUTOR_STATUS, self.take, LATCHED)

    def take(self, told: RobotStatus) -> None:
        """What the executor tells now: published at once if what counts has changed."""
        self._heard.hear(told, steady())
        self._tell_change(told)

    def tick(self) -> None:
        """Tells what is due; every HEARTBEAT_PERIOD."""
        self._heartbeat.beat()
        self._odometry.poll()
        self._beats += 1
        told = self._heard.last
        if told is None:
            return
        if not self._heard.within(SILENCE, steady()):
            told = self._without_executor(told)
        self._tell_change(told)
        moving = any(abs(velocity) > 0.01 for velocity in self._measured()) or told.phase in MOVING
        if (moving and self._beats) or self._beats >= STILL_EVERY:
            self._publish(told)

    def _tell_change(self, told: RobotStatus) -> None:
        counts = _what_counts(told)
        if counts != self._told:
            self._told = counts
            self._publish(told)

    def _publish(self, told: RobotStatus) -> None:
        self._beats = 0
        told.robot_name, told.header.stamp = self._robot_name, self.get_clock().now().to_msg()
        told.linear_velocity, told.angular_velocity = self._measured()
        self._status.publish(told)
        self._diagnostics.tell(told)

    def _without_executor(self, told: RobotStatus) -> RobotStatus:
        """The same with its silence said; in place, since it is what was heard last."""
        fault = silent_executor(self.get_clock().now().nanoseconds)
        if all(known.code != fault.code for known in told.faults):
            told.faults = [conversions.fault_msg(fault), *told.faults][:8]
        told.mode, told.link_up, told.localized = RobotStatus.MODE_ERROR, False, False
        told.distance_remaining = told.estimated_time_remaining = math.nan
        return told

    def _on_odom(self, message: Odometry) -> None:
        twist = message.twist.twist
        self._velocity.hear((_finite(twist.linear.x), _finite(twist.angular.z)), steady())

    def _measured(self) -> tuple[float, float]:
        """m/s and rad/s. What a base measured before it fell silent says nothing of now, when the robot stands."""
        return self._velocity.last if self._velocity.within(ODOMETRY_SILENCE, steady()) else (0.0, 0.0)


def _what_counts(status: RobotStatus) -> tuple[object, ...]:
    """Not the pose, velocity, distance or charge, which change all the time."""
    faults: list[FaultMsg] = status.faults
    return (
        status.boot_id, status.journal_seq, status.epoch, status.mode, status.map_id, status.waypoints_version,
        status.nearest_waypoint, status.charging, status.docked, status.localized, status.link_up, status.cargo,
        status.estopped, status.estop_id, status.suspended, status.paused, status.maintenance,
        status.delivery_id, status.attempt, status.phase, status.handover_seq, status.destination,
        tuple((fault.code, fault.severity) for fault in faults),
    )  # fmt: skip


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0
