"""A task of a robot: something that commands velocities until it has an outcome."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from luna_sim.core.geometry import STILL, Pose, Twist
from luna_sim.core.outcome import Code, Outcome, Progress, failed
from luna_sim.core.path import Path
from luna_sim.core.value import value

if TYPE_CHECKING:
    from luna_sim.core.navigation import NavigateTask

_STANDING = 0.05
"""m/s below which a neighbour counts as standing."""


@value
class Neighbour:
    """Another robot nearby, as seen in this step."""

    x: float
    y: float
    yaw: float
    speed: float
    """m/s, forwards."""
    radius: float
    rank: int
    """The lower rank has right of way."""
    under_way: bool = False
    """Whether it has somewhere to go."""

    @property
    def is_standing(self) -> bool:
        return abs(self.speed) < _STANDING


@value
class Situation:
    """What a task knows of its robot in this step."""

    pose: Pose
    """Where it believes to be, in the map."""
    velocity: Twist
    docked: bool
    rank: int
    neighbours: tuple[Neighbour, ...]
    """Those close by."""
    dt: float
    """Seconds since the task was asked last."""
    truth: Pose
    """Where it really is: for what is seen from there, such as a dock."""


class Task(ABC):
    """Life cycle: `step` is called each step of the world until `outcome` is set, by itself or by `end`."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.outcome: Outcome | None = None

    @property
    def path(self) -> Path | None:
        """What is being followed now, in the map."""
        return None

    @property
    def drive(self) -> "NavigateTask | None":
        """The drive to a pose that it is at, if it is."""
        return None

    def step(self, now: Situation) -> Twist:
        """The velocity wanted in this step; still once there is an outcome."""
        if self.outcome is not None:
            return STILL
        self.elapsed += now.dt
        wanted = self._step(now)
        return wanted if self.outcome is None else STILL

    def end(self, outcome: Outcome) -> None:
        """End it from outside. An outcome that is there already stays."""
        if self.outcome is None:
            self.outcome = outcome

    def fail(self, code: int, message: str) -> None:
        """Let it go wrong with a code of Nav2; one that this kind of task can't end with becomes the nearest it can."""
        self.end(failed(code if code == Code.NONE else self._own_code(code), message))

    def _own_code(self, code: int) -> int:
        """An error code as an action of this kind gives it."""
        return code

    @abstractmethod
    def _step(self, now: Situation) -> Twist:
        """Decide the velocity; may set `outcome`."""

    @abstractmethod
    def progress(self, pose: Pose) -> Progress:
        """How far it is."""


class EndedTask(Task):
    """A task that came to its end before it began."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.end(outcome)

    def _step(self, now: Situation) -> Twist:
        return STILL

    def progress(self, pose: Pose) -> Progress:
        return Progress(0.0, 0.0, 0.0, 0)
