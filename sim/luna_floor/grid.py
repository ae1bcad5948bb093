"""Occupancy grids: drawing a floor plan into one, and the space that is left between obstacles.

Row 0 is the southernmost row, so cell [row, column] has its centre at origin + (column + 0.5, row + 0.5) * resolution.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from luna_floor.model import Circle, FloorPlan, Point, Rect, Shape


class Cell(IntEnum):
    """States of a cell, with the values of nav_msgs/OccupancyGrid."""

    UNKNOWN = -1
    FREE = 0
    OCCUPIED = 100


@dataclass(frozen=True, slots=True)
class Grid:
    """An occupancy grid: `cells[row, column]` holds `Cell` values (int8); origin is its south-west corner, metres."""

    cells: NDArray[np.int8]
    resolution: float
    origin_x: float
    origin_y: float

    @property
    def rows(self) -> int:
        return int(self.cells.shape[0])

    @property
    def columns(self) -> int:
        return int(self.cells.shape[1])

    def cell_of(self, x: float, y: float) -> tuple[int, int]:
        """Row and column of the cell around a point, which may lie outside the grid."""
        return (
            int(np.floor((y - self.origin_y) / self.resolution)),
            int(np.floor((x - self.origin_x) / self.resolution)),
        )

    def contains(self, x: float, y: float) -> bool:
        row, column = self.cell_of(x, y)
        return 0 <= row < self.rows and 0 <= column < self.columns

    def fits(self, other: "Grid") -> bool:
        """Whether each cell lies where the other's does: size, resolution and, to a tenth of a cell, origin."""
        apart = max(abs(self.origin_x - other.origin_x), abs(self.origin_y - other.origin_y))
        same = self.cells.shape == other.cells.shape and abs(self.resolution - other.resolution) < 1e-6
        return same and apart < self.resolution / 10

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """x of every column and y of every row, metres."""
        xs = self.origin_x + (np.arange(self.columns, dtype=np.float64) + 0.5) * self.resolution
        ys = self.origin_y + (np.arange(self.rows, dtype=np.float64) + 0.5) * self.resolution
        return xs, ys

    def clearance(self) -> NDArray[np.float64]:
        """Per cell, metres from its centre to the nearest edge of a cell that is not free; outside counts as not free.

        Taken from the exact Euclidean distance between centres, less half a cell for the obstacle's own width.
        """
        free = np.pad(self.cells == Cell.FREE, 1, constant_values=False)
        distance = ndimage.distance_transform_edt(free)[1:-1, 1:-1] * self.resolution
        room: NDArray[np.float64] = np.maximum(distance - self.resolution / 2, 0.0)
        return room


def draw_grid(plan: FloorPlan) -> Grid:
    """The occupancy grid of a floor: unknown outside, occupied at walls, shelves and furniture, else free."""
    grid = _blank(plan)
    inside = polygon_mask(grid, plan.outline)
    grid.cells[inside] = Cell.FREE
    wall_cells = max(1, round(plan.outer_wall / plan.resolution))
    interior = ndimage.binary_erosion(inside, structure=np.ones((3, 3)), iterations=wall_cells)
    grid.cells[inside & ~interior] = Cell.OCCUPIED
    for wall in plan.walls:
        for start, end in wall.solid_parts():
            grid.cells[polygon_mask(grid, wall_outline(start, end, wall.thickness))] = Cell.OCCUPIED
    for shape in [s.rect for s in plan.shelves] + [f.shape for f in plan.furniture]:
        grid.cells[shape_mask(grid, shape)] = Cell.OCCUPIED
    return grid


def draw_keep_out(plan: FloorPlan) -> Grid:
    """The keep-out mask: occupied where no robot may go, else free."""
    grid = _blank(plan)
    grid.cells[:] = Cell.FREE
    for zone in plan.keep_out:
        grid.cells[shape_mask(grid, zone.rect)] = Cell.OCCUPIED
    return grid


def shape_mask(grid: Grid, shape: Shape) -> NDArray[np.bool_]:
    """Cells whose centre lies in a shape."""
    if isinstance(shape, Circle):
        xs, ys = grid.centres()
        inside: NDArray[np.bool_] = np.hypot(xs[None, :] - shape.x, ys[:, None] - shape.y) <= shape.radius
        return inside
    return _rect_mask(grid, shape)


def polygon_mask(grid: Grid, corners: tuple[Point, ...]) -> NDArray[np.bool_]:
    """Cells whose centre lies in a polygon (even-odd rule)."""
    xs, ys = grid.centres()
    inside = np.zeros(grid.cells.shape, dtype=bool)
    for a, b in zip(corners, corners[1:] + corners[:1], strict=True):
        if a.y == b.y:
            continue
        crosses = (a.y > ys) != (b.y > ys)
        cut = a.x + (ys - a.y) * (b.x - a.x) / (b.y - a.y)
        inside ^= crosses[:, None] & (xs[None, :] < cut[:, None])
    return inside


def wall_outline(start: Point, end: Point, thickness: float) -> tuple[Point, ...]:
    """The rectangle around a centre line."""
    length = float(np.hypot(end.x - start.x, end.y - start.y))
    nx, ny = -(end.y - start.y) / length * thickness / 2, (end.x - start.x) / length * thickness / 2
    return (
        Point(start.x - nx, start.y - ny),
        Point(end.x - nx, end.y - ny),
        Point(end.x + nx, end.y + ny),
        Point(start.x + nx, start.y + ny),
    )


def _rect_mask(grid: Grid, rect: Rect) -> NDArray[np.bool_]:
    xs, ys = grid.centres()
    # A hair of tolerance, so that an edge on a cell centre falls the same way on every machine.
    hair = grid.resolution * 1e-6
    columns = (xs > rect.x - hair) & (xs < rect.x + rect.width + hair)
    rows = (ys > rect.y - hair) & (ys < rect.y + rect.height + hair)
    return rows[:, None] & columns[None, :]


def _blank(plan: FloorPlan) -> Grid:
    width, height = plan.size
    shape = (round(height / plan.resolution), round(width / plan.resolution))
    return Grid(np.full(shape, Cell.UNKNOWN, dtype=np.int8), plan.resolution, 0.0, 0.0)
