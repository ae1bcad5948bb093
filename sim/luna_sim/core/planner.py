"""Shortest comfortable paths on an inflated grid.

Costs rise towards obstacles, as in Nav2's inflation layer; scikit-image's MCP_Geometric (Dijkstra with diagonal steps
weighted by their length) spreads from the goal once, and every start then only follows it down. The staircase that
comes out is cut short where the view is free, and rounded.
"""

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.graph import MCP_Geometric

from luna_sim.core.disc import Disc, segment_distance
from luna_sim.core.floor import Floor
from luna_sim.core.geometry import Pose
from luna_sim.core.lanes import Lanes
from luna_sim.core.outcome import Code
from luna_sim.core.parameters import RobotParameters
from luna_sim.core.path import Path, make_path, resampled

COST_AT_OBSTACLE = 8.0
"""How many times longer a metre seems beside an obstacle than in the open."""
SNAP = 0.6
"""A start or goal off the planning grid is joined to a cell at most this far away, metres."""
_KEPT_GOALS = 16
_ROUNDS_OF_SMOOTHING = (80, 30, 8)


class PlanError(Exception):
    """No path; `code` says why in Nav2's terms."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Planner:
    """Plans for one kind of robot on one floor."""

    def __init__(self, floor: Floor, parameters: RobotParameters, *, comfort: bool = True) -> None:
        """Without `comfort` only the length of a path counts, not how near it comes to obstacles."""
        limits = parameters.navigation
        self._comfort = comfort
        self._floor = floor
        self._radius = parameters.drive.radius
        self._margin = limits.path_margin
        self._inflation = limits.inflation_radius
        self._lattice = _Lattice(floor, max(limits.resolution, floor.grid.resolution))
        self._centres = xs, ys = self._lattice.centres()
        self._room = floor.allowed_field(xs, ys)
        self._lanes = Lanes(floor.lanes, xs, ys)
        self._spread: OrderedDict[tuple[tuple[int, int], tuple[int, ...]], MCP_Geometric] = OrderedDict()

    @property
    def wanted_room(self) -> float:
        """Metres that a path keeps from obstacles."""
        return self._radius + self._margin

    def plan(self, start: Pose, goal: Pose, others: Sequence[Disc] = ()) -> Path:
        """A path from the start's to the goal's position that also keeps clear of `others`.

        Raises:
            PlanError: start or goal can't be stood on, or nothing connects them.
        """
        self._check_ends(start, goal, others)
        if start.distance_to(goal.x, goal.y) < self._lattice.resolution:
            return make_path(resampled([(start.x, start.y), (goal.x, goal.y)]), goal.yaw)
        room = self._room_beside(others)
        first = self._join(start, room, Code.START_OCCUPIED, others)
        last = self._join(goal, room, Code.GOAL_OCCUPIED, others)
        dear: tuple[int, ...] = ()
        while True:
            cells = self._cells(first, last, room, dear, cached=not others)
            corners = [(start.x, start.y), *(self._lattice.centre(c) for c in cells), (goal.x, goal.y)]
            against = set(self._lanes.against(corners)) - set(dear) if self._comfort else set()
            if not against:
                return self._finished(corners, goal.yaw, others)
            # Costs have no direction, so a lane becomes dear once a way has led through it against its own.
            dear = tuple(sorted({*dear, *against}))

    def retreat(
        self, start: Pose, others: Sequence[Disc], ways: NDArray[np.float64], apart: float, closed: NDArray[np.bool_]
    ) -> Path:
        """A path to the nearest place that is `apart` metres from all points of `ways` (n, 2), past `others`.

        `closed` (the shape of `centres()`) marks cells that are no place to wait in.

        Raises:
            PlanError: there is no such place.
        """
        room = self._room_beside(others)
        first = self._join(start, room, Code.START_OCCUPIED, others)
        spread = MCP_Geometric(self._costs(room))
        costs, _ = spread.find_costs([first])
        fits = np.isfinite(costs) & ~closed & (self._lattice.distance_to(ways) >= apart)
        if not fits.any():
            raise PlanError(Code.NO_VALID_PATH, "no passing place")
        row, column = np.unravel_index(np.argmin(np.where(fits, costs, np.inf)), costs.shape)
        cells = [(int(r), int(c)) for r, c in spread.traceback((int(row), int(column)))]
        corners = [(start.x, start.y), *(self._lattice.centre(c) for c in cells)]
        (x0, y0), (x1, y1) = corners[-2], corners[-1]
        return self._finished(corners, math.atan2(y1 - y0, x1 - x0), others)

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """x and y of the planning grid's cells, metres."""
        return self._centres

    def _check_ends(self, start: Pose, goal: Pose, others: Sequence[Disc]) -> None:
        grid = self._floor.grid
        if not all(map(math.isfinite, (goal.x, goal.y, goal.yaw))) or not grid.contains(goal.x, goal.y):
            raise PlanError(Code.GOAL_OUTSIDE_MAP, f"goal ({goal.x:.2f}, {goal.y:.2f}) is outside the map")
        if not all(map(math.isfinite, (start.x, start.y, start.yaw))) or not grid.contains(start.x, start.y):
            raise PlanError(Code.START_OUTSIDE_MAP, f"start ({start.x:.2f}, {start.y:.2f}) is outside the map")
        if self._floor.clearance(start.x, start.y) <= 0.0:
            raise PlanError(Code.START_OCCUPIED, f"start ({start.x:.2f}, {start.y:.2f}) is inside an obstacle")
        if self._free_at(goal.x, goal.y, others) < self._radius:
            raise PlanError(Code.GOAL_OCCUPIED, f"goal ({goal.x:.2f}, {goal.y:.2f}) has no room for the robot")

    def _cells(
        self,
        first: tuple[int, int],
        last: tuple[int, int],
        room: NDArray[np.float64],
        dear: tuple[int, ...],
        *,
        cached: bool,
    ) -> list[tuple[int, int]]:
        if cached:
            spread = self._spread_from(last, dear)
        else:
            spread = MCP_Geometric(self._costs(room) * self._lanes.dearness(dear))
            spread.find_costs([last], [first])
        try:
            return [(int(r), int(c)) for r, c in reversed(spread.traceback(first))]
        except ValueError:
            raise PlanError(Code.NO_VALID_PATH, "no way to the goal") from None

    def _spread_from(self, goal: tuple[int, int], dear: tuple[int, ...]) -> MCP_Geometric:
        """The cheapest ways from everywhere to a goal cell, computed once per goal."""
        key = (goal, dear)
        if key not in self._spread:
            spread = MCP_Geometric(self._costs(self._room) * self._lanes.dearness(dear))
            spread.find_costs([goal])
            self._spread[key] = spread
            if len(self._spread) > _KEPT_GOALS:
                self._spread.popitem(last=False)
        self._spread.move_to_end(key)
        return self._spread[key]

    def _costs(self, room: NDArray[np.float64]) -> NDArray[np.float64]:
        """Cost per metre of each cell; negative means impassable."""
        if not self._comfort:
            return np.where(room >= self.wanted_room, 1.0, -1.0)
        near = np.clip((self._inflation - room) / (self._inflation - self.wanted_room), 0.0, 1.0)
        return np.where(room >= self.wanted_room, 1.0 + (COST_AT_OBSTACLE - 1.0) * near**2, -1.0)

    def _room_beside(self, others: Sequence[Disc]) -> NDArray[np.float64]:
        """Room per cell beside others too, as far as it matters: up to the inflation radius."""
        if not others:
            return self._room
        room = self._room.copy()
        xs, ys = self._centres
        for d in others:
            near = self._lattice.window(d.x, d.y, d.radius + self._inflation)
            np.minimum(room[near], np.hypot(xs[near] - d.x, ys[near] - d.y) - d.radius, out=room[near])
        return room

    def _join(self, pose: Pose, room: NDArray[np.float64], code: Code, others: Sequence[Disc]) -> tuple[int, int]:
        """The nearest passable cell that is reached from a pose in a straight line, coming no nearer to anything."""
        wanted = min(self._free_at(pose.x, pose.y, others), self._radius) - 1e-6
        for cell in self._lattice.around(pose.x, pose.y, SNAP):
            if room[cell] >= self.wanted_room and self._view(
                (pose.x, pose.y), self._lattice.centre(cell), wanted, others
            ):
                return cell
        raise PlanError(code, f"({pose.x:.2f}, {pose.y:.2f}) has no room for the robot")

    def _finished(self, corners: list[tuple[float, float]], goal_yaw: float, others: Sequence[Disc]) -> Path:
        straight = resampled(self._cut_short(corners, others))
        for rounds in _ROUNDS_OF_SMOOTHING:
            smooth = _smoothed(straight, rounds)
            if self._comfortable(smooth, straight, others):
                return make_path(smooth, goal_yaw)
        return make_path(straight, goal_yaw)

    def _cut_short(self, corners: list[tuple[float, float]], others: Sequence[Disc]) -> list[tuple[float, float]]:
        """Leave out corners wherever the straight line keeps as much room as a comfortable path does."""
        rooms = [self._free_at(x, y, others) for x, y in corners]
        kept, here = [corners[0]], 0
        while here < len(corners) - 1:
            there = self._furthest(corners, rooms, here, others)
            kept.append(corners[there])
            here = there
        return kept

    def _furthest(
        self, corners: list[tuple[float, float]], rooms: list[float], here: int, others: Sequence[Disc]
    ) -> int:
        best, least, step = here + 1, min(rooms[here], rooms[here + 1]), 2
        while here + step < len(corners):
            there = here + step
            least = min(least, *rooms[best : there + 1])
            wanted = min(max(least, self.wanted_room), self._inflation * 0.75) if self._comfort else self.wanted_room
            if not self._view(corners[here], corners[there], wanted, others):
                break
            best, step = there, step + 2
        return best

    def _view(self, a: tuple[float, float], b: tuple[float, float], room: float, others: Sequence[Disc]) -> bool:
        return self._floor.segment_clear(*a, *b, room) and all(
            segment_distance(d, a, b) - d.radius >= room for d in others
        )

    def _comfortable(self, smooth: NDArray[np.float64], straight: NDArray[np.float64], others: Sequence[Disc]) -> bool:
        """Rounding must not eat up the room, except near the ends where there may be little from the start."""
        before, after = self._room_along(straight, others), self._room_along(smooth, others)
        return bool(np.all(after >= np.minimum(before, self.wanted_room) - 1e-3))

    def _room_along(self, points: NDArray[np.float64], others: Sequence[Disc]) -> NDArray[np.float64]:
        room = self._floor.allowed_field(points[:, 0], points[:, 1])
        for d in others:
            room = np.minimum(room, np.hypot(points[:, 0] - d.x, points[:, 1] - d.y) - d.radius)
        return room

    def _free_at(self, x: float, y: float, others: Sequence[Disc]) -> float:
        return min([self._floor.allowed(x, y), *(math.hypot(x - d.x, y - d.y) - d.radius for d in others)])


