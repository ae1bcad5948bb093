"""Robots that wait for each other in a circle: one of them makes room.

Who waits for whom is a graph with one arrow from each robot at most, so circles are found by following arrows. Of a
circle's robots the one that only waits for its turn in a passage makes room first, then the one with the least right of
way (the highest rank). It drives to the nearest place off the others' ways, and comes back when they are past.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from luna_sim.core.disc import Disc
from luna_sim.core.geometry import Pose
from luna_sim.core.navigation import Ground, NavigateTask
from luna_sim.core.path import Path
from luna_sim.core.planner import PlanError
from luna_sim.core.traffic import SPACE

PERIOD = 0.5
"""Seconds between looks at who waits for whom."""
PATIENCE = 4.0
"""Seconds that all of a circle have waited before one makes room."""
_AHEAD = 8.0
"""Metres of the others' ways that are kept free."""
_PAST = 1.2
"""Metres from where they met at which a robot is past."""
_PAST_HERE = 0.8
"""Metres from where a robot stands aside at which another is past it."""
_SEEN = 6.0


@dataclass(frozen=True, slots=True)
class Driver:
    """A robot that drives to a goal."""

    pose: Pose
    task: NavigateTask


class RightOfWay:
    """Settles who makes room."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        xs, ys = ground.planner.centres()
        self._closed: NDArray[np.bool_] = ground.passages.inside(xs, ys)
        self._apart = 2.0 * ground.parameters.drive.radius + SPACE + 0.1

    def settle(self, drivers: Mapping[int, Driver], poses: Mapping[int, Pose]) -> None:
        """Look for circles among drivers by rank; `poses` are those of all robots by rank."""
        for circle in circles({rank: d.task.waits_for for rank, d in drivers.items()}):
            members = [drivers[rank] for rank in circle]
            if min(d.task.waited for d in members) >= PATIENCE and not any(d.task.stepping_aside for d in members):
                self._open(circle, drivers, poses)

    def _open(self, circle: Sequence[int], drivers: Mapping[int, Driver], poses: Mapping[int, Pose]) -> None:
        for rank in sorted(circle, key=lambda r: (not drivers[r].task.waits_for_turn, -r)):
            others = [drivers[r] for r in circle if r != rank]
            path = self._passing_place(drivers[rank], others, poses)
            if path is not None:
                drivers[rank].task.step_aside(path, _when_past(drivers[rank].pose, others))
                return

    def _passing_place(self, driver: Driver, others: Sequence[Driver], poses: Mapping[int, Pose]) -> Path | None:
        radius = self._ground.parameters.drive.radius
        near = (p for r, p in poses.items() if r != driver.task.rank and p.distance_to(*_xy(driver.pose)) < _SEEN)
        discs = [Disc(p.x, p.y, radius + 0.03) for p in near]
        ways = np.concatenate([_way_of(d.task) for d in others])
        for closed in (self._closed, np.zeros_like(self._closed)):
            try:
                return self._ground.squeezing.retreat(driver.pose, discs, ways, self._apart, closed)
            except PlanError:
                continue
        return None


def circles(waits_for: Mapping[int, int | None]) -> list[tuple[int, ...]]:
    """Circles of those that wait for each other, each from its lowest rank on."""
    found, seen = [], set[int]()
    for start in sorted(waits_for):
        trail: list[int] = []
        at: int | None = start
        while at is not None and at not in seen:
            seen.add(at)
            trail.append(at)
            at = waits_for.get(at)
        if at in trail:
            circle = trail[trail.index(at) :]
            first = circle.index(min(circle))
            found.append(tuple(circle[first:] + circle[:first]))
    return found


def _when_past(met: Pose, others: Sequence[Driver]) -> Callable[[Pose], bool]:
    """Whether the others are past the place where they met and the robot's own, or have nowhere to go any more."""
    waiting = [d.task for d in others]

    def may_return(here: Pose) -> bool:
        return all(
            task.outcome is not None or (_is_past(task, met, _PAST) and _is_past(task, here, _PAST_HERE))
            for task in waiting
        )

    return may_return


def _is_past(task: NavigateTask, place: Pose, reach: float) -> bool:
    way = _way_of(task)
    return bool(np.min(np.hypot(way[:, 0] - place.x, way[:, 1] - place.y)) > reach)


def _way_of(task: NavigateTask) -> NDArray[np.float64]:
    """The next metres of a robot's path, shape (n, 2)."""
    path, first = task.path, task.nearest
    last = first + 1 + round(_AHEAD / 0.05)
    return np.column_stack([path.xs[first:last], path.ys[first:last]])


def _xy(pose: Pose) -> tuple[float, float]:
    return pose.x, pose.y
