"""Planar geometry. Metres, radians, seconds; yaw is counter-clockwise from x (REP 103)."""

import math

from luna_sim.core.value import value


@value
class Pose:
    """Position and heading in some frame; yaw in [-pi, pi]."""

    x: float
    y: float
    yaw: float

    def compose(self, inner: "Pose") -> "Pose":
        """A pose that is given relative to this one, in this one's own frame."""
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        return Pose(self.x + c * inner.x - s * inner.y, self.y + s * inner.x + c * inner.y, wrap(self.yaw + inner.yaw))

    def inverse(self) -> "Pose":
        """The pose that composes with this one to nothing."""
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        return Pose(-c * self.x - s * self.y, s * self.x - c * self.y, wrap(-self.yaw))

    def ahead(self, distance: float) -> "Pose":
        """The same heading, `distance` further on (negative: behind)."""
        return Pose(self.x + distance * math.cos(self.yaw), self.y + distance * math.sin(self.yaw), self.yaw)

    def distance_to(self, x: float, y: float) -> float:
        return math.hypot(x - self.x, y - self.y)

    def bearing_to(self, x: float, y: float) -> float:
        """Direction of a point relative to the heading."""
        return wrap(math.atan2(y - self.y, x - self.x) - self.yaw)


@value
class Twist:
    """Velocity of a differential drive: m/s forwards, rad/s counter-clockwise."""

    linear: float
    angular: float

    @property
    def is_zero(self) -> bool:
        return self.linear == 0.0 and self.angular == 0.0


STILL = Twist(0.0, 0.0)


def wrap(angle: float) -> float:
    """The same direction in [-pi, pi]."""
    return math.remainder(angle, 2.0 * math.pi)


def clamp(value: float, low: float, high: float) -> float:
    return low if value < low else high if value > high else value
