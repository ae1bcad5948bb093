"""Poses in the plane, in the frames of REP 105. Metres and radians."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pose:
    """Position in metres and heading in radians, (-pi, pi], counter-clockwise from x. Frame by context, else "map"."""

    x: float
    y: float
    yaw: float

    def is_finite(self) -> bool:
        return math.isfinite(self.x) and math.isfinite(self.y) and math.isfinite(self.yaw)

    def distance_to(self, other: Pose) -> float:
        """Straight-line distance in metres."""
        return math.hypot(self.x - other.x, self.y - other.y)

    def then(self, step: Pose) -> Pose:
        """This frame's pose composed with a pose given in it: T_ac = T_ab * T_bc."""
        cos, sin = math.cos(self.yaw), math.sin(self.yaw)
        return Pose(
            self.x + cos * step.x - sin * step.y,
            self.y + sin * step.x + cos * step.y,
            wrap(self.yaw + step.yaw),
        )


def wrap(angle: float) -> float:
    """The same direction in (-pi, pi]."""
    wrapped = math.remainder(angle, 2.0 * math.pi)
    return math.pi if wrapped == -math.pi else wrapped


def yaw_of_quaternion(x: float, y: float, z: float, w: float) -> float:
    """Rotation about z of a unit quaternion, in radians (REP 103)."""
    return math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


def quaternion_of_yaw(yaw: float) -> tuple[float, float, float, float]:
    """x, y, z, w of a rotation about z by `yaw` radians."""
    return 0.0, 0.0, math.sin(yaw / 2.0), math.cos(yaw / 2.0)
