"""Where people walk: free places to go to, and from everywhere the direction towards each of them."""

import math
import random

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.graph import MCP_Geometric

from luna_sim.core.floor import Floor

RESOLUTION = 0.1
"""Metres; never finer than the map."""
_COMFORT = 0.8
"""People like to keep this far from walls and shelves, metres, and stand only where there is as much room."""
_COST_AT_OBSTACLE = 4.0
_UPHILL = 3.0
"""Cost per metre of leading people back who were squeezed off the free cells."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Walkways:
    """Destinations on the largest connected part of a floor that has `room` metres to all obstacles.

    `destinations` holds the centres of `count` places, shape (count, 2); of none where nobody can walk.
    """

    def __init__(self, floor: Floor, room: float, count: int, chance: random.Random) -> None:
        grid = floor.grid
        self._size = max(RESOLUTION, grid.resolution)
        self._x0, self._y0 = grid.origin_x, grid.origin_y
        rows = math.ceil(grid.rows * grid.resolution / self._size)
        columns = math.ceil(grid.columns * grid.resolution / self._size)
        xs, ys = np.meshgrid(
            self._x0 + (np.arange(columns) + 0.5) * self._size, self._y0 + (np.arange(rows) + 0.5) * self._size
        )
        clearance = floor.clearance_field(xs, ys)
        parts, number = ndimage.label(clearance >= room, structure=np.ones((3, 3)))
        largest = 1 + int(np.argmax(np.bincount(parts.ravel())[1:])) if number else -1
        self._free = parts == largest
        near = np.clip((_COMFORT - clearance) / (_COMFORT - room), 0.0, 1.0)
        self._costs = np.where(self._free, 1.0 + (_COST_AT_OBSTACLE - 1.0) * near**2, -1.0)
        spacious = np.argwhere(self._free & (clearance >= _COMFORT))
        self._places = spacious if len(spacious) else np.argwhere(self._free)
        self._cells = self._choose(count, chance)
        self.destinations = np.array([self._centre(cell) for cell in self._cells]).reshape(-1, 2)
        self._fields = np.zeros((len(self._cells), 2, rows, columns), dtype=np.float32)
        self._known = np.zeros(len(self._cells), dtype=bool)

    def places(self, count: int, chance: random.Random) -> list[tuple[float, float]]:
        """Random places with room to stand in; none where nobody can walk."""
        return [self._centre(cell) for cell in self._choose(count, chance)]

    def directions(self, destination: Ints, x: Floats, y: Floats) -> Floats:
        """Unit vectors along the way to destinations (by number) from points (n,); shape (n, 2)."""
        for number in np.unique(destination[~self._known[destination]]).tolist():
            self._fields[number] = self._directions(self._cells[number])
            self._known[number] = True
        rows, columns = self._free.shape
        column = np.minimum(np.maximum(((x - self._x0) / self._size).astype(np.int64), 0), columns - 1)
        row = np.minimum(np.maximum(((y - self._y0) / self._size).astype(np.int64), 0), rows - 1)
        return self._fields[destination, :, row, column].astype(np.float64)

    def _choose(self, count: int, chance: random.Random) -> list[tuple[int, int]]:
        places = self._places.tolist()
        return [(row, column) for row, column in chance.choices(places, k=count)] if places else []

    def _centre(self, cell: tuple[int, int]) -> tuple[float, float]:
        return self._x0 + (cell[1] + 0.5) * self._size, self._y0 + (cell[0] + 0.5) * self._size

    def _directions(self, cell: tuple[int, int]) -> Floats:
        spread, _ = MCP_Geometric(self._costs).find_costs([cell])
        off, (rows, columns) = ndimage.distance_transform_edt(~np.isfinite(spread), return_indices=True)
        down_y, down_x = np.gradient(-(spread[rows, columns] + _UPHILL * off))
        length = np.maximum(np.hypot(down_x, down_y), 1e-9)
        return np.stack([down_x / length, down_y / length])