class _Lattice:
    """The planning grid over a floor."""

    def __init__(self, floor: Floor, resolution: float) -> None:
        grid = floor.grid
        self.resolution = resolution
        self._x0, self._y0 = grid.origin_x, grid.origin_y
        self.rows = math.ceil(grid.rows * grid.resolution / resolution)
        self.columns = math.ceil(grid.columns * grid.resolution / resolution)

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        xs = self._x0 + (np.arange(self.columns) + 0.5) * self.resolution
        ys = self._y0 + (np.arange(self.rows) + 0.5) * self.resolution
        grid_x, grid_y = np.meshgrid(xs, ys)
        return grid_x, grid_y

    def distance_to(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Metres from every cell to the nearest of some points (n, 2), to within half a cell."""
        away = np.ones((self.rows, self.columns), dtype=bool)
        rows = ((points[:, 1] - self._y0) / self.resolution).astype(int)
        columns = ((points[:, 0] - self._x0) / self.resolution).astype(int)
        away[np.clip(rows, 0, self.rows - 1), np.clip(columns, 0, self.columns - 1)] = False
        distance: NDArray[np.float64] = ndimage.distance_transform_edt(away) * self.resolution
        return distance

    def centre(self, cell: tuple[int, int]) -> tuple[float, float]:
        return self._x0 + (cell[1] + 0.5) * self.resolution, self._y0 + (cell[0] + 0.5) * self.resolution

    def window(self, x: float, y: float, reach: float) -> tuple[slice, slice]:
        """Rows and columns of all cells whose centres are within reach of a point, along both axes."""
        row, column, span = (y - self._y0) / self.resolution, (x - self._x0) / self.resolution, reach / self.resolution
        return (
            slice(max(0, math.floor(row - span)), max(0, math.ceil(row + span))),
            slice(max(0, math.floor(column - span)), max(0, math.ceil(column + span))),
        )

    def around(self, x: float, y: float, reach: float) -> Iterator[tuple[int, int]]:
        """Cells within reach of a point, the nearest first."""
        row, column = int((y - self._y0) / self.resolution), int((x - self._x0) / self.resolution)
        span = math.ceil(reach / self.resolution)
        near = []
        for r in range(max(0, row - span), min(self.rows, row + span + 1)):
            for c in range(max(0, column - span), min(self.columns, column + span + 1)):
                cx, cy = self.centre((r, c))
                distance = math.hypot(cx - x, cy - y)
                if distance <= reach:
                    near.append((distance, (r, c)))
        return (cell for _, cell in sorted(near))


def _smoothed(points: NDArray[np.float64], rounds: int) -> NDArray[np.float64]:
    """Each round moves every inner point halfway to the middle of its neighbours; the ends stay."""
    smooth = points.copy()
    for _ in range(rounds):
        smooth[1:-1] += 0.5 * (0.5 * (smooth[:-2] + smooth[2:]) - smooth[1:-1])
    return smooth
