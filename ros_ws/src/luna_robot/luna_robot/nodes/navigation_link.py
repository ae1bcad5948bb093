"""The link between executor and navigator over ROS, for the two in processes of their own."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from luna_interfaces.msg import DriveOrder as DriveOrderMsg
from luna_interfaces.msg import NavigationState, Waypoints
from rclpy.node import Node

from luna_robot import conversions
from luna_robot.navigation.link import (
    SILENCE,
    UNHEARD_NAVIGATION,
    UNHEARD_ORDER,
    DriveOrder,
    Navigation,
    NavigationView,
)
from luna_robot.nodes.common import HEARTBEAT_PERIOD, LATCHED, Heard, steady
from luna_robot.waypoints import WaypointTable

ORDER, STATE, WAYPOINTS = "drive_order", "navigation_state", "waypoints"


class RemoteNavigation:
    """The navigator, as an executor in another process sees it."""

    def __init__(self, node: Node) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._logger = node.get_logger()
        self._heard: Heard[NavigationView] = Heard(UNHEARD_NAVIGATION)
        self._order, self._told_at = UNHEARD_ORDER, float("-inf")
        self._orders = node.create_publisher(DriveOrderMsg, ORDER, LATCHED)
        self._waypoints = node.create_publisher(Waypoints, WAYPOINTS, LATCHED)
        node.create_subscription(NavigationState, STATE, self._on_state, LATCHED)

    def view(self) -> NavigationView:
        seen = self._heard.last
        return seen if self._heard.within(SILENCE, steady()) else seen.silent()

    def drive(self, order: DriveOrder) -> None:
        """At once where it is another one; else as a sign of life."""
        now = steady()
        if order != self._order or now - self._told_at >= HEARTBEAT_PERIOD / 2:
            self._order, self._told_at = order, now
            self._orders.publish(conversions.drive_order_msg(order))

    def use_waypoints(self, table: WaypointTable) -> None:
        self._waypoints.publish(conversions.waypoints_msg(table))

    def _on_state(self, message: NavigationState) -> None:
        try:
            said = conversions.navigation_view(message)
        except ValueError as error:  # unheard is safe: everything stands still
            self._logger.error(f"{STATE} of another version of LUNA: {error}", throttle_duration_sec=10.0)
            return
        before = self.view()
        self._heard.hear(said, steady())
        if self._heard.last.what_counts() != before.what_counts():
            self.on_change()


class RemoteExecutor:
    """The executor, as a navigator in another process hears it; tells it how the navigation is."""

    def __init__(self, node: Node, navigation: Navigation) -> None:
        self._navigation = navigation
        self._logger = node.get_logger()
        self._boot_id = str(uuid.uuid4())
        self._heard: Heard[DriveOrder] = Heard(UNHEARD_ORDER)
        self._states = node.create_publisher(NavigationState, STATE, LATCHED)
        node.create_subscription(DriveOrderMsg, ORDER, self._on_order, LATCHED)
        node.create_subscription(Waypoints, WAYPOINTS, self._on_waypoints, LATCHED)
        navigation.on_change = self._tell

    def tick(self) -> None:
        """Stand still where the executor has fallen silent; every HEARTBEAT_PERIOD."""
        if not self._heard.within(SILENCE, steady()):
            self._navigation.drive(UNHEARD_ORDER)
        self._tell()

    def _tell(self) -> None:
        self._states.publish(conversions.navigation_state(self._navigation.view(), self._boot_id))

    def _on_order(self, message: DriveOrderMsg) -> None:
        try:
            said = conversions.drive_order(message)
        except ValueError as error:  # unheard is safe: everything stands still
            self._logger.error(f"{ORDER} of another version of LUNA: {error}", throttle_duration_sec=10.0)
            return
        self._heard.hear(said, steady())
        self._navigation.drive(self._heard.last)

    def _on_waypoints(self, message: Waypoints) -> None:
        self._navigation.use_waypoints(conversions.waypoint_table(message))
