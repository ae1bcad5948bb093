"""People keep out of furniture and away from robots; robots stand for them."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from luna_sim.core.faults import parse_fault
from luna_sim.core.floor import Floor
from luna_sim.core.geometry import Pose, Twist
from luna_sim.core.lidar import MOUNT, RAYS
from luna_sim.core.outcome import SUCCEEDED
from luna_sim.core.parameters import RobotParameters
from luna_sim.core.people import GAP, RADIUS

from .conftest import furnished, hall, run_for, run_until_done, world_with

ROBOT = RobotParameters().drive.radius


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_people_keep_out_of_obstacles_on_the_map_or_not_and_never_run_into_robots(seed: int) -> None:
    floor = furnished()
    goal = Pose(7, 5, 0)
    world = world_with(floor, Pose(1, 1, 0), Pose(5.3, 3, 0), seed=seed, people=6)
    world.faults.put(parse_fault({"fault": "BLOCKED_AISLE", "x": 3.2, "y": 2.8, "radius": 0.6}, ()))
    world.navigate("r0", goal)
    ways = np.zeros(6)
    for _ in range(1000):
        world.step()
        people = world.people
        ways += [math.hypot(p.vx, p.vy) * 0.02 for p in people]
        for person in people:
            assert floor.clearance(person.x, person.y) >= RADIUS - 0.03
            assert all(disc.distance_to(person.x, person.y) > RADIUS + GAP - 0.1 for disc in world.obstacles)
            assert math.hypot(person.vx, person.vy) <= 1.2 + 1e-9
            for robot in world.robots.values():
                assert robot.pose.distance_to(person.x, person.y) - RADIUS - ROBOT > GAP - 0.1
    assert all(robot.bumps == 0 for robot in world.robots.values())
    assert len(ways) == 6 and ways.sum() > 20


def test_a_robot_gets_through_a_hall_full_of_people(library: Floor, waypoints: dict[str, Pose]) -> None:
    world = world_with(library, waypoints["DESK-1"], people=15)
    task = world.navigate("r0", waypoints["RETURN-1"])
    run_until_done(world, task, seconds=200)
    assert task.outcome == SUCCEEDED and world.robots["r0"].bumps == 0


def test_who_stands_in_front_of_a_robot_is_seen_and_steps_aside() -> None:
    world = world_with(hall(6, 4), Pose(1, 2, 0), people=1)
    world.step()
    robot, person = world.robots["r0"], world.people[0]
    # Put the robot right in front of whoever came in, looking at them.
    robot.pose = Pose(person.x - 0.6, person.y, 0.0) if person.x > 1.5 else Pose(person.x + 0.6, person.y, math.pi)
    seen = world.scan("r0")[RAYS // 4]
    lidar = robot.pose.compose(MOUNT)
    assert abs(float(seen) - (lidar.distance_to(person.x, person.y) - RADIUS)) < 1e-4
    run_for(world, 3)
    now = world.people[0]
    assert robot.pose.distance_to(now.x, now.y) > RADIUS + ROBOT + GAP


def test_a_floor_without_room_for_anybody_stays_empty() -> None:
    world = world_with(hall(2, 0.7), Pose(1, 0.35, 0), people=3)
    run_for(world, 0.2)
    assert world.people == []
    world.robots["r0"].command(Twist(0.1, 0))
    run_for(world, 0.2)
    assert world.robots["r0"].velocity.linear > 0
