"""Narrow passages: where two robots can't pass each other, and whose turn it is there.

They are found from the middle lines (skeleton) of the free floor: where the room beside a middle line is too small
for two, and the line leads on at both ends. A doorway is one, and so is the gap between a table and a pillar; a corner
is not.
One direction at a time: robots of one direction may follow each other, first come, first served. Whoever waits for the
other direction is overtaken a bounded number of times.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import skeletonize

from luna_sim.core.floor import Floor
from luna_sim.core.parameters import RobotParameters
from luna_sim.core.path import Path
from luna_sim.core.traffic import SPACE

OVERTAKEN = 2
"""So many robots of the running direction may go in before one that waits for the other direction."""
STALE = 2.0
"""Who has not asked for so long waits no more, seconds."""
_SLACK = 0.05
"""Metres of room that planning on a grid loses."""
_AROUND = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, slots=True)
class Crossing:
    """A path's way through one passage, metres along the path and positions on the floor."""

    passage: int
    begin: float
    end: float
    entry: tuple[float, float]
    exit: tuple[float, float]
    starts_inside: bool
    ends_inside: bool

    def opposes(self, other: "Crossing") -> bool:
        """Whether two robots would meet; who stays inside lets nobody through."""
        if self.ends_inside or other.ends_inside:
            return True
        same = math.dist(self.entry, other.entry) + math.dist(self.exit, other.exit)
        return math.dist(self.entry, other.exit) + math.dist(self.exit, other.entry) < same


class Passages:
    """The narrow passages of a floor for one kind of robot. `labels[row, column]` is 0 where there is none."""

    def __init__(self, floor: Floor, parameters: RobotParameters) -> None:
        radius, margin = parameters.drive.radius, parameters.navigation.path_margin
        self._grid = floor.grid
        xs, ys = np.meshgrid(*floor.grid.centres())
        room = floor.allowed_field(xs, ys)
        # Beside a robot in the middle: its radius, the space between, the other's width and its margin to the wall.
        two = radius + SPACE + 2.0 * radius + margin / 2.0 + _SLACK
        self.labels = _labels(room >= radius + margin, room, two, floor.grid.resolution)

    @property
    def count(self) -> int:
        return len(np.unique(self.labels)) - 1

    def at(self, x: float, y: float) -> int:
        """The passage that a point lies in; 0 for none."""
        row, column = self._grid.cell_of(x, y)
        inside = 0 <= row < self._grid.rows and 0 <= column < self._grid.columns
        return int(self.labels[row, column]) if inside else 0

    def inside(self, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether points lie in a passage."""
        grid = self._grid
        columns = np.clip(((xs - grid.origin_x) / grid.resolution).astype(int), 0, grid.columns - 1)
        rows = np.clip(((ys - grid.origin_y) / grid.resolution).astype(int), 0, grid.rows - 1)
        found: NDArray[np.bool_] = self.labels[rows, columns] > 0
        return found

    def along(self, path: Path) -> tuple[Crossing, ...]:
        """The passages on a path, in order."""
        grid = self._grid
        columns = ((np.asarray(path.xs) - grid.origin_x) / grid.resolution).astype(int)
        rows = ((np.asarray(path.ys) - grid.origin_y) / grid.resolution).astype(int)
        found = self.labels[np.clip(rows, 0, grid.rows - 1), np.clip(columns, 0, grid.columns - 1)]
        if not found.any():
            return ()
        edges = [0, *(np.flatnonzero(np.diff(found)) + 1).tolist(), len(found)]
        last = len(found) - 1
        return tuple(
            Crossing(
                int(found[begin]),
                path.along[begin],
                path.along[end - 1],
                (path.xs[begin], path.ys[begin]),
                (path.xs[end - 1], path.ys[end - 1]),
                begin == 0,
                end - 1 == last,
            )
            for begin, end in pairwise(edges)
            if found[begin]
        )


@dataclass(slots=True)
class _Wait:
    crossing: Crossing
    asked_at: float
    overtaken: int = 0


class Turns:
    """Who may be in which passage. Robots are known by their rank; `now` is seconds of simulated time."""

    def __init__(self) -> None:
        self.now = 0.0
        self._inside: dict[int, dict[int, Crossing]] = {}
        self._waiting: dict[int, dict[int, _Wait]] = {}

    def ask(self, rank: int, crossing: Crossing) -> int | None:
        """Nothing if the robot may go in (it then holds the passage until `release`), else who goes first."""
        inside = self._inside.setdefault(crossing.passage, {})
        waiting = self._waiting.setdefault(crossing.passage, {})
        if rank in inside or crossing.starts_inside:
            waiting.pop(rank, None)
            inside[rank] = crossing
            return None
        for other, held in inside.items():
            if crossing.opposes(held):
                self._wait(waiting, rank, crossing)
                return other
        passed_over: list[_Wait] = []
        for other, wait in list(waiting.items()):
            if other == rank:
                break
            if self.now - wait.asked_at > STALE:
                del waiting[other]
            elif crossing.opposes(wait.crossing):
                if not inside or wait.overtaken >= OVERTAKEN:
                    self._wait(waiting, rank, crossing)
                    return other
                passed_over.append(wait)
        for wait in passed_over:
            wait.overtaken += 1
        waiting.pop(rank, None)
        inside[rank] = crossing
        return None

    def release(self, rank: int, passage: int | None = None) -> None:
        """The robot needs a passage no more; without a number, none at all."""
        for number in [passage] if passage is not None else set(self._inside) | set(self._waiting):
            self._inside.get(number, {}).pop(rank, None)
            self._waiting.get(number, {}).pop(rank, None)

    def holders(self, passage: int) -> Sequence[int]:
        """Ranks of those that are in it or about to be."""
        return tuple(self._inside.get(passage, ()))

    def _wait(self, waiting: dict[int, _Wait], rank: int, crossing: Crossing) -> None:
        if rank in waiting:
            waiting[rank].crossing, waiting[rank].asked_at = crossing, self.now
        else:
            waiting[rank] = _Wait(crossing, self.now)


def _labels(
    free: NDArray[np.bool_], room: NDArray[np.float64], two: float, resolution: float
) -> NDArray[np.int32]:
    """Number of the passage per cell. `two` is the room beside a middle line from which on two robots fit, metres."""
    middle: NDArray[np.bool_] = skeletonize(free)  # type: ignore[no-untyped-call]
    if not middle.any():
        return np.zeros(free.shape, dtype=np.int32)
    narrow = middle & (room < two)
    wide = middle & ~narrow
    parts, _ = ndimage.label(narrow, structure=_AROUND)
    through = [n for n, box in enumerate(ndimage.find_objects(parts), start=1) if _leads_on(parts, n, box, wide)]
    parts = np.where(np.isin(parts, through), parts, 0)
    distance, (rows, columns) = ndimage.distance_transform_edt(~middle, return_indices=True)
    labels: NDArray[np.int32] = np.where(free & (distance * resolution < two), parts[rows, columns], 0).astype(np.int32)
    return labels


def _leads_on(
    parts: NDArray[np.int32], number: int, box: tuple[slice, ...], wide: NDArray[np.bool_]
) -> bool:
    """Whether a narrow piece of a middle line meets wide ones at two ends or more."""
    near = tuple(slice(max(0, s.start - 2), s.stop + 2) for s in box)
    touched = ndimage.binary_dilation(parts[near] == number, structure=_AROUND) & wide[near]
    return int(ndimage.label(touched, structure=_AROUND)[1]) >= 2
