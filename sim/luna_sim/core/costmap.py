"""Costmaps as Nav2 draws them: obstacles, inflated by the robot's size and a slope around them, and keep-out zones.

The global one is the map and what the lidar sees beside it, in `map`; the local one rolls with the robot and knows only
what the lidar sees, in `odom`. Values are those of nav_msgs/OccupancyGrid: -1 unknown, 0 free, 99 where the robot's
centre would touch something, 100 the obstacle itself (nav2_costmap_2d, Costmap2DPublisher). The figures are those of
LUNA's own Nav2 parameters.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from luna_floor.grid import Cell, Grid
from luna_sim.core.floor import Floor
from luna_sim.core.geometry import Pose
from luna_sim.core.lidar import ANGLE_INCREMENT, ANGLE_MIN, MOUNT, RAYS, Ranges

INFLATION_RADIUS = 0.45
"""Metres."""
COST_SCALING = 4.0
"""How steeply cost falls with distance, per metre."""
WINDOW = 3.0
"""Side of the local costmap, metres."""
RESOLUTION = 0.05
"""Of the local costmap, metres; the global one has the map's."""
OBSTACLE_RANGE = 11.5
"""What the lidar sees further away is not marked, metres."""
_LETHAL, _INSCRIBED = 100, 99
_INTO = 0.02
"""Metres past the surface that a ray met, so that the point falls into the thing and not before it."""

Floats = NDArray[np.float64]


class Costmaps:
    """Both costmaps of any robot of one radius on a floor."""

    def __init__(self, floor: Floor, radius: float) -> None:
        self._grid = floor.grid
        self._keep_out = floor.keep_out
        self._radius = radius
        unknown = floor.grid.cells == Cell.UNKNOWN
        costs = self._inflated(floor.grid.cells == Cell.OCCUPIED, floor.grid.resolution)
        self._static = np.where(unknown & (costs < _INSCRIBED), Cell.UNKNOWN, costs).astype(np.int8)

    def around(self, estimate: Pose, ranges: Ranges | None) -> Grid:
        """The global costmap. `estimate` is where the robot believes to be in `map`; no ranges: the lidar is off."""
        grid, cells = self._grid, self._static.copy()
        if ranges is not None:
            column, row = _cells(_points(estimate, ranges), grid.origin_x, grid.origin_y, grid.resolution)
            inside = (column >= 0) & (column < grid.columns) & (row >= 0) & (row < grid.rows)
            column, row = column[inside], row[inside]
            fresh = grid.cells[row, column] != Cell.OCCUPIED
            self._mark(cells, column[fresh], row[fresh])
        if self._keep_out is not None:
            cells[self._keep_out.cells == Cell.OCCUPIED] = _LETHAL
        return Grid(cells, grid.resolution, grid.origin_x, grid.origin_y)

    def rolling(self, odometry: Pose, correction: Pose, ranges: Ranges | None) -> Grid:
        """The local costmap in `odom`, the robot in its middle; `correction` is map → odom."""
        side = round(WINDOW / RESOLUTION)
        x0, y0 = (math.floor((at - WINDOW / 2.0) / RESOLUTION) * RESOLUTION for at in (odometry.x, odometry.y))
        occupied = np.zeros((side, side), dtype=bool)
        if ranges is not None:
            column, row = _cells(_points(odometry, ranges), x0, y0, RESOLUTION)
            inside = (column >= 0) & (column < side) & (row >= 0) & (row < side)
            occupied[row[inside], column[inside]] = True
        cells = self._inflated(occupied, RESOLUTION)
        if self._keep_out is not None:
            cells[_covered(self._keep_out, Grid(cells, RESOLUTION, x0, y0), correction)] = _LETHAL
        return Grid(cells, RESOLUTION, x0, y0)

    def _mark(self, cells: NDArray[np.int8], column: NDArray[np.int64], row: NDArray[np.int64]) -> None:
        """Inflate single cells, on the part of the map around them only."""
        if not len(column):
            return
        reach = math.ceil(INFLATION_RADIUS / self._grid.resolution)
        top, left = max(0, row.min() - reach), max(0, column.min() - reach)
        part = cells[top : row.max() + reach + 1, left : column.max() + reach + 1]
        occupied = np.zeros(part.shape, dtype=bool)
        occupied[row - top, column - left] = True
        costs = self._inflated(occupied, self._grid.resolution)
        np.maximum(part, costs, out=part, where=costs > 0)

    def _inflated(self, occupied: NDArray[np.bool_], resolution: float) -> NDArray[np.int8]:
        """Nav2's InflationLayer: exponential from the inscribed radius to the inflation radius."""
        if not occupied.any():
            return np.zeros(occupied.shape, dtype=np.int8)
        distance = ndimage.distance_transform_edt(~occupied) * resolution
        slope = 252.0 * np.exp(-COST_SCALING * np.maximum(distance - self._radius, 0.0))
        shown = np.where(slope >= 1.0, 1 + (97 * (np.floor(slope) - 1)) // 251, 0)
        costs = np.where(distance <= INFLATION_RADIUS, shown, 0)
        costs[distance <= self._radius] = _INSCRIBED
        costs[occupied] = _LETHAL
        return costs.astype(np.int8)


def _points(robot: Pose, ranges: Ranges) -> Floats:
    """Where rays ended, in the frame of the robot's pose, shape (n, 2)."""
    lidar = robot.compose(MOUNT)
    ray = np.flatnonzero(ranges <= OBSTACLE_RANGE)
    way = ranges[ray].astype(np.float64) + _INTO
    angle = lidar.yaw + ANGLE_MIN + ANGLE_INCREMENT * np.arange(RAYS)[ray]
    return np.column_stack([lidar.x + way * np.cos(angle), lidar.y + way * np.sin(angle)])


def _cells(points: Floats, x0: float, y0: float, resolution: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Column and row of each point."""
    column, row = np.floor((points - (x0, y0)) / resolution).astype(np.int64).T
    return column, row


def _covered(zones: Grid, window: Grid, frame: Pose) -> NDArray[np.bool_]:
    """Cells of a window whose centres lie in zones; `frame` is the window's frame in that of the zones."""
    xs, ys = np.meshgrid(*window.centres())
    c, s = math.cos(frame.yaw), math.sin(frame.yaw)
    points = np.column_stack([(frame.x + c * xs - s * ys).ravel(), (frame.y + s * xs + c * ys).ravel()])
    column, row = _cells(points, zones.origin_x, zones.origin_y, zones.resolution)
    inside = (column >= 0) & (column < zones.columns) & (row >= 0) & (row < zones.rows)
    covered = np.zeros(len(points), dtype=bool)
    covered[inside] = zones.cells[row[inside], column[inside]] == Cell.OCCUPIED
    return covered.reshape(window.cells.shape)
