"""Odometry drifts, the estimate corrects it, and a lost robot stays lost until it is told where it is."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna_sim.core.floor import Floor
from luna_sim.core.geometry import Pose, Twist, wrap
from luna_sim.core.outcome import SUCCEEDED
from luna_sim.core.robot import Robot

from .conftest import free_places, hall, run_for, run_until_done, world_with

LIMIT = 0.2
"""LUNA's own limit of a trustworthy variance, m² and rad²."""


def error(robot: Robot) -> tuple[float, float]:
    """How far the estimate is off, metres and radians."""
    estimate = robot.localization.estimate
    return robot.pose.distance_to(estimate.x, estimate.y), abs(wrap(robot.pose.yaw - estimate.yaw))


@settings(max_examples=6, deadline=None)
@given(goal=free_places(), seed=st.integers(0, 1000))
def test_on_a_drive_odometry_drifts_and_the_estimate_does_not(
    library: Floor, waypoints: dict[str, Pose], goal: Pose, seed: int
) -> None:
    start = waypoints["CROSSING"]
    world = world_with(library, start, seed=seed)
    robot, task = world.robots["r0"], world.navigate("r0", goal)
    while task.outcome is None:
        world.step()
        position, yaw = error(robot)
        assert position < 0.06 and yaw < 0.1 and not robot.localization.lost
        estimate, by_frames = robot.localization.estimate, robot.localization.correction.compose(robot.odometry.pose)
        assert (estimate.x, estimate.y) == pytest.approx((by_frames.x, by_frames.y))
    driven = start.compose(robot.odometry.pose)
    if start.distance_to(goal.x, goal.y) > 1.0:
        assert driven.distance_to(robot.pose.x, robot.pose.y) > 1e-3
    assert robot.localization.covariance.position < LIMIT


def test_a_standing_robot_drifts_nowhere() -> None:
    world = world_with(hall(), Pose(2, 2, 1))
    robot = world.robots["r0"]
    before = robot.odometry.pose, robot.localization.estimate, robot.localization.updates
    run_for(world, 60)
    assert (robot.odometry.pose, robot.localization.estimate, robot.localization.updates) == before


def test_a_lost_robot_becomes_less_certain_as_it_drives_until_a_good_guess(
    library: Floor, waypoints: dict[str, Pose]
) -> None:
    world = world_with(library, waypoints["DESK-1"])
    robot = world.robots["r0"]
    before = robot.localization.updates, robot.localization.covariance
    robot.localization.lose()
    frozen = robot.localization.correction
    run_for(world, 3)
    assert (robot.localization.updates, robot.localization.covariance) == before, "a robot that stands does not notice"
    for _ in range(150):
        robot.command(Twist(0.2, 0.0))
        world.step()
    assert robot.localization.updates > before[0]
    assert robot.localization.lost and robot.localization.covariance.position > LIMIT
    assert robot.localization.correction == frozen
    run_for(world, 1)
    robot.localization.found(Pose(robot.pose.x + 0.6, robot.pose.y - 0.4, robot.pose.yaw + 0.4))
    run_for(world, 3)
    assert not robot.localization.lost and robot.localization.covariance.position < 0.001
    assert error(robot)[0] < 0.03 and error(robot)[1] < 0.03


@settings(max_examples=20, deadline=None)
@given(
    off=st.one_of(
        st.tuples(st.floats(1.1, 3.0), st.floats(-3, 3), st.just(0.0)),
        st.tuples(st.just(0.0), st.just(0.0), st.floats(0.7, math.pi)),
    )
)
def test_a_bad_guess_stays_wrong_until_a_good_one(off: tuple[float, float, float]) -> None:
    world = world_with(hall(), Pose(2, 2, 0))
    robot, (distance, bearing, turn) = world.robots["r0"], off
    guess = Pose(2 + distance * math.cos(bearing), 2 + distance * math.sin(bearing), turn)
    robot.localization.found(guess)
    run_for(world, 3)
    assert robot.localization.lost and robot.localization.estimate == guess
    assert robot.localization.covariance.position > LIMIT
    robot.localization.found(Pose(2.2, 2, 0.1))
    run_for(world, 2)
    assert not robot.localization.lost and error(robot)[0] < 0.03


def test_a_robot_that_was_carried_away_notices_at_its_next_match(library: Floor, waypoints: dict[str, Pose]) -> None:
    world = world_with(library, waypoints["DESK-1"])
    robot = world.robots["r0"]
    world.navigate("r0", waypoints["RETURN-1"])
    run_for(world, 3)
    robot.pose = waypoints["CROSSING"]
    run_for(world, 4)
    assert robot.localization.lost


def test_docking_goes_by_the_dock_and_not_by_the_map(library: Floor, waypoints: dict[str, Pose]) -> None:
    dock = waypoints["DOCK-2"]
    world = world_with(library, dock.ahead(-0.7))
    world.robots["r0"].localization.lose()
    task = world.dock("r0", dock, drive_there=False, drive_time=0)
    run_until_done(world, task, seconds=30)
    assert task.outcome == SUCCEEDED and world.robots["r0"].dock == "DOCK-2"
