"""Several poses in one goal."""

import math

import pytest

from luna_sim.core.floor import Floor
from luna_sim.core.geometry import Pose
from luna_sim.core.journeys import Missed
from luna_sim.core.outcome import CANCELED, PREEMPTED, SUCCEEDED, Code, Ending
from luna_sim.core.world import STEP_NS

from .conftest import hall, run_for, run_until_done, world_with

CORNERS = [Pose(5, 1, 0), Pose(5, 5, math.pi / 2), Pose(1, 5, math.pi)]


class TestThroughPoses:
    def test_it_drives_past_each_without_standing_and_stops_at_the_last(self) -> None:
        world = world_with(hall(6, 6), Pose(1, 1, 0))
        task, robot = world.navigate_through("r0", CORNERS), world.robots["r0"]
        left, nearest = [task.poses_remaining], [math.inf] * 3
        while task.outcome is None and task.elapsed < 120:
            world.step()
            nearest = [min(n, robot.pose.distance_to(p.x, p.y)) for n, p in zip(nearest, CORNERS, strict=True)]
            if task.poses_remaining != left[-1]:
                left.append(task.poses_remaining)
        assert task.outcome == SUCCEEDED and left == [3, 2, 1]
        assert nearest[0] < 0.7 and nearest[1] < 0.7 and nearest[2] < 0.1
        assert abs(robot.pose.yaw) == pytest.approx(math.pi, abs=0.1)

    def test_around_a_robot_in_the_way_it_still_goes_past_each(self) -> None:
        world = world_with(hall(6, 6), Pose(1, 1, 0), Pose(3, 1, 0))
        task, robot = world.navigate_through("r0", CORNERS), world.robots["r0"]
        nearest = math.inf
        while task.outcome is None and task.elapsed < 150:
            world.step()
            nearest = min(nearest, robot.pose.distance_to(5, 1))
        assert task.outcome == SUCCEEDED and nearest < 0.7 and robot.bumps == 0

    @pytest.mark.parametrize(
        ("poses", "code"),
        [
            ([], Code.NO_VIAPOINTS_GIVEN),
            ([Pose(3, 3, 0), Pose(99, 1, 0)], Code.THROUGH_GOAL_OUTSIDE_MAP),
            ([Pose(0.02, 3, 0), Pose(3, 3, 0)], Code.THROUGH_GOAL_OCCUPIED),
        ],
    )
    def test_without_a_way_it_ends_with_the_code_of_planning_through_poses(
        self, poses: list[Pose], code: Code
    ) -> None:
        task = world_with(hall(6, 6), Pose(1, 1, 0)).navigate_through("r0", poses)
        assert task.outcome is not None and (task.outcome.ending, task.outcome.code) == (Ending.ABORTED, code)


class TestWaypoints:
    def test_it_stops_at_each_in_each_round_and_tells_which_it_missed(self) -> None:
        world = world_with(hall(6, 6), Pose(1, 1, 0))
        poses = [Pose(3, 1, 0), Pose(99, 1, 0), None, Pose(3, 3, 0)]
        task, robot = world.follow_waypoints("r0", poses, loops=1), world.robots["r0"]
        stops, was = [], -1
        for _ in range(round(200e9) // STEP_NS):
            if task.outcome is not None:
                break
            world.step()
            if task.index != was:
                was = task.index
                stops.append((was, robot.velocity.linear < 0.05))
        assert task.outcome == SUCCEEDED
        assert [index for index, _ in stops] == [0, 1, 2, 3, 0, 1, 2, 3] and all(still for _, still in stops)
        assert task.missed == [Missed(1, Code.GOAL_OUTSIDE_MAP), Missed(2, Code.TF_ERROR)] * 2

    def test_it_begins_where_it_is_told_and_refuses_what_is_not_in_the_list(self) -> None:
        world = world_with(hall(6, 6), Pose(1, 1, 0))
        task = world.follow_waypoints("r0", [Pose(3, 1, 0), Pose(1, 2, 0)], first=1)
        run_until_done(world, task)
        assert task.outcome == SUCCEEDED and world.robots["r0"].pose.distance_to(1, 2) < 0.1
        empty, beyond = world.follow_waypoints("r0", []), world.follow_waypoints("r0", [Pose(3, 1, 0)], first=1)
        assert empty.outcome is not None and empty.outcome.ending is Ending.ABORTED
        assert beyond.outcome is not None and beyond.outcome.code is Code.WAYPOINTS_UNKNOWN

    def test_a_goal_takes_over_and_a_cancelled_journey_stands(self, library: Floor, waypoints: dict[str, Pose]) -> None:
        world = world_with(library, waypoints["DESK-1"])
        stops = [waypoints["STUDY-1"], waypoints["STUDY-B"]]
        first = world.follow_waypoints("r0", stops)
        run_for(world, 3)
        leg = first.drive
        second = world.navigate_through("r0", stops)
        assert first.outcome == PREEMPTED and leg is not None and leg.outcome == PREEMPTED
        run_for(world, 3)
        world.robots["r0"].cancel(second)
        run_for(world, 1)
        assert second.outcome == CANCELED and world.robots["r0"].velocity.is_zero
