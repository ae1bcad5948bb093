"""What the robots drive on: the map with its keep-out zones, and how much room there is anywhere."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from luna_floor.grid import Cell, Grid
from luna_floor.model import OneWay, Waypoint
from luna_sim.core.geometry import Pose

STEEPEST = 1.5
"""Metres of clearance that a metre of travel can cost, with what is lost between the cells of the map."""


class Floor:
    """A map, read only. `clearance` is to obstacles; `allowed` also keeps out of the keep-out zones."""

    def __init__(
        self, grid: Grid, keep_out: Grid | None, docks: Sequence[Waypoint], lanes: Sequence[OneWay] = ()
    ) -> None:
        self.grid = grid
        self.keep_out = keep_out
        self.lanes = tuple(lanes)
        """Aisles with a preferred direction."""
        self.docks = {d.code: Pose(d.x, d.y, d.yaw) for d in docks}
        self.docks_box = _box([(d.x, d.y) for d in docks], 0.5)
        """West, south, east and north of all docks, with half a metre around."""
        self._room = _Field(grid, grid.clearance())
        self._allowed = self._room if keep_out is None else _Field(grid, with_keep_out(grid, keep_out).clearance())

    def clearance(self, x: float, y: float) -> float:
        """Metres from a point to the nearest obstacle (interpolated between cells); 0 outside the map."""
        return self._room.at(x, y)

    def clearance_field(self, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> NDArray[np.float64]:
        """`clearance` of many points at once."""
        return self._room.at_many(xs, ys)

    def allowed(self, x: float, y: float) -> float:
        """Metres from a point to the nearest obstacle or keep-out zone."""
        return self._allowed.at(x, y)

    def allowed_field(self, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> NDArray[np.float64]:
        """`allowed` of many points at once."""
        return self._allowed.at_many(xs, ys)

    def segment_clear(self, x0: float, y0: float, x1: float, y1: float, room: float) -> bool:
        """Whether every point of a segment keeps `room` metres; steps as far as the room found allows.

        Interpolated between cells, clearance changes by less than `STEEPEST` metres in a metre.
        """
        length = math.hypot(x1 - x0, y1 - y0)
        ux, uy = ((x1 - x0) / length, (y1 - y0) / length) if length else (0.0, 0.0)
        done = 0.0
        while True:
            spare = self._allowed.at(x0 + ux * done, y0 + uy * done) - room
            if spare < 0.0:
                return False
            if spare >= (length - done) * STEEPEST:
                return True
            done = min(length, done + max(spare, self.grid.resolution / 2.0))


class _Field:
    """A value per cell centre, bilinear in between, 0 outside."""

    def __init__(self, grid: Grid, values: NDArray[np.float64]) -> None:
        self._values = np.pad(values, 1).astype(np.float32)
        # Reading one number from a memory view is several times faster than from an array.
        self._flat = self._values.data.cast("B").cast("f")
        self._width = grid.columns + 2
        self._scale = 1.0 / grid.resolution
        self._x0 = grid.origin_x - grid.resolution / 2.0
        self._y0 = grid.origin_y - grid.resolution / 2.0
        self._u_end, self._v_end = float(grid.columns + 1), float(grid.rows + 1)

    def at(self, x: float, y: float) -> float:
        u, v = (x - self._x0) * self._scale, (y - self._y0) * self._scale
        if not (0.0 <= u < self._u_end and 0.0 <= v < self._v_end):
            return 0.0
        column, row = int(u), int(v)
        fu, fv = u - column, v - row
        flat, south_west = self._flat, row * self._width + column
        north_west = south_west + self._width
        south = flat[south_west] + fu * (flat[south_west + 1] - flat[south_west])
        north = flat[north_west] + fu * (flat[north_west + 1] - flat[north_west])
        return south + fv * (north - south)

    def at_many(self, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> NDArray[np.float64]:
        u, v = (xs - self._x0) * self._scale, (ys - self._y0) * self._scale
        inside = (u >= 0) & (u < self._u_end) & (v >= 0) & (v < self._v_end)
        u, v = np.where(inside, u, 0.0), np.where(inside, v, 0.0)
        column, row = u.astype(int), v.astype(int)
        fu, fv = u - column, v - row
        a = self._values
        south = a[row, column] + fu * (a[row, column + 1] - a[row, column])
        north = a[row + 1, column] + fu * (a[row + 1, column + 1] - a[row + 1, column])
        found: NDArray[np.float64] = np.where(inside, south + fv * (north - south), 0.0)
        return found


def _box(points: Sequence[tuple[float, float]], around: float) -> tuple[float, float, float, float]:
    xs, ys = [p[0] for p in points] or [math.inf], [p[1] for p in points] or [math.inf]
    return min(xs) - around, min(ys) - around, max(xs) + around, max(ys) + around


def with_keep_out(grid: Grid, keep_out: Grid) -> Grid:
    """The map with the keep-out zones drawn in as obstacles; both must have the same geometry."""
    cells = grid.cells.copy()
    cells[keep_out.cells == Cell.OCCUPIED] = Cell.OCCUPIED
    return Grid(cells, grid.resolution, grid.origin_x, grid.origin_y)
