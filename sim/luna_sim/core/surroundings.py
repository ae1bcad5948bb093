"""Which robots are near which: lists that stay valid for some steps, made for all robots at once."""

from collections.abc import Collection

import numpy as np

from luna_sim.core.geometry import Pose
from luna_sim.core.robot import Robot

SIGHT = 5.0
"""Robots notice each other within this distance, metres."""
_STEPS = 10
"""Steps for which a list holds. Two robots come 0.12 m closer to each other in that time, far less than `SIGHT`."""


class Surroundings:
    """Neighbours by robot."""

    def __init__(self) -> None:
        self._near: dict[str, tuple[Robot, ...]] = {}
        self._left = 0
        self._poses: list[Pose] = []

    def near(self, robot: Robot) -> tuple[Robot, ...]:
        return self._near.get(robot.name, ())

    def refresh(self, robots: Collection[Robot]) -> None:
        """Make the lists anew when they are old, or a robot was put elsewhere; call it before each step."""
        self._left -= 1
        if self._left > 0 and len(self._poses) == len(robots) and not self._jumped(robots):
            return
        self._left = _STEPS
        every = list(robots)
        self._poses = [robot.pose for robot in every]
        xs, ys = np.array([(p.x, p.y) for p in self._poses]).reshape(-1, 2).T
        close = np.hypot(xs[:, None] - xs[None, :], ys[:, None] - ys[None, :]) < SIGHT
        np.fill_diagonal(close, val=False)
        self._near = {r.name: tuple(every[i] for i in np.flatnonzero(close[n])) for n, r in enumerate(every)}

    def _jumped(self, robots: Collection[Robot]) -> bool:
        """Whether a robot is further from where it was listed than it can have driven."""
        for robot, listed in zip(robots, self._poses, strict=True):
            pose = robot.pose
            if pose is not listed and (abs(pose.x - listed.x) > 0.2 or abs(pose.y - listed.y) > 0.2):
                return True
        return False
