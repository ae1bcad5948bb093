"""What a lidar sees: rays against the outlines of the map, exactly, and against discs such as people and robots.

The solid cells of a map are bounded by straight edges along its axes, once and for all. A scan takes those edges within
reach that face the lidar; each is met by the rays between the bearings of its two ends, at a distance that is one
multiplication, and the nearest edge counts. Discs are met in the same way. No ray is followed from cell to cell.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from luna_floor.grid import Cell, Grid
from luna_sim.core.disc import Disc
from luna_sim.core.geometry import Pose

RAYS = 640
RANGE = 12.0
"""Metres; nothing further away is seen."""
ANGLE_MIN = -math.pi
ANGLE_INCREMENT = 2.0 * math.pi / RAYS
"""Radians from one ray to the next, counter-clockwise, in the lidar's own frame."""
MOUNT = Pose(-0.040, 0.0, math.pi / 2.0)
"""The lidar in base_link (turtlebot4_description)."""
_HAIR = 1e-9
"""Rays; an edge is taken to be so much wider that no ray slips through where two of them meet."""

Ranges = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Edges:
    """Edges of solid cells that lie across one axis: at `place` on it, from `low` to `high` along the other one."""

    place: Floats
    low: Floats
    high: Floats

    def within_reach(self, along: float, across: float, *, ahead: bool) -> "_Edges":
        """Those that a lidar sees from their free side: `ahead` of it on the axis, or behind."""
        depth = self.place - along if ahead else along - self.place
        beside = (self.low < across + RANGE) & (self.high > across - RANGE)
        near = np.flatnonzero((depth > 0.0) & (depth < RANGE) & beside)
        return _Edges(self.place[near], self.low[near], self.high[near])


class Lidar:
    """Casts rays on one map. Whatever is not free is solid, as it is for robots; outside the map there is nothing."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        solid = grid.cells != Cell.FREE
        x0, y0, size = grid.origin_x, grid.origin_y, grid.resolution
        self._facing_west = _edges(solid[:, 1:] & ~solid[:, :-1], x0, y0, size)
        self._facing_east = _edges(~solid[:, 1:] & solid[:, :-1], x0, y0, size)
        self._facing_south = _edges((solid[1:] & ~solid[:-1]).T, y0, x0, size)
        self._facing_north = _edges((~solid[1:] & solid[:-1]).T, y0, x0, size)

    def scan(self, robot: Pose, discs: Iterable[Disc] = ()) -> Ranges:
        """Ranges in metres, shape (640,), `inf` where nothing is within `RANGE`.

        `robot` is the pose of base_link in the map. A disc around the lidar itself is its own robot and not seen.
        """
        lidar = robot.compose(MOUNT)
        if not self._is_free(lidar.x, lidar.y):
            return np.zeros(RAYS, dtype=np.float32)
        angles = lidar.yaw + ANGLE_MIN + ANGLE_INCREMENT * np.arange(RAYS)
        dx, dy = np.cos(angles), np.sin(angles)
        met = [*self._edges_met(lidar, dx, dy), _discs_met(lidar, dx, dy, discs)]
        ranges = np.full(RAYS, np.inf)
        np.minimum.at(ranges, np.concatenate([ray for ray, _ in met]), np.concatenate([way for _, way in met]))
        ranges[ranges > RANGE] = np.inf
        return ranges.astype(np.float32)

    def _edges_met(self, lidar: Pose, dx: Floats, dy: Floats) -> Iterable[tuple[Ints, Floats]]:
        for edges, ahead in ((self._facing_west, True), (self._facing_east, False)):
            near = edges.within_reach(lidar.x, lidar.y, ahead=ahead)
            depth, low, high = near.place - lidar.x, near.low - lidar.y, near.high - lidar.y
            ends = np.arctan2(low, depth), np.arctan2(high, depth)
            yield _met(lidar, *(ends if ahead else ends[::-1]), depth, dx)
        for edges, ahead in ((self._facing_south, True), (self._facing_north, False)):
            near = edges.within_reach(lidar.y, lidar.x, ahead=ahead)
            depth, low, high = near.place - lidar.y, near.low - lidar.x, near.high - lidar.x
            ends = np.arctan2(depth, high), np.arctan2(depth, low)
            yield _met(lidar, *(ends if ahead else ends[::-1]), depth, dy)

    def _is_free(self, x: float, y: float) -> bool:
        row, column = self._grid.cell_of(x, y)
        return self._grid.contains(x, y) and bool(self._grid.cells[row, column] == Cell.FREE)


def _edges(between: NDArray[np.bool_], place0: float, along0: float, size: float) -> _Edges:
    """`between[i, j]` marks an edge after cell j of the axis, at cell i along the other; neighbours make one edge."""
    marks = np.zeros((between.shape[1], between.shape[0] + 2), dtype=np.int8)
    marks[:, 1:-1] = between.T
    steps = np.diff(marks, axis=1)
    line, low = np.nonzero(steps == 1)
    high = np.nonzero(steps == -1)[1]
    place, low_end, high_end = (a.astype(np.float64) * size for a in (line + 1, low, high))
    return _Edges(place0 + place, along0 + low_end, along0 + high_end)


def _met(lidar: Pose, first: Floats, last: Floats, depth: Floats, component: Floats) -> tuple[Ints, Floats]:
    """Rays between two bearings (counter-clockwise, less than half a turn) and how far each goes to that depth."""
    edge, ray = _rays_between(lidar, first, np.mod(last - first, 2.0 * math.pi))
    return ray, depth[edge] / component[ray]


def _discs_met(lidar: Pose, dx: Floats, dy: Floats, discs: Iterable[Disc]) -> tuple[Ints, Floats]:
    at = np.array([(d.x - lidar.x, d.y - lidar.y, d.radius) for d in discs]).reshape(-1, 3)
    distance = np.hypot(at[:, 0], at[:, 1])
    x, y, radius = at[(distance > at[:, 2]) & (distance - at[:, 2] < RANGE)].T
    half = np.arcsin(radius / np.hypot(x, y))
    disc, ray = _rays_between(lidar, np.arctan2(y, x) - half, 2.0 * half)
    # Along the ray to the point nearest to the centre, then back by half the chord.
    nearest = dx[ray] * x[disc] + dy[ray] * y[disc]
    off = dx[ray] * y[disc] - dy[ray] * x[disc]
    return ray, nearest - np.sqrt(np.maximum(radius[disc] ** 2 - off**2, 0.0))


def _rays_between(lidar: Pose, first: Floats, width: Floats) -> tuple[Ints, Ints]:
    """All pairs of a thing and a ray for things that fill `width` radians from bearing `first` on."""
    start = (first - lidar.yaw - ANGLE_MIN) / ANGLE_INCREMENT
    begin = np.ceil(start - _HAIR).astype(np.int64)
    count = np.floor(start + width / ANGLE_INCREMENT + _HAIR).astype(np.int64) - begin + 1
    thing = np.repeat(np.arange(len(count)), count)
    nth = np.arange(len(thing)) - np.repeat(np.cumsum(count) - count, count)
    return thing, (begin[thing] + nth) % RAYS
