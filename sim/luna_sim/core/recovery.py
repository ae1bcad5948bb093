"""Recovery behaviours in the order of LUNA's own tree for Nav2: clear both costmaps, wait, spin, wait longer.

Source: luna_bringup, behavior_trees/navigate_to_pose.xml. Never backwards: nothing looks there. Each behaviour counts
in `number_of_recoveries`; clearing both costmaps counts twice, as with Nav2.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from luna_sim.core.follower import turn_by
from luna_sim.core.geometry import STILL, Twist, wrap
from luna_sim.core.parameters import RobotParameters
from luna_sim.core.task import Situation

SPIN_ANGLE = 1.57
WAIT_S, LONGER_WAIT_S = 5.0, 10.0
_LONGEST_S = 10.0
"""Nav2's time_allowance of a spin, seconds."""


class Behaviour(ABC):
    """Something that a stuck robot does for a while."""

    counts = 1

    def __init__(self) -> None:
        self._elapsed = 0.0

    def step(self, now: Situation) -> Twist | None:
        """The velocity wanted; nothing once it is over."""
        self._elapsed += now.dt
        return self._step(now)

    @abstractmethod
    def _step(self, now: Situation) -> Twist | None: ...


class Clear(Behaviour):
    """Clear the local and the global costmap: over at once."""

    counts = 2

    def __init__(self, clear: Callable[[], None]) -> None:
        super().__init__()
        self._clear = clear

    def _step(self, now: Situation) -> Twist | None:
        self._clear()
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
        if self._left <= 0.02 or self._elapsed > _LONGEST_S:
            return None
        return turn_by(
            self._left, self._parameters.navigation.rotate_speed, self._parameters.drive.angular_acceleration
        )


class Wait(Behaviour):
    """Stand for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def _step(self, now: Situation) -> Twist | None:
        return STILL if self._elapsed < self._seconds else None


class Recoveries:
    """The behaviours in turn, and how many there were."""

    def __init__(self, parameters: RobotParameters, clear: Callable[[], None]) -> None:
        """`clear` clears both costmaps."""
        self.count = 0
        self._round: Sequence[Callable[[], Behaviour]] = (
            lambda: Clear(clear),
            lambda: Wait(WAIT_S),
            lambda: Spin(parameters),
            lambda: Wait(LONGER_WAIT_S),
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
