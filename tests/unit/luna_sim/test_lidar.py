"""What the lidar sees, held to geometry that is worked out another way."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from luna_floor.grid import Cell, Grid, shape_mask
from luna_floor.model import Circle, Rect, Shape
from luna_sim.core.disc import Disc
from luna_sim.core.geometry import Pose
from luna_sim.core.lidar import ANGLE_INCREMENT, ANGLE_MIN, MOUNT, RANGE, RAYS, Lidar
from luna_sim.core.parameters import RobotParameters

from .conftest import hall, world_with

SIDE, CELL = 16.0, 0.05
boxes = st.builds(Rect, st.floats(0, SIDE), st.floats(0, SIDE), st.floats(0.2, 4), st.floats(0.2, 4))
circles = st.builds(Circle, st.floats(0, SIDE), st.floats(0, SIDE), st.floats(0.15, 1.5))
discs = st.builds(Disc, st.floats(0, SIDE), st.floats(0, SIDE), st.floats(0.1, 0.5))
poses = st.builds(Pose, st.floats(1, SIDE - 1), st.floats(1, SIDE - 1), st.floats(-math.pi, math.pi))


def ray_box(x: float, y: float, angle: float, box: Rect, wider: float) -> float:
    """Metres from a point to a box that is widened on all sides, by slabs; 0 inside, inf past it."""
    enter, leave = 0.0, math.inf
    for at, way, low, high in (
        (x, math.cos(angle), box.x - wider, box.x + box.width + wider),
        (y, math.sin(angle), box.y - wider, box.y + box.height + wider),
    ):
        if abs(way) < 1e-12:
            if not low <= at <= high:
                return math.inf
            continue
        one, two = sorted(((low - at) / way, (high - at) / way))
        enter, leave = max(enter, one), min(leave, two)
    return enter if enter <= leave else math.inf


def ray_circle(x: float, y: float, angle: float, cx: float, cy: float, radius: float) -> float:
    """Metres from a point to a circle: the quadratic's smaller root; 0 inside, inf past it."""
    if radius <= 0.0:
        return math.inf
    fx, fy = x - cx, y - cy
    b, c = fx * math.cos(angle) + fy * math.sin(angle), fx * fx + fy * fy - radius * radius
    if c <= 0.0:
        return 0.0
    root = b * b - c
    return math.inf if root < 0.0 or b > 0.0 else -b - math.sqrt(root)


def nearest(x: float, y: float, angle: float, shapes: list[Shape], wider: float) -> float:
    return min(
        (
            ray_circle(x, y, angle, s.x, s.y, s.radius + wider)
            if isinstance(s, Circle)
            else ray_box(x, y, angle, s, wider)
            for s in shapes
        ),
        default=math.inf,
    )


@settings(max_examples=40, deadline=None)
@given(pose=poses, shapes=st.lists(boxes | circles, max_size=6), others=st.lists(discs, max_size=5))
def test_every_ray_ends_within_a_cell_of_where_geometry_says(
    pose: Pose, shapes: list[Shape], others: list[Disc]
) -> None:
    # The map reaches further than any shape: what sticks out of a map is not seen.
    grid = Grid(np.zeros((round((SIDE + 12) / CELL),) * 2, dtype=np.int8), CELL, -6.0, -6.0)
    for shape in shapes:
        grid.cells[shape_mask(grid, shape)] = Cell.OCCUPIED
    lidar = pose.compose(MOUNT)
    others = [o for o in others if lidar.distance_to(o.x, o.y) > o.radius]
    ranges = Lidar(grid).scan(pose, others)
    assert ranges.shape == (RAYS,) and ranges.dtype == np.float32
    for ray in range(0, RAYS, 7):
        angle = lidar.yaw + ANGLE_MIN + ray * ANGLE_INCREMENT
        disc = min((ray_circle(lidar.x, lidar.y, angle, o.x, o.y, o.radius) for o in others), default=math.inf)
        # A drawn shape lies between itself made narrower and wider by a cell.
        least = min(disc, nearest(lidar.x, lidar.y, angle, shapes, CELL))
        most = min(disc, nearest(lidar.x, lidar.y, angle, shapes, -CELL))
        seen = float(ranges[ray])
        assert least - 1e-3 <= seen or least > RANGE
        assert seen <= most + 1e-3 or most > RANGE - 1e-3
        assert seen <= RANGE or math.isinf(seen)


def test_in_a_plain_hall_every_range_is_exact() -> None:
    pose, lidar = Pose(2.3, 1.7, 0.3), Pose(2.3, 1.7, 0.3).compose(MOUNT)
    ranges = Lidar(hall(6, 4).grid).scan(pose)
    for ray in range(RAYS):
        angle = lidar.yaw + ANGLE_MIN + ray * ANGLE_INCREMENT
        wall = [Rect(-1, -1, 1.1, 9), Rect(5.9, -1, 2, 9), Rect(-1, -1, 9, 1.1), Rect(-1, 3.9, 9, 2)]
        assert abs(float(ranges[ray]) - nearest(lidar.x, lidar.y, angle, list(wall), 0.0)) < 1e-4


def test_a_robot_sees_the_others_and_not_itself() -> None:
    world = world_with(hall(6, 4), Pose(2, 2, 0), Pose(4, 2, 0))
    radius, ahead = RobotParameters().drive.radius, RAYS // 4
    # The lidar is mounted a quarter turn to the left, so straight ahead lies a quarter of its turn in.
    assert float(world.scan("r0")[ahead]) == np.float32(2.04 - radius)
    assert float(world.scan("r1")[ahead]) == np.float32(1.94)
    assert np.all(world.scan("r1") > radius - 0.05)


def test_inside_something_solid_it_sees_nothing_but_that() -> None:
    assert not Lidar(hall(6, 4).grid).scan(Pose(0.05, 2, 0)).any()
