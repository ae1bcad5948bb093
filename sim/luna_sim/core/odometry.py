"""Odometry that drifts: what the wheels say they drove is never quite what they drove.

After Thrun, Burgard and Fox, "Probabilistic Robotics" (2005), section 5.4: noise that grows with the motion. Here it is
put on each wheel's travel with a variance proportional to it (Chong and Kleeman, 1997), so that drift does not depend
on the length of a step.
"""

import math
import random

from luna_sim.core.geometry import Pose, Twist, clamp
from luna_sim.core.kinematics import moved
from luna_sim.core.parameters import OdometryNoise

_FURTHEST = 3.0
"""Standard deviations; noise beyond is cut off, so that nothing jumps."""


class Odometry:
    """The pose in the frame `odom`, as the base adds it up from its wheels."""

    def __init__(self, noise: OdometryNoise, wheel_base: float, chance: random.Random) -> None:
        self.pose = Pose(0.0, 0.0, 0.0)
        self._noise = noise
        self._wheel_base = wheel_base
        self._chance = chance
        # Each wheel is a little larger or smaller than believed, and stays so.
        self._left, self._right = (1.0 + self._error(noise.wheel_size) for _ in range(2))

    def drive(self, velocity: Twist, dt: float) -> None:
        """Add what the wheels measured in `dt` seconds at a velocity (m/s, rad/s). Standing adds nothing."""
        half = velocity.angular * self._wheel_base / 2.0
        left = self._measured((velocity.linear - half) * dt, self._left)
        right = self._measured((velocity.linear + half) * dt, self._right)
        self.pose = moved(self.pose, Twist((left + right) / 2.0, (right - left) / self._wheel_base), 1.0)

    def _measured(self, travel: float, size: float) -> float:
        return travel * size + self._error(math.sqrt(self._noise.travel_variance * abs(travel)))

    def _error(self, deviation: float) -> float:
        return deviation * clamp(self._chance.gauss(0.0, 1.0), -_FURTHEST, _FURTHEST)
