"""Narrow passages, turns, and who makes room."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna_floor.grid import Cell, Grid
from luna_sim.core.floor import Floor
from luna_sim.core.geometry import Pose
from luna_sim.core.outcome import SUCCEEDED, Code
from luna_sim.core.parameters import RobotParameters
from luna_sim.core.passages import OVERTAKEN, STALE, Crossing, Passages, Turns
from luna_sim.core.right_of_way import circles

from .conftest import hall, run_until_done, world_with
from .test_world import RADIUS, assert_within_limits, watch_apart

PARAMETERS = RobotParameters()


def two_rooms(corridor: float, width: float) -> Floor:
    """Rooms of 3 m x 3 m, joined by a corridor of some length and width in the middle of their sides."""
    cells = np.full((62, round((6.0 + corridor) / 0.05) + 4), Cell.OCCUPIED, dtype=np.int8)
    cells[1:-1, 2:62], cells[1:-1, -62:-2] = Cell.FREE, Cell.FREE
    half = round(width / 0.1)
    cells[31 - half : 31 + half, 2:-2] = Cell.FREE
    return Floor(Grid(cells, 0.05, 0.0, 0.0), None, ())


class TestPassages:
    def test_doorways_and_gaps_are_found_and_aisles_are_wide_enough(self, library: Floor) -> None:
        passages = Passages(library, PARAMETERS)
        doors = [(11.2, 19.4), (17.2, 19.4), (23.2, 19.4), (29.2, 19.4), (35.2, 19.4), (7.05, 16.0)]
        numbers = [passages.at(*door) for door in doors]
        assert all(numbers) and len(set(numbers)) == len(doors)
        assert not any(passages.at(11.875 + 1.95 * n, 5.6) for n in range(8))
        assert passages.at(4.0, 3.0) == 0 and passages.at(-5, 99) == 0

    def test_an_empty_room_and_a_floor_without_room_have_none(self) -> None:
        assert Passages(hall(), PARAMETERS).count == 0
        assert Passages(hall(1.0, 0.4), PARAMETERS).count == 0

    def test_a_path_tells_what_it_crosses(self) -> None:
        floor = two_rooms(2.0, 0.8)
        world = world_with(floor)
        there = world.plan(Pose(1, 1.5, 0), Pose(7, 1.5, 0))
        back = world.plan(Pose(7, 1.5, 0), Pose(1, 1.5, 0))
        inside = world.plan(Pose(1, 1.5, 0), Pose(4, 1.5, 0))
        (one,), (other,), (stays,) = (world.ground.passages.along(p) for p in (there, back, inside))
        assert one.opposes(other) and not one.opposes(one) and stays.ends_inside and one.opposes(stays)
        assert 1.5 < one.begin < 2.2 and 1.5 < one.end - one.begin < 3.0


def crossing(there: bool) -> Crossing:
    ends = ((0.0, 0.0), (2.0, 0.0))
    return Crossing(1, 1.0, 3.0, ends[not there], ends[there], starts_inside=False, ends_inside=False)


class TestTurns:
    def test_one_direction_at_a_time_and_those_of_one_direction_may_follow(self) -> None:
        turns = Turns()
        assert turns.ask(1, crossing(True)) is None and turns.ask(2, crossing(True)) is None
        assert turns.ask(3, crossing(False)) == 1
        turns.release(1)
        assert turns.ask(3, crossing(False)) == 2
        turns.release(2, 1)
        assert turns.ask(3, crossing(False)) is None and turns.ask(1, crossing(True)) == 3
        assert turns.holders(1) == (3,)

    def test_who_waits_is_overtaken_a_bounded_number_of_times(self) -> None:
        turns = Turns()
        assert turns.ask(0, crossing(True)) is None
        assert turns.ask(9, crossing(False)) == 0
        went = [rank for rank in range(1, 8) if turns.ask(rank, crossing(True)) is None]
        assert len(went) == OVERTAKEN
        for rank in (0, *went):
            turns.release(rank)
        assert turns.ask(7, crossing(True)) == 9 and turns.ask(9, crossing(False)) is None

    def test_who_asks_no_more_waits_no_more(self) -> None:
        turns = Turns()
        turns.ask(0, crossing(True))
        turns.ask(9, crossing(False))
        turns.release(0)
        turns.now = STALE + 0.1
        assert turns.ask(1, crossing(True)) is None

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=40))
    def test_never_are_two_directions_inside(self, moves: list[tuple[int, bool]]) -> None:
        turns, inside = Turns(), dict[int, bool]()
        for rank, asks in moves:
            if asks and turns.ask(rank, crossing(rank % 2 == 0)) is None:
                inside[rank] = rank % 2 == 0
            elif not asks:
                turns.release(rank)
                inside.pop(rank, None)
            assert len(set(inside.values())) <= 1 and set(turns.holders(1)) == set(inside)


@pytest.mark.parametrize(
    ("waits_for", "found"),
    [
        ({1: 2, 2: None, 3: 1}, []),
        ({1: 2, 2: 1, 3: 1}, [(1, 2)]),
        ({5: 3, 3: 4, 4: 5, 1: 2, 2: 1}, [(1, 2), (3, 4, 5)]),
        ({1: 7}, []),
    ],
)
def test_circles_of_those_that_wait_for_each_other(waits_for: dict[int, int | None], found: list) -> None:
    assert circles(waits_for) == found


class TestMeetings:
    @settings(max_examples=4, deadline=None)
    @given(
        width=st.sampled_from([0.6, 0.8, 1.1, 1.35]),
        corridor=st.sampled_from([0.2, 3.0]),
        swapped=st.booleans(),
        apart=st.floats(0.0, 0.8),
    )
    def test_two_that_meet_in_a_corridor_both_arrive(
        self, width: float, corridor: float, swapped: bool, apart: float
    ) -> None:
        east = Pose(4.5 + corridor, 1.5 + apart, math.pi)
        ends = [Pose(1.5, 1.5 - apart, 0.0), east]
        if swapped:
            ends.reverse()
        world = world_with(two_rooms(corridor, width), *ends)
        tasks = [world.navigate("r0", ends[1]), world.navigate("r1", ends[0])]
        watch_apart(world, tasks, seconds=150)
        assert [t.outcome for t in tasks] == [SUCCEEDED, SUCCEEDED]

    def test_two_that_are_in_a_corridor_already_one_backs_out(self) -> None:
        world = world_with(two_rooms(4.0, 0.7), Pose(4.2, 1.5, 0), Pose(6.0, 1.5, math.pi))
        tasks = [world.navigate("r0", Pose(8.5, 1.5, 0)), world.navigate("r1", Pose(1.5, 1.5, 0))]
        watch_apart(world, tasks, seconds=150)
        assert [t.outcome for t in tasks] == [SUCCEEDED, SUCCEEDED]
        assert tasks[0].elapsed < tasks[1].elapsed

    @settings(max_examples=4, deadline=None)
    @given(goals=st.permutations([(1.0, 0.8), (1.0, 2.2), (5.5, 0.8), (5.5, 2.2)]), width=st.sampled_from([0.7, 1.2]))
    def test_whoever_goes_where_through_a_door_all_arrive_within_their_limits_and_never_touch(
        self, goals: list[tuple[float, float]], width: float
    ) -> None:
        starts = [Pose(1.0, 1.5, 0), Pose(2.0, 1.5, 0), Pose(5.0, 1.5, math.pi)]
        world = world_with(two_rooms(0.2, width), *starts)
        robots = list(world.robots.values())
        tasks = [world.navigate(r.name, Pose(*goal, 0.0)) for r, goal in zip(robots, goals, strict=False)]
        before = [r.velocity for r in robots]
        for _ in range(150 * 50):
            if all(t.outcome is not None for t in tasks):
                break
            world.step()
            for index, robot in enumerate(robots):
                assert_within_limits(before[index], robot.velocity)
                assert world.floor.clearance(robot.pose.x, robot.pose.y) >= RADIUS
                assert all(robot.pose.distance_to(o.pose.x, o.pose.y) >= 2 * RADIUS for o in robots[:index])
            before = [r.velocity for r in robots]
        assert [t.outcome for t in tasks] == [SUCCEEDED] * 3
        assert not any(r.bumps for r in robots)

    def test_a_robot_at_its_goal_in_an_aisle_is_passed(self, library: Floor, waypoints: dict[str, Pose]) -> None:
        world = world_with(library, Pose(13.825, 2.0, math.pi / 2), waypoints["SHELF-A2"])
        task = world.navigate("r0", Pose(13.825, 8.0, math.pi / 2))
        watch_apart(world, [task], seconds=120)
        assert task.outcome == SUCCEEDED

    def test_one_in_a_doorway_that_stays_is_waited_for_until_the_time_is_over(self) -> None:
        world = world_with(two_rooms(0.2, 0.7), Pose(1.5, 1.5, 0), Pose(3.2, 1.5, 0))
        task = world.navigate("r0", Pose(5, 1.5, 0))
        run_until_done(world, task)
        assert task.outcome is not None and task.outcome.code is Code.FAILED_TO_MAKE_PROGRESS


class TestLanes:
    def test_a_one_way_aisle_is_taken_in_its_direction_and_against_it_only_where_the_goal_is_inside(
        self, library: Floor
    ) -> None:
        world = world_with(library)
        assert {lane.code for lane in library.lanes} == {"aisle-a4", "aisle-a5", "aisle-b4", "aisle-b5"}
        south, north = Pose(17.725, 1.6, 0), Pose(17.725, 9.8, 0)
        up, down = world.plan(south, north), world.plan(north, south)
        assert min(abs(x - 17.725) for x in up.xs) < 0.3 and up.length < 9
        middle = [x for x, y in zip(down.xs, down.ys, strict=True) if 4 < y < 7]
        assert middle and not any(17.05 < x < 18.4 for x in middle) and down.length < 14
        assert world.plan(north, Pose(17.725, 7.0, 0)).length < 4
