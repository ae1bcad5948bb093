"""Times, poses, transforms and waypoints: what every other family of messages is made of."""

from __future__ import annotations

import math

from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import Pose as PoseMsg
from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped, TransformStamped
from luna_interfaces.msg import Waypoint as WaypointMsg

from luna_robot.geometry import Pose, quaternion_of_yaw, yaw_of_quaternion
from luna_robot.navigation.transforms import Transform
from luna_robot.waypoints import Waypoint

MAP = "map"
NANO = 1_000_000_000


class Malformed(ValueError):
    """A message that says nothing sensible; the text names the field."""


def time_msg(nanoseconds: int) -> Time:
    return Time(sec=nanoseconds // NANO, nanosec=nanoseconds % NANO)


def nanoseconds(time: Time) -> int:
    return int(time.sec) * NANO + int(time.nanosec)


def seconds(duration: Duration) -> float:
    return float(duration.sec + duration.nanosec / NANO)


def or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def pose(message: PoseMsg) -> Pose:
    """In the plane; a quaternion of all zeroes counts as no rotation."""
    q = message.orientation
    return Pose(message.position.x, message.position.y, yaw_of_quaternion(q.x, q.y, q.z, q.w))


def pose_msg(value: Pose) -> PoseMsg:
    message = PoseMsg()
    message.position.x, message.position.y = float(value.x), float(value.y)
    q = message.orientation
    q.x, q.y, q.z, q.w = quaternion_of_yaw(value.yaw)
    return message


def pose_stamped(value: Pose, stamp: Time) -> PoseStamped:
    """In frame "map"."""
    message = PoseStamped(pose=pose_msg(value))
    message.header.frame_id, message.header.stamp = MAP, stamp
    return message


def transform(message: TransformStamped) -> Transform:
    t, q = message.transform.translation, message.transform.rotation
    flat = Pose(t.x, t.y, yaw_of_quaternion(q.x, q.y, q.z, q.w))
    stamp = nanoseconds(message.header.stamp)
    return Transform(message.header.frame_id.lstrip("/"), message.child_frame_id.lstrip("/"), flat, stamp)


def variances(message: PoseWithCovarianceStamped) -> tuple[float, float, float]:
    """Of x, y (m²) and yaw (rad²); plain floats, since the array's numbers are numpy's and their truth no `bool`."""
    covariance = message.pose.covariance
    return float(covariance[0]), float(covariance[7]), float(covariance[35])


def waypoint(message: WaypointMsg) -> Waypoint:
    return Waypoint(message.location_code, message.name, pose(message.pose), message.kind)
