"""Where on a floor a robot can stand."""

import math
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from luna_web.robot.grid import FREE, TAKEN, BadGrid, Frame, Grid, as_png, both_free, free_cells

CELL = 0.1
STRAIGHT = Frame(CELL, 0.0, 0.0, 0.0)


def cells(*rows: str) -> bytes:
    """A grid of `.` (free) and `#`, the first row on top."""
    picture = Image.new("L", (len(rows[0]), len(rows)))
    picture.putdata([FREE if cell == "." else TAKEN for row in rows for cell in row])
    return as_png(picture)


ROOM = cells(
    "##########",
    "#........#",
    "#........#",
    "#....#...#",
    "#........#",
    "#........#",
    "#........#",
    "##########",
)


@pytest.mark.parametrize(
    ("x", "y", "radius", "stands"),
    [
        (0.35, 0.35, 0.15, True),
        (0.35, 0.35, 0.16, False),
        (0.85, 0.65, 0.05, True),
        (0.85, 0.65, 0.06, False),
        (0.55, 0.45, 0.0, False),
        (0.55, 0.25, 0.14, True),
        (0.55, 0.25, 0.16, False),
        (0.05, 0.05, 0.0, False),
        (-1.0, 0.3, 0.1, False),
        (99.0, 0.3, 0.1, False),
    ],
)
def test_a_robot_touches_free_cells_alone(x: float, y: float, radius: float, stands: bool) -> None:
    assert Grid(ROOM, STRAIGHT).stands(x, y, radius) is stands


def test_the_nearest_place_is_offered() -> None:
    assert Grid(ROOM, STRAIGHT).nearest(0.05, 0.35, 0.1) == pytest.approx((0.25, 0.35))
    assert Grid(ROOM, STRAIGHT).nearest(-30.0, -30.0, 0.0) == pytest.approx((0.15, 0.15))
    assert Grid(ROOM, STRAIGHT).nearest(0.5, 0.5, 0.9) is None


@pytest.mark.parametrize("yaw", [0.0, math.pi / 2, -2.0])
def test_a_floor_that_lies_turned_is_read_where_it_lies(yaw: float) -> None:
    turned = Grid(ROOM, Frame(CELL, 5.0, -3.0, yaw))
    x, y = Frame(CELL, 5.0, -3.0, yaw).to_metres(3.5, 3.5)
    assert turned.inside(x, y) and turned.stands(x, y, 0.15)
    wall = Frame(CELL, 5.0, -3.0, yaw).to_metres(5.5, 4.5)
    assert turned.inside(*wall) and not turned.stands(*wall, 0.0)


@settings(max_examples=60, deadline=None)
@given(st.floats(-1, 2), st.floats(-1, 2), st.floats(0, 0.3))
def test_what_is_offered_can_be_stood_on_and_nothing_nearer(x: float, y: float, radius: float) -> None:
    grid = Grid(ROOM, STRAIGHT)
    offered = grid.nearest(x, y, radius)
    centres = [STRAIGHT.to_metres(column + 0.5, row + 0.5) for column in range(10) for row in range(8)]
    standing = [centre for centre in centres if grid.stands(*centre, radius)]
    assert (offered is None) == (not standing)
    if offered is not None:
        assert grid.stands(*offered, radius)
        inside = min(max(x, 0.0), 1.0), min(max(y, 0.0), 0.8)
        assert math.dist(inside, offered) == pytest.approx(min(math.dist(inside, centre) for centre in standing))


def test_pictures_of_map_server_become_cells() -> None:
    picture = Image.new("L", (3, 1))
    picture.putdata([254, 205, 0])
    free = Image.open(BytesIO(free_cells(as_png(picture), negate=False, free_thresh=0.25)))
    assert list(free.tobytes()) == [FREE, FREE if 50 < 255 * 0.25 else TAKEN, TAKEN]
    negated = Image.open(BytesIO(free_cells(as_png(picture), negate=True, free_thresh=0.25)))
    assert list(negated.tobytes()) == [TAKEN, TAKEN, FREE]


def test_zones_to_keep_out_of_are_not_free() -> None:
    both = Grid(both_free(cells("..", ".."), cells(".#", "..")), STRAIGHT)
    assert both.stands(0.05, 0.15, 0.0) and not both.stands(0.15, 0.15, 0.0)
    with pytest.raises(BadGrid):
        both_free(cells(".."), cells("..", ".."))
    with pytest.raises(BadGrid):
        free_cells(b"GIF89a", negate=False, free_thresh=0.25)
