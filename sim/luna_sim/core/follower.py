"""Regulated pure pursuit: steer for a point on the path some way ahead, slower in bends and near the end.

After Macenski, Singh, Martín and Ginés, "Regulated Pure Pursuit for Robot Path Tracking" (2023). Where the straight
line to the point ahead would come too near an obstacle, a nearer point is taken instead.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence

from luna_sim.core.disc import Disc, segment_distance
from luna_sim.core.floor import Floor
from luna_sim.core.geometry import STILL, Pose, Twist, clamp
from luna_sim.core.parameters import RobotParameters
from luna_sim.core.path import Path

_BEND = 0.7
"""Bends tighter than this radius (metres) are driven slower."""
_SLOWEST = 0.06
"""m/s, so that the robot gets on in the tightest bend."""
_SEARCH = 24
"""Points looked at ahead of the last nearest one."""
_FURTHER = 0.25
"""Square metres by which the distance has to grow for the search to end."""


class Follower:
    """Follows one path from its start to its end."""

    def __init__(self, path: Path, floor: Floor, parameters: RobotParameters) -> None:
        self.path = path
        self.nearest = 0
        self._floor = floor
        self._limits = parameters.navigation
        self._drive = parameters.drive
        self._turning = False

    def remaining(self, pose: Pose) -> float:
        """Metres still to drive."""
        path = self.path
        return (
            path.along[-1] - path.along[self.nearest] + pose.distance_to(path.xs[self.nearest], path.ys[self.nearest])
        )

    def advance(self, pose: Pose) -> None:
        """Note how far along the path the robot has come."""
        x, y, first = pose.x, pose.y, self.nearest
        nearest, best, enough = first, math.inf, math.inf
        ahead = slice(first, first + _SEARCH)
        for index, (px, py) in enumerate(zip(self.path.xs[ahead], self.path.ys[ahead], strict=True), first):
            dx, dy = x - px, y - py
            square = dx * dx + dy * dy
            if square < best:
                nearest, best, enough = index, square, square + _FURTHER
            elif square > enough:
                break
        self.nearest = nearest

    def command(self, pose: Pose, speed: float, keep_off: Sequence[Disc] = ()) -> Twist:
        """The velocity wanted now; `speed` is the most that is allowed (m/s), `keep_off` holds no centre of a robot."""
        x, y = self._target(pose, keep_off)
        distance, bearing = pose.distance_to(x, y), pose.bearing_to(x, y)
        threshold = self._limits.rotate_to_heading_min_angle
        # Once turning, finish the turn: half-way turns end in a wide bend.
        self._turning = abs(bearing) > (threshold * 0.2 if self._turning else threshold)
        if self._turning:
            return turn_by(bearing, self._limits.rotate_speed, self._drive.angular_acceleration)
        if distance < 1e-6:
            return STILL
        curvature = 2.0 * math.sin(bearing) / distance
        linear = min(speed, self._approach(pose), self._in_bend(curvature))
        return Twist(linear, clamp(linear * curvature, -self._limits.rotate_speed, self._limits.rotate_speed))

    def _approach(self, pose: Pose) -> float:
        """Slow enough to stop at the end, with some of the deceleration to spare."""
        left = max(0.0, self.remaining(pose) - 0.01)
        return max(0.02, min(self._limits.desired_linear_vel, math.sqrt(self._drive.linear_acceleration * 0.6 * left)))

    def _in_bend(self, curvature: float) -> float:
        bend = abs(curvature) * _BEND
        return self._limits.desired_linear_vel if bend <= 1.0 else max(_SLOWEST, self._limits.desired_linear_vel / bend)

    def _target(self, pose: Pose, keep_off: Sequence[Disc]) -> tuple[float, float]:
        """The furthest point within the lookahead that is seen with room to spare."""
        reach = self._limits.lookahead
        room = min(self._floor.allowed(pose.x, pose.y), self._drive.radius + self._limits.path_margin * 0.6) - 1e-3
        while True:
            point = self._point_ahead(reach)
            if reach <= self._limits.min_lookahead:
                return point
            if self._floor.segment_clear(pose.x, pose.y, *point, room) and _passes(pose, point, keep_off):
                return point
            reach = max(self._limits.min_lookahead, reach * 0.6)

    def _point_ahead(self, reach: float) -> tuple[float, float]:
        path = self.path
        along = path.along
        index = min(bisect_left(along, along[self.nearest] + reach, self.nearest), len(along) - 1)
        return path.xs[index], path.ys[index]


def _passes(pose: Pose, point: tuple[float, float], keep_off: Sequence[Disc]) -> bool:
    """Whether the straight line to a point leads into no disc, or out of one that the robot is in."""
    here = (pose.x, pose.y)
    return all(
        segment_distance(d, here, point) >= min(d.radius, math.hypot(d.x - pose.x, d.y - pose.y) - 1e-6)
        for d in keep_off
    )


def turn_by(angle: float, speed: float, acceleration: float) -> Twist:
    """Turning on the spot, so that it can stop in time at the angle that is left."""
    fastest = min(speed, math.sqrt(acceleration * abs(angle)))
    return Twist(0.0, math.copysign(max(0.05, fastest), angle))
