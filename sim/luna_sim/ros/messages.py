"""Between the world's values and ROS messages; nothing else in the simulator makes or reads messages' fields."""

import array
import math
from collections.abc import Iterable

from builtin_interfaces.msg import Duration as DurationMsg
from builtin_interfaces.msg import Time as TimeMsg
from geometry_msgs.msg import Pose as PoseMsg
from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped, Quaternion, TransformStamped
from irobot_create_msgs.msg import DockStatus, HazardDetection, HazardDetectionVector, KidnapStatus
from nav_msgs.msg import OccupancyGrid, Odometry
from nav_msgs.msg import Path as PathMsg
from sensor_msgs.msg import BatteryState, LaserScan
from std_msgs.msg import ColorRGBA, Header
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from luna_floor.grid import Grid
from luna_sim.core.floor import Floor
from luna_sim.core.geometry import Pose
from luna_sim.core.lidar import ANGLE_INCREMENT, ANGLE_MIN, RANGE, RAYS, Ranges
from luna_sim.core.path import Path
from luna_sim.core.people import Person
from luna_sim.core.robot import Robot
from luna_sim.ros.description import FixedFrame

MAP, ODOM, BASE, LIDAR = "map", "odom", "base_link", "rplidar_link"
POST_DATING_NS = 1_000_000_000
"""AMCL stamps map → odom this far into the future (its transform_tolerance on a TurtleBot 4)."""
DOCK_SIGHT = 1.0
"""The dock's beacon is seen within this distance, metres,"""
DOCK_VIEW = math.pi / 4.0
"""as far to each side of straight ahead (the front receiver in create3_sim's description: 90 degrees in all),"""
_BEACON = 0.2
"""from so far ahead of where a docked robot's centre is, metres."""
_SECOND = 1_000_000_000
_TALL = 1.7
"""Metres; people are drawn so high."""


