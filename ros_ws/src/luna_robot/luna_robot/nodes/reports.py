"""What the robot tells people's tools: `/diagnostics`, and markers for RViz. Cheap while nobody looks."""

from __future__ import annotations

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from luna_interfaces.msg import RobotStatus
from rclpy.node import Node
from visualization_msgs.msg import MarkerArray

from luna_robot import conversions, diagnostics, markers
from luna_robot.geometry import Pose
from luna_robot.nodes.common import LATCHED, RELIABLE, steady
from luna_robot.waypoints import WaypointTable

DIAGNOSTICS_EVERY = 0.95
"""Seconds; a little less than those between two messages of a robot that stands still."""


class Diagnostics:
    """`/diagnostics`: once a second, and at once when a level changes."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", RELIABLE)
        self._levels: tuple[diagnostics.Level, ...] = ()
        self._told_at = float("-inf")

    def tell(self, status: RobotStatus) -> None:
        """At every message of `status`."""
        if not self._publisher.get_subscription_count():
            return
        checks, now = diagnostics.checks(status), steady()
        if diagnostics.levels(checks) != self._levels or now - self._told_at >= DIAGNOSTICS_EVERY:
            self._levels, self._told_at = diagnostics.levels(checks), now
            stamp = self._node.get_clock().now().to_msg()
            self._publisher.publish(conversions.diagnostic_array(checks, status.robot_name, stamp))


class Markers:
    """`waypoint_markers` and `status_markers`, latched."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._waypoints = node.create_publisher(MarkerArray, "waypoint_markers", LATCHED)
        self._status = node.create_publisher(MarkerArray, "status_markers", LATCHED)
        self._table: WaypointTable | None = None
        self._drawn: tuple[markers.Drawing, ...] = ()

    def show_waypoints(self, table: WaypointTable) -> None:
        """Draw the places anew if they are others than those drawn."""
        if table is not self._table:
            self._table = table
            self._waypoints.publish(conversions.marker_array(markers.of_waypoints(table), self._stamp(), anew=True))

    def show_status(self, status: RobotStatus, goal: Pose | None) -> None:
        """What the robot does; ``goal``: the stop driven to or stood at."""
        if not self._status.get_subscription_count():
            return
        drawn = markers.of_status(status, goal)
        if drawn != self._drawn:
            away = markers.gone(self._drawn, drawn)
            self._drawn = drawn
            self._status.publish(conversions.marker_array(drawn, self._stamp(), away))

    def _stamp(self) -> Time:
        return self._node.get_clock().now().to_msg()
