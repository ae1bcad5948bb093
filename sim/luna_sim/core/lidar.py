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
    """Straight edges of solid cells as seen from their free side: from one end to the other counter-clockwise."""

    first: Floats
    """Shape (2, n), metres."""
    last: Floats
    into: Floats
    """Unit vectors into the solid cells, shape (2, n)."""

    def within_reach(self, lidar: Pose) -> tuple["_Edges", Floats]:
        """Those that face a lidar and reach into the square around it; their ends from there; and their depths."""
        at = np.array([[lidar.x], [lidar.y]])
        first, last = self.first - at, self.last - at
        depth = np.sum(self.into * first, axis=0)
        beside = np.all((np.minimum(first, last) < RANGE) & (np.maximum(first, last) > -RANGE), axis=0)
        near = np.flatnonzero(beside & (depth > 0.0))
        return _Edges(first[:, near], last[:, near], self.into[:, near]), depth[near]


class Lidar:
    """Casts rays on one map. Whatever is not free is solid, as it is for robots; outside the map there is nothing."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._edges = _edges(grid)

    def scan(self, robot: Pose, discs: Iterable[Disc] = ()) -> Ranges:
        """Ranges in metres, shape (640,), `inf` where nothing is within `RANGE`.

        `robot` is the pose of base_link in the map. A disc around the lidar itself is its own robot and not seen.
        """
        lidar = robot.compose(MOUNT)
        if not self._is_free(lidar.x, lidar.y):
            return np.zeros(RAYS, dtype=np.float32)
        angles = lidar.yaw + ANGLE_MIN + ANGLE_INCREMENT * np.arange(RAYS)
        dx, dy = np.cos(angles), np.sin(angles)
        ranges = np.full(RAYS, np.inf)
        for ray, way in (_edges_met(self._edges, lidar, dx, dy), _discs_met(lidar, dx, dy, discs)):
            np.minimum.at(ranges, ray, way)
        ranges[ranges > RANGE] = np.inf
        return ranges.astype(np.float32)

    def _is_free(self, x: float, y: float) -> bool:
        row, column = self._grid.cell_of(x, y)
        return self._grid.contains(x, y) and bool(self._grid.cells[row, column] == Cell.FREE)


def _edges(grid: Grid) -> _Edges:
    """All edges between free and solid cells; neighbours in a line make one."""
    solid = grid.cells != Cell.FREE
    origin, size = (grid.origin_x, grid.origin_y), grid.resolution
    across_x = (solid[:, 1:] & ~solid[:, :-1], ~solid[:, 1:] & solid[:, :-1])
    across_y = ((solid[1:] & ~solid[:-1]).T, (~solid[1:] & solid[:-1]).T)
    parts = []
    for axis, pair in enumerate((across_x, across_y)):
        for sign, between in zip((1.0, -1.0), pair, strict=True):
            place, low, high = _runs(between)
            ends = np.empty((2, 2, len(place)))
            ends[:, axis] = origin[axis] + place * size
            # Looking along x the lower end comes first, along y the upper one; looking back it is the other way round.
            rising = (axis == 0) == (sign > 0)
            ends[0, 1 - axis] = origin[1 - axis] + (low if rising else high) * size
            ends[1, 1 - axis] = origin[1 - axis] + (high if rising else low) * size
            into = np.zeros((2, len(place)))
            into[axis] = sign
            parts.append((ends[0], ends[1], into))
    first, last, into = (np.concatenate(each, axis=1) for each in zip(*parts, strict=True))
    return _Edges(first, last, into)


def _runs(between: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """Runs of marks, in cells: where they lie across the axis, where they begin and end along the other.

    `between[i, j]` marks an edge after cell j of the axis, at cell i along the other one.
    """
    marks = np.zeros((between.shape[1], between.shape[0] + 2), dtype=np.int8)
    marks[:, 1:-1] = between.T
    steps = np.diff(marks, axis=1)
    line, low = np.nonzero(steps == 1)
    high = np.nonzero(steps == -1)[1]
    return (line + 1).astype(np.float64), low.astype(np.float64), high.astype(np.float64)


def _edges_met(edges: _Edges, lidar: Pose, dx: Floats, dy: Floats) -> tuple[Ints, Floats]:
    near, depth = edges.within_reach(lidar)
    first = np.arctan2(near.first[1], near.first[0])
    width = np.mod(np.arctan2(near.last[1], near.last[0]) - first, 2.0 * math.pi)
    edge, ray = _rays_between(lidar, first, width)
    return ray, depth[edge] / (near.into[0, edge] * dx[ray] + near.into[1, edge] * dy[ray])


def _discs_met(lidar: Pose, dx: Floats, dy: Floats, discs: Iterable[Disc]) -> tuple[Ints, Floats]:
    near = []
    for disc in discs:
        distance = lidar.distance_to(disc.x, disc.y)
        if disc.radius < distance < RANGE + disc.radius:
            near.append((disc.x - lidar.x, disc.y - lidar.y, disc.radius))
    x, y, radius = np.array(near).reshape(-1, 3).T
    half = np.arcsin(radius / np.hypot(x, y))
    thing, ray = _rays_between(lidar, np.arctan2(y, x) - half, 2.0 * half)
    # Along the ray to the point nearest to the centre, then back by half the chord.
    nearest = dx[ray] * x[thing] + dy[ray] * y[thing]
    off = dx[ray] * y[thing] - dy[ray] * x[thing]
    return ray, nearest - np.sqrt(np.maximum(radius[thing] ** 2 - off**2, 0.0))


def _rays_between(lidar: Pose, first: Floats, width: Floats) -> tuple[Ints, Ints]:
    """All pairs of a thing and a ray for things that fill `width` radians from bearing `first` on."""
    start = (first - lidar.yaw - ANGLE_MIN) / ANGLE_INCREMENT
    begin = np.ceil(start - _HAIR).astype(np.int64)
    count = np.floor(start + width / ANGLE_INCREMENT + _HAIR).astype(np.int64) - begin + 1
    thing = np.repeat(np.arange(len(count)), count)
    nth = np.arange(len(thing)) - np.repeat(np.cumsum(count) - count, count)
    return thing, (begin[thing] + nth) % RAYS
