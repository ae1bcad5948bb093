"""Drives to places: legs of a delivery for the executor, and `navigate_to_waypoint` for operators and tests."""

from __future__ import annotations

from collections.abc import Callable

from geometry_msgs.msg import PoseWithCovarianceStamped
from irobot_create_msgs.msg import DockStatus
from luna_interfaces.action import NavigateToWaypoint
from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

from luna_robot import conversions
from luna_robot.delivery.events import LegEnded
from luna_robot.delivery.model import Error
from luna_robot.geometry import Pose
from luna_robot.navigation.driver import LegDriver, RetryPolicy, Situation
from luna_robot.navigation.link import (
    UNHEARD_NAVIGATION,
    UNHEARD_ORDER,
    DriveOrder,
    NavigationView,
    Refusal,
)
from luna_robot.navigation.localization import Localization
from luna_robot.navigation.transforms import TransformTree
from luna_robot.nodes.common import LATCHED, SENSOR, Heartbeat, steady
from luna_robot.nodes.navigators import make_navigator
from luna_robot.nodes.operator_goal import OperatorGoal, reachable, result_of
from luna_robot.nodes.parameters import Parameters
from luna_robot.nodes.polled import PolledSubscription
from luna_robot.parameters import WAYPOINT_NAVIGATOR, keepout_zones, localization_limits, retry_policy
from luna_robot.stopwatch import Stopwatch
from luna_robot.waypoints import WaypointTable

