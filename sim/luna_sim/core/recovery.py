"""Recovery behaviours in the order of Nav2's default tree: clear both costmaps, spin, wait, back up.

Source: nav2_bt_navigator, navigate_to_pose_w_replanning_and_recovery.xml (Jazzy). Each behaviour counts in
`number_of_recoveries`; clearing both costmaps counts twice, as there.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from luna_sim.core.disc import segment_distance
from luna_sim.core.floor import Floor
from luna_sim.core.follower import turn_by
from luna_sim.core.geometry import STILL, Pose, Twist, wrap
from luna_sim.core.parameters import RobotParameters
from luna_sim.core.task import Situation
from luna_sim.core.traffic import keep_off

SPIN_ANGLE = 1.57
WAIT_S = 5.0
BACK_UP_DISTANCE, BACK_UP_SPEED = 0.30, 0.15
_LONGEST_S = 10.0
"""Nav2's time_allowance of spin and back-up, seconds."""


class Behaviour(ABC):
    """Something that a stuck robot does for a while."""

    counts = 1

    def __init__(self) -> None:
        self._elapsed = 0.0

    def step(self, now: Situation) -> Twist | None:
        """The velocity wanted; nothing once it is over."""
        self._elapsed += now.dt
        return self._step(now) if self._elapsed <= _LONGEST_S else None

    @abstractmethod
    def _step(self, now: Situation) -> Twist | None: ...


class Clear(Behaviour):
    """Clear the local and the global costmap: over at once."""

    counts = 2

    def _step(self, now: Situation) -> Twist | None:
        return None


class Spin(Behaviour):
    """A quarter turn on the spot."""

    def __init__(self, parameters: RobotParameters) -> None:
        super().__init__()
        self._parameters = parameters
        self._left = SPIN_ANGLE
        self._yaw: float | None = None

    def _step(self, now: Situation) -> Twist | None:
        if self._yaw is not None:
            self._left -= wrap(now.pose.yaw - self._yaw)
        self._yaw = now.pose.yaw
        if self._left <= 0.02:
            return None
        return turn_by(
            self._left, self._parameters.navigation.rotate_speed, self._parameters.drive.angular_acceleration
        )


class Wait(Behaviour):
    """Stand for a while."""

    def _step(self, now: Situation) -> Twist | None:
        return STILL if self._elapsed < WAIT_S else None


class BackUp(Behaviour):
    """A little way backwards, as far as it is free."""

    def __init__(self, floor: Floor, parameters: RobotParameters) -> None:
        super().__init__()
        self._floor = floor
        self._radius = parameters.drive.radius
        self._from: Pose | None = None

    def _step(self, now: Situation) -> Twist | None:
        self._from = self._from or now.pose
        done = now.pose.distance_to(self._from.x, self._from.y)
        if done >= BACK_UP_DISTANCE - 0.01 or not self._free(now, min(0.12, BACK_UP_DISTANCE - done)):
            return None
        return Twist(-BACK_UP_SPEED, 0.0)

    def _free(self, now: Situation, distance: float) -> bool:
        here, there = now.pose, now.pose.ahead(-distance)
        if not self._floor.segment_clear(there.x, there.y, there.x, there.y, self._radius + 0.02):
            return False
        ends = (here.x, here.y), (there.x, there.y)
        return all(
            segment_distance(d, *ends) >= min(d.radius, math.hypot(d.x - here.x, d.y - here.y) - 1e-6)
            for d in keep_off(now.neighbours, here, self._radius)
        )


class Recoveries:
    """The behaviours in turn, and how many there were."""

    def __init__(self, floor: Floor, parameters: RobotParameters) -> None:
        self.count = 0
        self._round: Sequence[Callable[[], Behaviour]] = (
            Clear,
            lambda: Spin(parameters),
            Wait,
            lambda: BackUp(floor, parameters),
        )
        self._next = 0
        self._now: Behaviour | None = None

    @property
    def under_way(self) -> bool:
        return self._now is not None

    def begin(self) -> None:
        """Start the next behaviour."""
        self._now = self._round[self._next]()
        self._next = (self._next + 1) % len(self._round)
        self.count += self._now.counts

    def step(self, now: Situation) -> Twist | None:
        """The velocity wanted; nothing once the behaviour is over."""
        wanted = self._now.step(now) if self._now is not None else None
        if wanted is None:
            self._now = None
        return wanted
