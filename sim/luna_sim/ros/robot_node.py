"""One robot's topics and services."""

import math
import threading
import time

from geometry_msgs.msg import PoseWithCovarianceStamped, TwistStamped
from irobot_create_msgs.msg import DockStatus, HazardDetectionVector, KidnapStatus
from irobot_create_msgs.srv import EStop
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from nav2_msgs.srv import ClearEntireCostmap
from nav_msgs.msg import OccupancyGrid, Odometry
from nav_msgs.srv import GetMap
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool, String
from tf2_msgs.msg import TFMessage

from luna_sim.core.geometry import Twist
from luna_sim.core.robot import Lock, Robot
from luna_sim.core.world import World
from luna_sim.estop_watch import EstopWatch
from luna_sim.ros import messages
from luna_sim.ros.description import URDF, fixed_frames
from luna_sim.ros.periods import due
from luna_sim.ros.qos import BEST_EFFORT, LATCHED
from luna_sim.ros.sensors import Sensors

_TOPIC_LOCKS = (Lock.ESTOP, Lock.SILENCE)
_MS = 1_000_000
_LIFECYCLE_NODES = ("amcl", "bt_navigator", "map_server")
"""Nodes that clients wait for until they are active."""
_MOVING, _STILL, _SLOW = 50 * _MS, 200 * _MS, 1000 * _MS
"""Periods of publication in simulated time, nanoseconds."""
_SIGN_OF_LIFE = 200 * _MS
"""Nanoseconds of wall time after which odometry is told at the latest: who watches over a robot does not slow down."""


