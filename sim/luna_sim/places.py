"""Random free poses, the same for a seed: for trials and benchmarks, where there are more robots than docks."""

import math
import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from luna_sim.core.floor import Floor
from luna_sim.core.geometry import Pose
from luna_sim.core.parameters import RobotParameters
from luna_sim.core.robot import RobotState
from luna_sim.core.world import World

APART = 1.0
"""Metres between the centres of robots that are put on the floor, and between goals."""
ROOM = 0.3
"""Metres from a robot's centre to obstacles and keep-out zones, at its start and at its goals."""
_TRIES = 5000


class Places:
    """Draws poses from the largest part of a floor that hangs together for a robot."""

    def __init__(self, floor: Floor, parameters: RobotParameters, seed: int) -> None:
        """Raises ValueError for a floor on which no robot has room."""
        xs, ys = np.meshgrid(*floor.grid.centres())
        room = floor.allowed_field(xs, ys)
        part = _largest_part(room >= parameters.drive.radius + parameters.navigation.path_margin)
        free = part & (room >= ROOM)
        self._cells = list(zip(xs[free].tolist(), ys[free].tolist(), strict=True))
        if not self._cells:
            raise ValueError(f"no place on this floor has {ROOM:g} m around it")
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def draw(self, apart_from: Sequence[Pose], apart: float = APART) -> Pose:
        """A pose at least `apart` metres from the ones given.

        Raises:
            ValueError: the floor is too full.
        """
        for _ in range(_TRIES):
            pose = Pose(*self._random.choice(self._cells), self._random.uniform(-math.pi, math.pi))
            if all(pose.distance_to(o.x, o.y) >= apart for o in apart_from):
                return pose
        raise ValueError(f"no free place {apart:g} m from {len(apart_from)} others")

    def fill(self, world: World, count: int) -> None:
        """Put robots r1, r2, ... on the floor, batteries full."""
        poses = [robot.pose for robot in world.robots.values()]
        for _ in range(count):
            poses.append(self.draw(poses))
            world.add_robot(f"r{len(poses)}", RobotState(poses[-1], world.parameters.battery.capacity))


def _largest_part(free: NDArray[np.bool_]) -> NDArray[np.bool_]:
    parts, _ = ndimage.label(free)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    largest: NDArray[np.bool_] = parts == np.argmax(sizes) if sizes.any() else free
    return largest
