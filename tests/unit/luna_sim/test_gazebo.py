"""The world for Gazebo, read as Gazebo reads it: by libsdformat, and against the map that robots drive by."""

import ctypes
import math
import xml.etree.ElementTree as ET  # our own files
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from luna_embedded.install.machine import SDFORMAT, apt_line
from luna_floor.files import read_waypoints
from luna_floor.gazebo.building import walls_model
from luna_floor.gazebo.sdf import Box
from luna_floor.grid import Cell, Grid, draw_grid
from luna_floor.map_server import read_map
from luna_floor.parse import parse_plan

from .conftest import FLOORS, SIM

LIDAR = 0.18
"""m, height of a TurtleBot 4's lidar."""
BODY = (0.02, 0.1, 0.34)
"""m, heights at which its body meets things."""
ONE_CELL = np.ones((3, 3), dtype=bool)


@pytest.fixture(params=FLOORS)
def folder(request: pytest.FixtureRequest) -> Path:
    return SIM / "maps" / str(request.param)


def test_libsdformat_finds_nothing_wrong_with_it(folder: Path) -> None:
    library = SDFORMAT.found()
    if not library:
        pytest.skip(f"libsdformat is not on this machine: {apt_line([SDFORMAT])}")
    check = ctypes.CDLL(str(library)).cmdCheck  # what `gz sdf --check` calls
    check.argtypes = [ctypes.c_char_p]
    assert check(str(folder / "world.sdf").encode()) == 0


def test_what_a_robot_meets_is_what_the_map_says_within_a_cell(folder: Path) -> None:
    grid, world = read_map(folder / "map.yaml"), read(folder)
    collisions = {height: drawn(grid, world, "collision", height) for height in BODY}
    for what, seen in {**collisions, "lidar": drawn(grid, world, "visual", LIDAR)}.items():
        occupied, inside = grid.cells == Cell.OCCUPIED, grid.cells != Cell.UNKNOWN
        assert not (seen & inside & ~ndimage.binary_dilation(occupied, ONE_CELL)).any(), f"{what}: not on the map"
        assert not (occupied & ~ndimage.binary_dilation(seen, ONE_CELL)).any(), f"{what}: only on the map"
        assert (seen & inside).sum() == pytest.approx(occupied.sum(), rel=0.1)


def test_docks_are_frames_and_every_file_is_there_and_ours(folder: Path) -> None:
    root, waypoints = read(folder), read_waypoints(folder / "waypoints.yaml")
    world = root.find("world")
    assert root.get("version") == "1.9" and world is not None and world.get("name") == waypoints.map_id
    frames = {frame.get("name"): frame.findtext("pose", "").split() for frame in world.iter("frame")}
    assert frames.keys() == {dock.code for dock in waypoints.docks}
    for dock in waypoints.docks:
        x, y, _, _, _, yaw = map(float, frames[dock.code])
        assert (x, y, math.cos(yaw), math.sin(yaw)) == pytest.approx(
            (dock.x, dock.y, math.cos(dock.yaw), math.sin(dock.yaw)), abs=1e-3
        )
    named = {element.text or "" for tag in ("uri", "albedo_map", "filename") for element in world.iter(tag)}
    assert len(named) == 5 and all((folder / name).is_file() for name in named)
    assert {path.relative_to(folder).as_posix() for path in (folder / "textures").iterdir()} == named
    assert all(model.findtext("static") == "true" for model in world.iter("model"))


def test_walls_meet_where_a_building_turns_back_on_itself_and_may_stand_askew() -> None:
    plan = parse_plan(
        """
        {map_id: askew, version: 1, title: Askew, resolution: 0.05, robot: {radius: 0.175, clearance: 0.25},
         outline: {points: [[0, 0], [0, 8], [6, 8], [6, 5], [9, 5], [12, 0]], wall: 0.3},
         walls: [{name: slanting, from: [1, 1], to: [4, 4], thickness: 0.2, openings: [{at: 1.0, width: 1.0}]}],
         waypoints: []}
        """
    )
    grid, model = draw_grid(plan), walls_model(plan)
    seen = np.zeros(grid.cells.shape, dtype=bool)
    for part in model.collisions:
        assert isinstance(part.solid, Box)
        box(grid, seen, part.x, part.y, part.yaw, part.solid.x, part.solid.y)
    occupied, inside = grid.cells == Cell.OCCUPIED, grid.cells != Cell.UNKNOWN
    # Where outer walls slant the map draws them by whole cells, in square steps; hence two cells.
    assert not (seen & inside & ~ndimage.binary_dilation(occupied, ONE_CELL, iterations=2)).any()
    assert not (occupied & ~ndimage.binary_dilation(seen, ONE_CELL, iterations=2)).any()


def read(folder: Path) -> ET.Element:
    return ET.fromstring((folder / "world.sdf").read_text())  # noqa: S314


def drawn(grid: Grid, root: ET.Element, tag: str, height: float) -> NDArray[np.bool_]:
    """Cells whose centre lies in some collision or visual at a height."""
    cells = np.zeros(grid.cells.shape, dtype=bool)
    for x, y, z, yaw, shape in placed(root, tag):
        if shape.tag == "box":
            dx, dy, dz = (float(one) for one in shape.findtext("size", "").split())
            if abs(height - z) <= dz / 2:
                box(grid, cells, x, y, yaw, dx, dy)
        else:
            radius, half = float(shape.findtext("radius", "")), float(shape.findtext("length", "0")) / 2
            if abs(height - z) <= (half if shape.tag == "cylinder" else radius):
                window, east, north = around(grid, x, y, radius)
                cells[window] |= np.hypot(east, north) <= radius
    return cells


def placed(root: ET.Element, tag: str) -> Iterator[tuple[float, float, float, float, ET.Element]]:
    """Where each collision or visual is in the world, and its shape."""
    for model in root.iter("model"):
        mx, my, mz, *turned = (float(one) for one in model.findtext("pose", "").split())
        assert turned == [0, 0, 0]
        for element in model.iter(tag):
            x, y, z, roll, pitch, yaw = (float(one) for one in element.findtext("pose", "").split())
            assert roll == pitch == 0
            geometry = element.find("geometry")
            assert geometry is not None and len(geometry) == 1 and geometry[0].tag in {"box", "cylinder", "sphere"}
            yield mx + x, my + y, mz + z, yaw, geometry[0]


def box(grid: Grid, cells: NDArray[np.bool_], x: float, y: float, yaw: float, dx: float, dy: float) -> None:
    window, east, north = around(grid, x, y, math.hypot(dx, dy) / 2)
    along, across = math.cos(yaw) * east + math.sin(yaw) * north, math.cos(yaw) * north - math.sin(yaw) * east
    cells[window] |= (np.abs(along) <= dx / 2 + 1e-6) & (np.abs(across) <= dy / 2 + 1e-6)


def around(
    grid: Grid, x: float, y: float, radius: float
) -> tuple[tuple[slice, slice], NDArray[np.float64], NDArray[np.float64]]:
    """Cells within so much of a point, and how far east and north of it their centres are."""
    low, high = grid.cell_of(x - radius, y - radius), grid.cell_of(x + radius, y + radius)
    rows, columns = (slice(max(0, a), max(0, b + 1)) for a, b in zip(low, high, strict=True))
    xs, ys = grid.centres()
    return (rows, columns), xs[None, columns] - x, ys[rows, None] - y