def time_msg(ns: int) -> TimeMsg:
    return TimeMsg(sec=ns // _SECOND, nanosec=ns % _SECOND)


def duration_msg(seconds: float) -> DurationMsg:
    ns = round(max(0.0, seconds) * 1e9)
    return DurationMsg(sec=min(ns // _SECOND, 2**31 - 1), nanosec=ns % _SECOND)


def header_msg(frame: str, ns: int) -> Header:
    return Header(stamp=time_msg(ns), frame_id=frame)


def quaternion_msg(yaw: float) -> Quaternion:
    return Quaternion(z=math.sin(yaw / 2.0), w=math.cos(yaw / 2.0))


def pose_msg(pose: Pose) -> PoseMsg:
    message = PoseMsg(orientation=quaternion_msg(pose.yaw))
    message.position.x, message.position.y = pose.x, pose.y
    return message


def pose_from(message: PoseMsg) -> Pose:
    """Position and heading of a pose; a quaternion need not be of length one."""
    q = message.orientation
    yaw = math.atan2(2.0 * (q.w * q.z + q.x * q.y), q.w * q.w + q.x * q.x - q.y * q.y - q.z * q.z)
    return Pose(message.position.x, message.position.y, yaw)


def pose_stamped(pose: Pose, ns: int) -> PoseStamped:
    return PoseStamped(header=header_msg(MAP, ns), pose=pose_msg(pose))


def path_msg(path: Path, ns: int) -> PathMsg:
    header = header_msg(MAP, ns)
    poses = (Pose(x, y, path.heading(i)) for i, (x, y) in enumerate(zip(path.xs, path.ys, strict=True)))
    return PathMsg(header=header, poses=[PoseStamped(header=header, pose=pose_msg(p)) for p in poses])


def odometry_msg(robot: Robot, ns: int) -> Odometry:
    message = Odometry(header=header_msg(ODOM, ns), child_frame_id=BASE)
    message.pose.pose = pose_msg(robot.odometry.pose)
    message.twist.twist.linear.x = robot.velocity.linear
    message.twist.twist.angular.z = robot.velocity.angular
    return message


def tf_msg(robot: Robot, ns: int) -> TFMessage:
    return TFMessage(
        transforms=[
            _transform(MAP, ODOM, robot.localization.correction, ns + POST_DATING_NS),
            _transform(ODOM, BASE, robot.odometry.pose, ns),
        ]
    )


def tf_static_msg(frames: Iterable[FixedFrame], ns: int) -> TFMessage:
    transforms = []
    for frame in frames:
        message = TransformStamped(header=header_msg(frame.parent, ns), child_frame_id=frame.child)
        at, turn = message.transform.translation, message.transform.rotation
        at.x, at.y, at.z = frame.position
        turn.x, turn.y, turn.z, turn.w = frame.rotation
        transforms.append(message)
    return TFMessage(transforms=transforms)


def amcl_msg(robot: Robot, ns: int) -> PoseWithCovarianceStamped:
    message = PoseWithCovarianceStamped(header=header_msg(MAP, ns))
    believed = robot.localization
    message.pose.pose = pose_msg(believed.estimate)
    message.pose.covariance[0] = message.pose.covariance[7] = believed.covariance.position
    message.pose.covariance[35] = believed.covariance.yaw
    return message


def scan_msg(ranges: Ranges, period: float, ns: int) -> LaserScan:
    """All rays at one moment; an RPLIDAR A1 sees nothing nearer than 0.15 m."""
    return LaserScan(
        header=header_msg(LIDAR, ns),
        angle_min=ANGLE_MIN,
        angle_max=ANGLE_MIN + (RAYS - 1) * ANGLE_INCREMENT,
        angle_increment=ANGLE_INCREMENT,
        scan_time=period,
        range_min=0.15,
        range_max=RANGE,
        ranges=array.array("f", ranges.tobytes()),
    )


def battery_msg(robot: Robot, ns: int) -> BatteryState:
    docked, full = robot.dock is not None, robot.charge >= 1.0
    status = BatteryState.POWER_SUPPLY_STATUS_DISCHARGING
    if docked:
        status = BatteryState.POWER_SUPPLY_STATUS_FULL if full else BatteryState.POWER_SUPPLY_STATUS_CHARGING
    capacity = robot.parameters.battery.capacity / robot.parameters.battery.full_voltage
    return BatteryState(
        header=header_msg(BASE, ns),
        voltage=robot.voltage,
        temperature=25.0,
        current=robot.battery.power / robot.voltage,
        charge=capacity * robot.charge,
        capacity=capacity,
        design_capacity=capacity,
        percentage=robot.charge,
        power_supply_status=status,
        power_supply_health=BatteryState.POWER_SUPPLY_HEALTH_GOOD,
        power_supply_technology=BatteryState.POWER_SUPPLY_TECHNOLOGY_LION,
        present=True,
    )


def dock_in_sight(robot: Robot, floor: Floor) -> Pose | None:
    """The nearest dock whose beacon the robot sees: close by, ahead of it, and nothing of the floor in between."""
    pose = robot.pose
    near = [dock for dock in floor.docks.values() if pose.distance_to(dock.x, dock.y) < DOCK_SIGHT]
    for dock in sorted(near, key=lambda dock: pose.distance_to(dock.x, dock.y)):
        beacon = dock.ahead(_BEACON)
        if abs(pose.bearing_to(beacon.x, beacon.y)) < DOCK_VIEW and _clear(floor, pose, dock):
            return dock
    return None


def _clear(floor: Floor, a: Pose, b: Pose) -> bool:
    """Whether no obstacle of the map lies between two points less than some metres apart."""
    steps = math.ceil(a.distance_to(b.x, b.y) / (floor.grid.resolution / 2.0))
    shares = (step / steps for step in range(1, steps))
    # Clearance is interpolated: within an obstacle's cell it is less than a quarter of a cell.
    least = floor.grid.resolution / 4.0
    return all(floor.clearance(a.x + s * (b.x - a.x), a.y + s * (b.y - a.y)) > least for s in shares)


def dock_msg(robot: Robot, visible: bool, ns: int) -> DockStatus:
    return DockStatus(header=header_msg(BASE, ns), dock_visible=visible, is_docked=robot.dock is not None)


def hazard_msg(robot: Robot, bumped: bool, ns: int) -> HazardDetectionVector:
    """What the base detects; the frames are those of a Create 3, and `base_link` for both wheels together.

    Wheels that are blocked are told of as long as they are, driven or not: else whoever stops for it would hear that
    all is well as soon as the robot stands, drive, and hear of it again.
    """
    found = [("bump_front_center", HazardDetection.BUMP)] if bumped else []
    found += [(BASE, HazardDetection.STALL)] if robot.impairment.stalled else []
    if robot.impairment.lifted:
        found += [(f"wheel_drop_{side}", HazardDetection.WHEEL_DROP) for side in ("left", "right")]
    detections = [HazardDetection(header=header_msg(frame, ns), type=kind) for frame, kind in found]
    return HazardDetectionVector(header=header_msg(BASE, ns), detections=detections)


def kidnap_msg(robot: Robot, ns: int) -> KidnapStatus:
    return KidnapStatus(header=header_msg(BASE, ns), is_kidnapped=robot.impairment.lifted)


def people_msg(people: Iterable[Person], ns: int) -> MarkerArray:
    """Everybody as an upright cylinder, numbered in order."""
    markers = []
    for number, person in enumerate(people):
        marker = Marker(header=header_msg(MAP, ns), ns="people", id=number, type=Marker.CYLINDER, action=Marker.ADD)
        marker.pose = pose_msg(Pose(person.x, person.y, math.atan2(person.vy, person.vx)))
        marker.pose.position.z = _TALL / 2.0
        marker.scale.x = marker.scale.y = 2.0 * person.radius
        marker.scale.z = _TALL
        marker.color = ColorRGBA(r=0.9, g=0.55, b=0.2, a=0.9)
        markers.append(marker)
    return MarkerArray(markers=markers)


def grid_msg(grid: Grid, ns: int, frame: str = MAP) -> OccupancyGrid:
    message = OccupancyGrid(header=header_msg(frame, ns))
    message.info.map_load_time = time_msg(ns)
    message.info.resolution = grid.resolution
    message.info.width, message.info.height = grid.columns, grid.rows
    message.info.origin = pose_msg(Pose(grid.origin_x, grid.origin_y, 0.0))
    message.data = array.array("b", grid.cells.tobytes())
    return message


def _transform(parent: str, child: str, pose: Pose, ns: int) -> TransformStamped:
    message = TransformStamped(header=header_msg(parent, ns), child_frame_id=child)
    message.transform.translation.x, message.transform.translation.y = pose.x, pose.y
    message.transform.rotation = quaternion_msg(pose.yaw)
    return message
