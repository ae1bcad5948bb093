"""Several poses in one goal: driving through them, and stopping at each of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from luna_sim.core.disc import Disc
from luna_sim.core.geometry import STILL, Pose, Twist
from luna_sim.core.navigation import Ground, NavigateTask
from luna_sim.core.outcome import SUCCEEDED, Code, Ending, Outcome, Progress, failed
from luna_sim.core.path import Path, joined
from luna_sim.core.planner import PlanError, Planner
from luna_sim.core.task import Situation, Task

PASSED = 0.7
"""Metres at which a pose counts as passed (RemovePassedGoals in Nav2's default tree)."""
PAUSE_S = 0.2
"""Seconds that a robot stops at each waypoint (waypoint_pause_duration of a TurtleBot 4)."""
THROUGH_POSES = 100
"""What ComputePathThroughPoses' codes are above ComputePathToPose's."""


def plan_through(planner: Planner, start: Pose, poses: Sequence[Pose], others: Sequence[Disc] = ()) -> Path:
    """A path from the start past all poses but the last, to that one.

    Raises:
        PlanError: a pose can't be reached from the one before.
    """
    legs = [planner.plan(a, b, others) for a, b in zip([start, *poses], poses, strict=False)]
    return joined(legs)


def through_code(code: int) -> int:
    """A planner's code (2xx) as ComputePathThroughPoses gives it (3xx)."""
    return code + THROUGH_POSES if 200 <= code < 300 else code


class ThroughPosesTask(NavigateTask):
    """Drives to the last of some poses, past the others; the robot need not stop or look anywhere there."""

    def __init__(self, poses: Sequence[Pose], path: Path, ground: Ground, rank: int = 0) -> None:
        self._between = list(poses[:-1])
        super().__init__(poses[-1], path, ground, rank)

    @property
    def poses_remaining(self) -> int:
        return len(self._between) + 1

    def end(self, outcome: Outcome) -> None:
        super().end(replace(outcome, code=through_code(outcome.code)))

    def _step(self, now: Situation) -> Twist:
        while self._between and now.pose.distance_to(self._between[0].x, self._between[0].y) < PASSED:
            self._between.pop(0)
        return super()._step(now)

    def _route(self, planner: Planner, pose: Pose, discs: tuple[Disc, ...]) -> Path:
        return plan_through(planner, pose, [*self._between, self.goal], discs)

    def _may_arrive(self) -> bool:
        return not self._between


@dataclass(frozen=True, slots=True)
class Missed:
    """A waypoint that was not reached: its index in the goal's list, and why."""

    index: int
    code: int


class WaypointsTask(Task):
    """Drives from waypoint to waypoint and stops at each for a moment. One that can't be reached is left out."""

    def __init__(self, count: int, navigate: Callable[[int], Task], loops: int = 0, first: int = 0) -> None:
        """`navigate` starts the drive to the waypoint with an index."""
        super().__init__()
        self.index = first
        """Of the waypoint that it drives to."""
        self.missed: list[Missed] = []
        self._count = count
        self._navigate = navigate
        self._loops = loops
        self._next = first
        self._pause = 0.0
        self._leg: Task | None = None
        if not count:
            self.end(failed(Code.NONE, "there are no waypoints"))
        elif not 0 <= first < count:
            self.end(failed(Code.WAYPOINTS_UNKNOWN, f"goal_index is {first}, but there are {count} waypoints"))

    @property
    def drive(self) -> NavigateTask | None:
        return self._leg.drive if self._leg is not None else None

    @property
    def path(self) -> Path | None:
        return self._leg.path if self._leg is not None else None

    def end(self, outcome: Outcome) -> None:
        super().end(outcome)
        if self._leg is not None:
            self._leg.end(outcome)

    def fail(self, code: int, message: str) -> None:
        """Miss the waypoint that it drives to; without a code another client took over, and all of it ends."""
        if self.outcome is not None or code == Code.NONE:
            super().fail(code, message)
            return
        leg = self._begin_leg() if self._leg is None else self._leg
        leg.fail(code, message)
        if leg.outcome is not None:
            self._finish(leg.outcome)

    def progress(self, pose: Pose) -> Progress:
        leg = self._leg.progress(pose) if self._leg is not None else Progress(0.0, 0.0, 0.0, 0)
        return replace(leg, elapsed=self.elapsed)

    def _step(self, now: Situation) -> Twist:
        if self._pause > 0.0:
            self._pause -= now.dt
            return STILL
        leg = self._begin_leg() if self._leg is None else self._leg
        wanted = leg.step(now)
        if leg.outcome is not None:
            self._finish(leg.outcome)
        return wanted

    def _begin_leg(self) -> Task:
        """Drive to the next waypoint."""
        if self._next >= self._count:
            self._next, self._loops = 0, self._loops - 1
        self.index, self._next = self._next, self._next + 1
        self._pause = 0.0
        self._leg = self._navigate(self.index)
        return self._leg

    def _finish(self, outcome: Outcome) -> None:
        self._leg = None
        if outcome.ending is Ending.SUCCEEDED:
            self._pause = PAUSE_S
        else:
            self.missed.append(Missed(self.index, outcome.code))
        if self._next >= self._count and self._loops <= 0:
            self.end(SUCCEEDED)


def start_through(ground: Ground, rank: int, start: Pose, poses: Sequence[Pose]) -> Task:
    """The drive, or what it failed of at once.

    Raises:
        PlanError: there is no way; its code is ComputePathThroughPoses'.
    """
    if not poses:
        raise PlanError(Code.NO_VIAPOINTS_GIVEN, "there are no poses")
    try:
        path = plan_through(ground.planner, start, poses)
    except PlanError as error:
        raise PlanError(through_code(error.code), str(error)) from error
    return ThroughPosesTask(poses, path, ground, rank)