NAVIGATION_GRACE = 10.0
"""Seconds after a start in which Nav2 may still turn up with old goals."""
MAP, ODOM, BASE = "map", "odom", "base_link"
TF_QOS = QoSProfile(depth=100)
TF_STATIC_QOS = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class WaypointNavigator(Node):
    """Owns the navigator's port, and knows where the robot is."""

    def __init__(self) -> None:
        super().__init__("waypoint_navigator")
        self.on_change: Callable[[], None] = lambda: None
        self._waypoints = WaypointTable()
        self._docked = False
        self._order = UNHEARD_ORDER
        self._ended: LegEnded | None = None
        self._view = UNHEARD_NAVIGATION
        self._operator: OperatorGoal | None = None
        self._operator_legs = 0
        self._watch = Stopwatch()
        self._tree = TransformTree()
        parameters = Parameters(self, WAYPOINT_NAVIGATOR, retry_policy, self._adopt)
        self._zones = keepout_zones(parameters.values)
        self._localization = Localization(localization_limits(parameters.values))
        self._navigator = make_navigator(self, parameters.values)
        self._driver = LegDriver(self._navigator, parameters.settings, self._on_ended)
        self._simulated = bool(self.get_parameter("use_sim_time").value)
        self._clean = False
        self._cleaning = False
        self._started = steady()
        self._heartbeat = Heartbeat(self, self._moving_allowed)
        self._subscribe()
        self._action = ActionServer(
            self,
            NavigateToWaypoint,
            "navigate_to_waypoint",
            self._on_goal,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
        )

    # --- for the executor ---

    def view(self) -> NavigationView:
        """As it was at the last tick, or when something that counts was another."""
        return self._view

    def drive(self, order: DriveOrder) -> None:
        """What the delivery in hand wants driven goes before an operator's goal.

        A lock cancels all that Nav2 has in hand, also what others gave it: after a stop nothing goes on by itself.
        """
        stopped = order.locked and order.refusal != self._order.refusal
        self._order = order
        if self._operator is not None and order.refusal is not None:
            self._operator.end(*order.refusal)
        if stopped:
            self._driver.call_off_all()
        self._settle()

    def use_waypoints(self, table: WaypointTable) -> None:
        self._waypoints = table

    def _look(self) -> None:
        """Bring the view up to date."""
        before, pose, wanted = self._view, self._tree.pose_of(BASE, MAP), self._driver.wanted
        self._view = NavigationView(
            leg=wanted.name if wanted is not None and wanted.boot_id else None,
            ended=self._ended,
            pose=pose,
            localized=pose is not None and self._localization.localized(steady()),
            missing=self._missing(),
            docked=self._docked,
            progress=self._driver.progress,
        )
        if self._view.what_counts() != before.what_counts():
            self.on_change()

    def _missing(self) -> tuple[str, ...]:
        """It is ready when nothing is missing and old goals are cancelled."""
        return self._navigator.missing() or (() if self._clean else ("cancelling of old goals",))

    def close(self) -> None:
        """Nothing is asked of the navigation any more."""
        self._navigator.close()

    # --- sensing ---

    def _subscribe(self) -> None:
        self._tf = PolledSubscription(self, TFMessage, "tf", self._on_tf, TF_QOS)
        self.create_subscription(TFMessage, "tf_static", self._on_tf, TF_STATIC_QOS)
        self.create_subscription(PoseWithCovarianceStamped, "amcl_pose", self._on_amcl_pose, LATCHED)
        self.create_subscription(DockStatus, "dock_status", self._on_dock_status, SENSOR)

    def _on_tf(self, message: TFMessage) -> None:
        now = steady()
        for stamped in message.transforms:
            transform = conversions.transform(stamped)
            self._tree.put(transform)
            if (transform.parent, transform.child) == (MAP, ODOM):
                self._localization.observe_transform(transform.stamp, now)

    def _on_amcl_pose(self, message: PoseWithCovarianceStamped) -> None:
        self._localization.observe_covariance(*conversions.variances(message))

    def _on_dock_status(self, message: DockStatus) -> None:
        self._docked = message.is_docked

    # --- driving ---

    def tick(self) -> None:
        """Senses, drives on, and looks after deadlines; every HEARTBEAT_PERIOD."""
        self._heartbeat.beat()
        self._tf.poll()
        self._navigator.poll(steady())
        self._clean_up()
        self._watch.look(self.get_clock().now().nanoseconds / 1e9 if self._simulated else steady())
        self._look()
        self._look_after_operator()
        self._driver.observe(self._situation())

    def _situation(self) -> Situation:
        return Situation(self._watch.total, self._view.pose, self._docked)

    def _adopt(self, policy: RetryPolicy) -> None:
        self._driver.adopt(policy)

    def _clean_up(self) -> None:
        """Once after the start: whatever Nav2 still drives is not ours any more."""
        if self._clean or self._cleaning or self._navigator.missing():
            return
        self._cleaning = True
        self._navigator.cancel_all(self._on_cleaned)

    def _on_cleaned(self, answered: bool) -> None:
        self._cleaning, self._clean = False, answered

    def _moving_allowed(self) -> bool:
        """Not before Nav2 has dropped what it drove for a process that is no more, if there is a Nav2."""
        nobody_there = bool(self._navigator.missing()) and steady() - self._started > NAVIGATION_GRACE
        return self._clean or nobody_there

    def _settle(self) -> None:
        goal = self._operator
        if self._order.leg is not None and goal is not None:
            goal.end(Error.BUSY, "a delivery is in hand")
        leg_of_operator = goal.leg if goal and not goal.done.done() else None
        self._driver.observe(self._situation())
        self._driver.want(self._order.leg or leg_of_operator)

    def _on_ended(self, ended: LegEnded) -> None:
        if not ended.boot_id:
            if self._operator is not None and ended.leg == self._operator.leg.number:
                self._operator.end_with(ended)
        else:
            self._ended = ended
            self._look()

    # --- navigate_to_waypoint ---

    async def _on_goal(self, handle: ServerGoalHandle) -> NavigateToWaypoint.Result:
        began = self._watch.total
        target = self._target(handle.request)
        refusal = self._refusal(handle.request, target)
        if refusal is None and target is not None:
            refusal = await self._drive_operator(target, handle)
        if handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.succeed()
        pose = self._view.pose
        distance = pose.distance_to(target) if pose and target else None
        return result_of(refusal, self._watch.total - began, distance)

    def _target(self, request: NavigateToWaypoint.Goal) -> Pose | None:
        if not request.waypoint:
            return conversions.pose(request.pose.pose)
        known = self._waypoints.find(request.waypoint)
        return known.pose if known else None

    def _refusal(self, request: NavigateToWaypoint.Goal, target: Pose | None) -> Refusal | None:
        known, order = self._waypoints, self._order
        waypoint, frame = request.waypoint, request.pose.header.frame_id
        if waypoint and (known.map_id, known.version) != (order.map_id, order.waypoints_version):
            return Error.UNKNOWN_WAYPOINT, f"waypoints {order.waypoints_version} of {order.map_id!r} are not here yet"
        if not waypoint and frame != MAP:
            return Error.MALFORMED, f"pose: frame {frame!r} is not {MAP!r}"
        if target is None or not target.is_finite():
            return Error.UNKNOWN_WAYPOINT, "unknown waypoint, or not a pose"
        if self._zones.forbids(target):
            return Error.MALFORMED, "inside a keep-out zone"
        if self._order.leg is not None or self._operator is not None:
            return Error.BUSY, "on its way already"
        if missing := self._missing():
            return Error.NAVIGATION_NOT_READY, ", ".join(missing)
        return self._order.refusal

    async def _drive_operator(self, target: Pose, handle: ServerGoalHandle) -> Refusal | None:
        self._operator_legs += 1
        goal = self._operator = OperatorGoal(self._operator_legs, target, handle)
        if not await reachable(self._navigator.path_length, target):
            goal.end(Error.NAVIGATION, "no path")
        self._settle()
        refusal: Refusal | None = await goal.done
        self._operator = None
        self._settle()
        return refusal

    def _look_after_operator(self) -> None:
        goal = self._operator
        if goal is None:
            return
        if goal.cancelled:
            goal.end(Error.NAVIGATION, "cancelled")
        else:
            goal.feed_back(self._view.pose, self._driver.progress, self.get_clock())
