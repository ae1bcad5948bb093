"""What the base's messages say, of robots that are put somewhere; no process."""

import math

import numpy as np
import pytest

from luna_floor.grid import Cell, Grid
from luna_floor.model import Waypoint, WaypointKind
from luna_sim.core.floor import Floor
from luna_sim.core.geometry import Pose
from luna_sim.core.parameters import RobotParameters
from luna_sim.core.robot import Robot, RobotState
from luna_sim.ros.messages import dock_in_sight


@pytest.fixture(scope="module")
def floor() -> Floor:
    """Four by four metres; a wall along y = 2 from x = 1 on, a dock on either side of it, both looking west."""
    cells = np.full((80, 80), Cell.FREE, dtype=np.int8)
    cells[40, 20:] = Cell.OCCUPIED
    docks = [Waypoint(f"DOCK-{n}", "Dock", WaypointKind.DOCK, 1.5, y, math.pi) for n, y in enumerate((1.7, 2.4))]
    return Floor(Grid(cells, 0.05, 0.0, 0.0), None, docks)


@pytest.mark.parametrize(
    ("x", "y", "degrees", "seen"),
    [
        (1.5, 1.7, 180, "DOCK-0"),
        (2.2, 1.7, 180, "DOCK-0"),
        (2.2, 1.7, 215, "DOCK-0"),
        (2.2, 1.7, 0, None),
        (2.2, 1.7, 90, None),
        (2.6, 1.7, 180, None),
        (2.2, 2.3, 180, "DOCK-1"),
        (1.9, 2.1, 225, None),
    ],
    ids=["docked", "before it", "askew", "turned away", "sideways", "too far", "the nearest", "behind the wall"],
)
def test_a_dock_is_in_sight_ahead_close_by_and_with_nothing_in_between(
    floor: Floor, x: float, y: float, degrees: float, seen: str | None
) -> None:
    state = RobotState(Pose(x, y, math.remainder(math.radians(degrees), 2 * math.pi)), 20.0)
    robot = Robot("r0", 0, state, floor, RobotParameters())
    assert dock_in_sight(robot, floor) == (None if seen is None else floor.docks[seen])
