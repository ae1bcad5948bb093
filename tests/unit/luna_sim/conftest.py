"""Floors and worlds to test on."""

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from luna_floor.files import WaypointSet
from luna_floor.grid import Cell, Grid
from luna_floor.model import FloorPlan, Waypoint
from luna_floor.parse import load_plan
from luna_sim.core.battery import Battery
from luna_sim.core.floor import Floor
from luna_sim.core.geometry import Pose
from luna_sim.core.parameters import RobotParameters
from luna_sim.core.robot import Robot, RobotState
from luna_sim.core.task import Task
from luna_sim.core.world import STEP_NS, World
from luna_sim.setup import FloorFiles, read_floor

SIM = Path(__file__).parents[3] / "sim"
FLOORS = sorted(path.stem for path in SIM.glob("*.yaml"))
LIBRARY_YAML = SIM / "library.yaml"
LIBRARY_MAPS = SIM / "maps" / "library"


@pytest.fixture(scope="session")
def library_plan() -> FloorPlan:
    return load_plan(LIBRARY_YAML)


@pytest.fixture(scope="session")
def library_files() -> FloorFiles:
    return read_floor(LIBRARY_MAPS)


@pytest.fixture(scope="session")
def library(library_files: FloorFiles) -> Floor:
    return library_files.floor


@pytest.fixture(scope="session")
def waypoints(library_files: FloorFiles) -> dict[str, Pose]:
    return poses(library_files.waypoints)


def poses(waypoints: WaypointSet) -> dict[str, Pose]:
    return {w.code: Pose(w.x, w.y, w.yaw) for w in waypoints.waypoints}


def free_places() -> st.SearchStrategy[Pose]:
    """Poses in the library where a robot has room."""
    return st.deferred(lambda: _free_places())


@cache
def _free_places() -> st.SearchStrategy[Pose]:
    floor = read_floor(LIBRARY_MAPS).floor
    xs, ys = np.meshgrid(*floor.grid.centres())
    free = floor.allowed_field(xs, ys) >= 0.3
    cells = list(zip(xs[free].tolist(), ys[free].tolist(), strict=True))
    return st.builds(lambda at, yaw: Pose(*at, yaw), st.sampled_from(cells), st.floats(-math.pi, math.pi))


def hall(width: float = 6.0, height: float = 4.0) -> Floor:
    """An empty room with walls 0.1 m thick."""
    cells = np.zeros((round(height / 0.05), round(width / 0.05)), dtype=np.int8)
    cells[:2], cells[-2:], cells[:, :2], cells[:, -2:] = (Cell.OCCUPIED,) * 4
    return Floor(Grid(cells, 0.05, 0.0, 0.0), None, ())


def furnished(docks: Sequence[Waypoint] = ()) -> Floor:
    """A hall of 8 m x 6 m with two shelves and a pillar."""
    grid = hall(8, 6).grid
    for x, y, width, height in ((2.0, 1.6, 2.5, 0.4), (2.0, 3.6, 2.5, 0.4), (6.2, 2.6, 0.3, 0.3)):
        rows, columns = (slice(round(a / 0.05), round((a + b) / 0.05)) for a, b in ((y, height), (x, width)))
        grid.cells[rows, columns] = Cell.OCCUPIED
    return Floor(grid, None, docks)


def world_with(floor: Floor, *places: Pose, seed: int = 1, energy: float = 20.0, people: int = 0) -> World:
    """A world with robots r0, r1, ... at these places."""
    world = World(floor, RobotParameters(), seed, people=people)
    for number, place in enumerate(places):
        world.add_robot(f"r{number}", RobotState(place, energy))
    return world


def run_until_done(world: World, *tasks: Task, seconds: float = 400.0) -> None:
    """Step until all tasks have an outcome; fails when they take longer than this much simulated time."""
    for _ in range(round(seconds * 1e9) // STEP_NS):
        if all(task.outcome is not None for task in tasks):
            return
        world.step()
    raise AssertionError(f"no outcome within {seconds:g} simulated seconds")


def run_for(world: World, seconds: float) -> None:
    for _ in range(round(seconds * 1e9) // STEP_NS):
        world.step()


def drained(robot: Robot) -> None:
    robot.battery = Battery(0.0)
