"""Tells what the robot is and does: `status` and `deliveries`, at once on a change, else now and then."""

from __future__ import annotations

import math

from luna_interfaces.msg import Deliveries, RobotStatus
from nav_msgs.msg import Odometry
from rclpy.node import Node

from luna_robot import __version__, conversions
from luna_robot.delivery.model import MOVING_PHASES, ExecutorState
from luna_robot.faults import FaultLog
from luna_robot.nodes.common import LATCHED, NEWEST, Heartbeat
from luna_robot.nodes.parameters import Parameters
from luna_robot.nodes.polled import PolledSubscription
from luna_robot.nodes.reports import Diagnostics, Markers
from luna_robot.nodes.task_executor import TaskExecutor
from luna_robot.nodes.waypoint_navigator import WaypointNavigator
from luna_robot.parameters import STATUS_PUBLISHER
from luna_robot.status import RobotView, mode_of, own_faults

STILL_EVERY = 5
"""Beats of the 5 Hz timer between two messages of a robot that stands still."""


class StatusPublisher(Node):
    def __init__(self, executor_node: TaskExecutor, navigator: WaypointNavigator) -> None:
        super().__init__("status_publisher")
        self._robot_name = Parameters(self, STATUS_PUBLISHER)["robot_name"]
        self._tasks, self._navigator = executor_node, navigator
        self._linear = self._angular = 0.0
        self._faults = FaultLog()
        self._beats = 0
        self._told: tuple[object, ...] = ()
        self._told_deliveries: tuple[object, ...] = ()
        self._status = self.create_publisher(RobotStatus, "status", LATCHED)
        self._deliveries = self.create_publisher(Deliveries, "deliveries", LATCHED)
        self._diagnostics, self._markers = Diagnostics(self), Markers(self)
        self._heartbeat = Heartbeat(self)
        self._odometry = PolledSubscription(self, Odometry, "odom", self._on_odom, NEWEST)
        executor_node.on_change = self.tell_changes

    def tell_changes(self) -> None:
        """Publish if what counts has changed: not the pose, velocity, distance or charge, which change all the time."""
        self._tell(self._view())

    def _tell(self, view: RobotView) -> None:
        told = _what_counts(view)
        if told != self._told:
            self._told = told
            self._publish(view)
        shown = (view.state.active and _without_timers(view.state), view.state.recent, view.state.seq)
        if shown != self._told_deliveries:
            self._told_deliveries = shown
            self._deliveries.publish(conversions.deliveries(view))

    def tick(self) -> None:
        """Tells what is due; every HEARTBEAT_PERIOD."""
        self._heartbeat.beat()
        self._odometry.poll()
        self._beats += 1
        view = self._view()
        self._tell(view)
        moving = abs(view.linear_velocity) > 0.01 or abs(view.angular_velocity) > 0.01 or _under_way(view.state)
        if (moving and self._beats) or self._beats >= STILL_EVERY:
            self._publish(view)

    def _publish(self, view: RobotView) -> None:
        self._beats = 0
        told = conversions.robot_status(view, self.get_clock().now().to_msg())
        self._status.publish(told)
        self._diagnostics.tell(told)
        self._markers.show_waypoints(self._navigator.waypoints)
        self._markers.show_status(told, view.state.active.stop.pose if view.state.active else None)

    def _on_odom(self, message: Odometry) -> None:
        twist = message.twist.twist
        self._linear, self._angular = _finite(twist.linear.x), _finite(twist.angular.z)

    def _view(self) -> RobotView:
        tasks, navigator = self._tasks, self._navigator
        state, facts = tasks.state, tasks.facts()
        found = own_faults(state, facts, tasks.journal_error, navigator.missing)
        faults = self._faults.date([*tasks.safety.faults, *found], self.get_clock().now().nanoseconds)
        pose = navigator.pose
        nearest = navigator.waypoints.nearest(pose) if pose else None
        return RobotView(
            self._robot_name, tasks.journal_id, state, facts,
            mode_of(state, facts, faults, tasks.starting, tasks.battery.charging), faults, navigator.progress, pose,
            self._linear, self._angular, nearest.location_code if nearest else "", tasks.battery.percentage,
            tasks.battery.charging, tasks.safety.reason, tasks.safety.by, __version__,
        )  # fmt: skip


def _what_counts(view: RobotView) -> tuple[object, ...]:
    state, active = view.state, view.state.active
    delivery = active and (active.delivery_id, active.attempt, active.phase, active.awaited_seq, active.stop_index)
    faults = tuple((f.code, f.severity) for f in view.faults)
    return (
        state.seq, state.epoch, state.suspended, state.cargo, delivery, faults, view.facts, view.mode, view.charging,
        view.nearest_waypoint,
    )  # fmt: skip


def _without_timers(state: ExecutorState) -> tuple[object, ...]:
    active = state.active
    return (active and (active.phase, active.changed_at, active.cancel_requested),)


def _under_way(state: ExecutorState) -> bool:
    return state.active is not None and state.active.phase in MOVING_PHASES


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0
