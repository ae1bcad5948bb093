"""Costmaps as Nav2 would draw them, and the frames that RViz shows beside them."""

import math

import numpy as np
import pytest

from luna_floor.grid import Cell, Grid
from luna_sim.core.costmap import INFLATION_RADIUS, RESOLUTION, Costmaps
from luna_sim.core.disc import Disc
from luna_sim.core.floor import Floor
from luna_sim.core.geometry import Pose
from luna_sim.core.lidar import MOUNT, Lidar
from luna_sim.core.parameters import RobotParameters
from luna_sim.ros.description import URDF, fixed_frames

from .conftest import hall

RADIUS = RobotParameters().drive.radius


def at(grid: Grid, x: float, y: float) -> int:
    return int(grid.cells[grid.cell_of(x, y)])


def with_zone() -> Floor:
    """A hall with a keep-out zone in its north-east and a place that nobody has seen."""
    grid = hall(6, 4).grid
    grid.cells[35:45, 60:70] = Cell.UNKNOWN
    zone = Grid(np.zeros_like(grid.cells), grid.resolution, 0.0, 0.0)
    zone.cells[60:, 90:] = Cell.OCCUPIED
    return Floor(grid, zone, ())


def test_the_global_one_is_the_map_with_slopes_zones_and_what_the_lidar_sees_beside_it() -> None:
    floor = with_zone()
    robot, person = Pose(1.5, 1.0, 0.7), Disc(2.5, 1.5, 0.25)
    blind = Costmaps(floor, RADIUS).around(robot, None)
    assert [at(blind, x, 1.0) for x in (0.07, 0.2, 0.6, 1.5)] == [100, 99, 0, 0]
    falling = [at(blind, x, 1.0) for x in np.arange(0.12, 0.12 + INFLATION_RADIUS, 0.05)]
    assert falling == sorted(falling, reverse=True) and 0 < falling[-2] < 99
    assert at(blind, 3.2, 2.0) == -1 and at(blind, 5.0, 3.5) == 100
    seeing = Costmaps(floor, RADIUS).around(robot, Lidar(floor.grid).scan(robot, [person]))
    surface = person.x - person.radius / math.sqrt(2), person.y - person.radius / math.sqrt(2)
    assert at(seeing, surface[0] + 0.02, surface[1]) >= 99 and at(blind, *surface) == 0
    assert at(seeing, robot.x, robot.y) == 0
    assert np.all(seeing.cells[blind.cells >= 0] >= blind.cells[blind.cells >= 0])


def test_the_local_one_rolls_with_odometry_and_shows_what_is_around() -> None:
    floor = with_zone()
    robot, odometry = Pose(4.0, 2.5, 2.0), Pose(7.0, -3.0, -1.0)
    correction = robot.compose(odometry.inverse())
    person = Disc(4.0, 1.5, 0.25)
    local = Costmaps(floor, RADIUS).rolling(odometry, correction, Lidar(floor.grid).scan(robot, [person]))
    assert local.cells.shape == (60, 60)
    assert abs(local.origin_x + 1.5 - odometry.x) <= RESOLUTION and abs(local.origin_y + 1.5 - odometry.y) <= RESOLUTION

    def of_map(x: float, y: float) -> int:
        there = correction.inverse().compose(Pose(x, y, 0.0))
        return at(local, there.x, there.y)

    assert of_map(4.0, 1.5 + 0.23) >= 99 and of_map(4.0, 2.5) == 0 and of_map(4.9, 3.4) == 100
    blind = Costmaps(floor, RADIUS).rolling(odometry, correction, None)
    assert set(np.unique(blind.cells)) == {0, 100}


def test_the_robots_frames_hang_together_and_the_lidar_is_where_it_scans_from() -> None:
    frames = {frame.child: frame for frame in fixed_frames()}
    assert all(frame.parent in frames or frame.parent == "base_link" for frame in frames.values())
    assert {"base_footprint", "shell_link", "oakd_link", "oakd_rgb_camera_optical_frame", "imu_link"} <= set(frames)
    lidar, shell = frames["rplidar_link"], frames["shell_link"]
    assert lidar.parent == "shell_link" and shell.position[:2] == (0.0, 0.0)
    assert lidar.position[:2] == (MOUNT.x, MOUNT.y)
    assert 2.0 * math.atan2(lidar.rotation[2], lidar.rotation[3]) == pytest.approx(MOUNT.yaw)
    assert lidar.position[2] + shell.position[2] == pytest.approx(0.193, abs=1e-3)
    optical = frames["oakd_rgb_camera_optical_frame"].rotation
    assert optical == pytest.approx((-0.5, 0.5, -0.5, 0.5))
    assert URDF.count("<link ") == len(frames) + 1