class RobotNode(Node):
    """Publishes one robot of the world and takes commands for it.

    Callbacks run in the executor's thread, `publish` in the simulation's; `guard` protects the world.
    """

    def __init__(
        self, robot: Robot, world: World, guard: threading.RLock, watch: EstopWatch, *, power_saver: bool
    ) -> None:
        quiet = [Parameter("start_type_description_service", value=False)]
        super().__init__(
            "luna_sim",
            namespace=robot.name,
            enable_rosout=False,
            start_parameter_services=False,
            parameter_overrides=quiet,
        )
        self.robot = robot
        self._world = world
        self._guard = guard
        self._watch = watch
        self._pose_at = self._slow_at = -_SLOW
        self._pose_told_at = 0
        self._amcl_updates = 0
        self._told: tuple[object, ...] = ()
        self._bumps = 0
        self._make_publishers()
        self._make_inputs()
        self._sensors = Sensors(self, robot, world, power_saver=power_saver)
        for lock in watch.locks(time.monotonic()):
            robot.lock(lock)

    def publish_latched(self) -> None:
        """What never changes: the map with its keep-out zones, the robot's looks and its fixed frames."""
        ns, floor = self._world.time_ns, self._world.floor
        self._map.publish(messages.grid_msg(floor.grid, ns))
        if floor.keep_out is not None:
            self._keep_out.publish(messages.grid_msg(floor.keep_out, ns))
        self._tf_static.publish(messages.tf_static_msg(fixed_frames(), ns))
        self._description.publish(String(data=URDF))

    def publish(self) -> None:
        """Publish what is due; called by the simulation after its steps, with the guard held."""
        self._apply_locks()
        ns, robot = self._world.time_ns, self.robot
        if robot.impairment.silent:
            return
        overdue = time.monotonic_ns() - self._pose_told_at >= _SIGN_OF_LIFE
        if overdue or due(ns, self._pose_at, _STILL if robot.velocity.is_zero else _MOVING):
            self._publish_pose()
        self._publish_amcl(ns)
        self._sensors.publish(ns)
        told = (robot.dock, robot.bumped, robot.impairment, robot.charge >= 1.0)
        if told != self._told or robot.bumps != self._bumps or due(ns, self._slow_at, _SLOW):
            self._publish_state(ns)
            self._told, self._bumps, self._slow_at = told, robot.bumps, ns

    def _make_publishers(self) -> None:
        self._odom = self.create_publisher(Odometry, "odom", 10)
        self._tf = self.create_publisher(TFMessage, "tf", 100)
        self._tf_static = self.create_publisher(TFMessage, "tf_static", LATCHED)
        self._map = self.create_publisher(OccupancyGrid, "map", LATCHED)
        self._keep_out = self.create_publisher(OccupancyGrid, "keepout_mask", LATCHED)
        self._description = self.create_publisher(String, "robot_description", LATCHED)
        self._amcl = self.create_publisher(PoseWithCovarianceStamped, "amcl_pose", LATCHED)
        self._battery = self.create_publisher(BatteryState, "battery_state", 10)
        self._dock = self.create_publisher(DockStatus, "dock_status", 10)
        self._hazards = self.create_publisher(HazardDetectionVector, "hazard_detection", 10)
        self._kidnap = self.create_publisher(KidnapStatus, "kidnap_status", 10)

    def _make_inputs(self) -> None:
        self.create_subscription(Bool, "estop", self._on_estop, 1)
        self.create_subscription(TwistStamped, "cmd_vel", self._on_command, BEST_EFFORT)
        self.create_subscription(PoseWithCovarianceStamped, "initialpose", self._on_initial_pose, 1)
        self.create_service(EStop, "e_stop", self._on_base_stop)
        for costmap in ("global_costmap", "local_costmap"):
            self.create_service(ClearEntireCostmap, f"{costmap}/clear_entirely_{costmap}", self._on_clear)
        self.create_service(GetMap, "map_server/map", self._on_get_map)
        for server in _LIFECYCLE_NODES:
            self.create_service(GetState, f"{server}/get_state", _on_get_state)

    def _on_estop(self, message: Bool) -> None:
        with self._guard:
            self._watch = self._watch.heard(message.data, time.monotonic())
            self._apply_locks()

    def _apply_locks(self) -> None:
        """Bring the robot's locks in line with the topic; a change is told at once."""
        wanted = self._watch.locks(time.monotonic())
        before = self.robot.locks
        for lock in _TOPIC_LOCKS:
            (self.robot.lock if lock in wanted else self.robot.unlock)(lock)
        if bool(before) != bool(self.robot.locks):
            self._publish_pose()

    def _on_base_stop(self, request: EStop.Request, response: EStop.Response) -> EStop.Response:
        with self._guard:
            (self.robot.lock if request.e_stop_on else self.robot.unlock)(Lock.BASE)
            self._publish_pose()
        response.success = True
        response.message = "motors off" if request.e_stop_on else "motors on"
        return response

    def _on_command(self, message: TwistStamped) -> None:
        with self._guard:
            self.robot.command(Twist(message.twist.linear.x, message.twist.angular.z))

    def _on_initial_pose(self, message: PoseWithCovarianceStamped) -> None:
        guess = messages.pose_from(message.pose.pose)
        if message.header.frame_id != messages.MAP or not all(map(math.isfinite, (guess.x, guess.y, guess.yaw))):
            self.get_logger().warning(
                f"initialpose ignored: frame {message.header.frame_id!r} must be 'map', every number finite"
            )
            return
        with self._guard:
            self.robot.localization.found(guess)
            self._publish_amcl(self._world.time_ns)
            self._publish_pose()

    def _on_get_map(self, _: GetMap.Request, response: GetMap.Response) -> GetMap.Response:
        response.map = messages.grid_msg(self._world.floor.grid, self._world.time_ns)
        return response

    def _on_clear(
        self, _: ClearEntireCostmap.Request, response: ClearEntireCostmap.Response
    ) -> ClearEntireCostmap.Response:
        """The costmaps are drawn anew each time; what the drive in hand remembers is all there is to forget."""
        with self._guard:
            self.robot.clear_costmaps()
        return response

    def _publish_pose(self) -> None:
        if self.robot.impairment.silent:
            return
        ns = self._world.time_ns
        self._odom.publish(messages.odometry_msg(self.robot, ns))
        self._tf.publish(messages.tf_msg(self.robot, ns))
        self._pose_at, self._pose_told_at = ns, time.monotonic_ns()

    def _publish_amcl(self, ns: int) -> None:
        """Only what is new, as AMCL: a robot that stands says nothing more. Whoever comes later has it latched."""
        updates = self.robot.localization.updates
        if updates != self._amcl_updates:
            self._amcl.publish(messages.amcl_msg(self.robot, ns))
            self._amcl_updates = updates

    def _publish_state(self, ns: int) -> None:
        robot = self.robot
        bumped = robot.bumped or robot.bumps != self._bumps
        visible = messages.dock_in_sight(robot, self._world.floor) is not None
        self._battery.publish(messages.battery_msg(robot, ns))
        self._dock.publish(messages.dock_msg(robot, visible, ns))
        self._hazards.publish(messages.hazard_msg(robot, bumped, ns))
        self._kidnap.publish(messages.kidnap_msg(robot, ns))


def _on_get_state(_: GetState.Request, response: GetState.Response) -> GetState.Response:
    """As Nav2's lifecycle nodes answer once they are up."""
    response.current_state = State(id=State.PRIMARY_STATE_ACTIVE, label="active")
    return response
