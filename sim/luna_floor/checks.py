"""Whether a floor can be driven on: room at every waypoint, and a way between any two."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from luna_floor.grid import Cell, Grid, draw_grid, draw_keep_out
from luna_floor.model import FloorError, FloorPlan, Footprint, Waypoint


def drivable(grid: Grid, keep_out: Grid | None, radius: float) -> NDArray[np.bool_]:
    """Cells where the centre of a round robot may be."""
    free: NDArray[np.bool_] = grid.clearance() >= radius
    if keep_out is not None:
        free &= keep_out.cells == Cell.FREE
    return free


def check_plan(plan: FloorPlan) -> None:
    """Refuse a floor on which a waypoint is cramped, out of bounds or out of reach.

    Raises:
        FloorError: names every waypoint concerned.
    """
    check_floor(draw_grid(plan), draw_keep_out(plan), plan.waypoints, plan.robot)


def check_floor(grid: Grid, keep_out: Grid | None, waypoints: Sequence[Waypoint], robot: Footprint) -> None:
    """As `check_plan`, of a floor that was not drawn from a plan. Raises FloorError."""
    clearance = grid.clearance()
    problems = [p for w in waypoints if (p := _room_problem(robot, grid, keep_out, clearance, w))]
    if not problems:
        problems = _unreachable(robot, grid, keep_out, waypoints)
    if problems:
        raise FloorError("\n".join(problems))


def _room_problem(
    robot: Footprint, grid: Grid, keep_out: Grid | None, clearance: NDArray[np.float64], w: Waypoint
) -> str | None:
    if not grid.contains(w.x, w.y):
        return f"waypoint {w.code}: ({w.x:g}, {w.y:g}) is outside the building"
    cell = grid.cell_of(w.x, w.y)
    wanted = robot.radius + robot.clearance
    # The cell's centre may be up to half a diagonal away from the waypoint itself.
    room = float(clearance[cell]) + grid.resolution / 2
    if room < wanted:
        return f"waypoint {w.code}: {room:.2f} m to the nearest obstacle, {wanted:.3f} m wanted"
    if keep_out is not None and keep_out.cells[cell] != Cell.FREE:
        return f"waypoint {w.code}: lies in a keep-out zone"
    return None


def _unreachable(
    robot: Footprint, grid: Grid, keep_out: Grid | None, waypoints: Sequence[Waypoint]
) -> list[str]:
    parts, _ = ndimage.label(drivable(grid, keep_out, robot.radius))
    home = {w.code: int(parts[grid.cell_of(w.x, w.y)]) for w in waypoints}
    usual = max(set(home.values()), key=list(home.values()).count, default=0)
    return [f"waypoint {code}: no way there from the others" for code, part in home.items() if part != usual]
