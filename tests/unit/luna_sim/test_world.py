"""Robots in the world: goals, locks, docks, each other."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna_sim.core.floor import Floor
from luna_sim.core.geometry import STILL, Pose, Twist, wrap
from luna_sim.core.outcome import CANCELED, PREEMPTED, SUCCEEDED, Code, Ending, Stage
from luna_sim.core.parameters import RobotParameters
from luna_sim.core.robot import Lock
from luna_sim.core.world import STEP_NS, World

from .conftest import drained, free_places, hall, run_for, run_until_done, world_with

PARAMETERS = RobotParameters()
RADIUS = PARAMETERS.drive.radius
commands = st.lists(st.tuples(st.floats(-1, 1), st.floats(-3, 3), st.floats(0.1, 3.0)), min_size=1, max_size=8)


class TestDriving:
    def test_a_goal_is_reached_within_its_tolerances_and_the_robot_stands(
        self, library: Floor, waypoints: dict[str, Pose]
    ) -> None:
        world, goal = world_with(library, waypoints["DESK-1"]), waypoints["STUDY-7"]
        task, robot = world.navigate("r0", goal), world.robots["r0"]
        run_until_done(world, task)
        run_for(world, 1)
        assert task.outcome == SUCCEEDED
        assert robot.pose.distance_to(goal.x, goal.y) <= PARAMETERS.navigation.xy_goal_tolerance
        assert abs(wrap(robot.pose.yaw - goal.yaw)) <= PARAMETERS.navigation.yaw_goal_tolerance
        assert robot.velocity.is_zero and not robot.active

    def test_progress_counts_down_to_the_goal(self, library: Floor, waypoints: dict[str, Pose]) -> None:
        world = world_with(library, waypoints["DESK-1"])
        task, robot = world.navigate("r0", waypoints["RETURN-1"]), world.robots["r0"]
        run_for(world, 2)
        early = task.progress(robot.pose)
        run_for(world, 10)
        late = task.progress(robot.pose)
        assert early.distance_remaining > late.distance_remaining > 0
        assert early.time_remaining > late.time_remaining > 0
        assert late.elapsed == pytest.approx(12, abs=0.1)

    @settings(max_examples=12, deadline=None)
    @given(goal=free_places())
    def test_on_the_way_it_never_touches_anything_nor_breaks_a_limit(
        self, library: Floor, waypoints: dict[str, Pose], goal: Pose
    ) -> None:
        world = world_with(library, waypoints["CROSSING"])
        task, robot = world.navigate("r0", goal), world.robots["r0"]
        before = robot.velocity
        while task.outcome is None:
            world.step()
            assert library.clearance(robot.pose.x, robot.pose.y) >= RADIUS
            assert_within_limits(before, robot.velocity)
            before = robot.velocity
        assert task.outcome == SUCCEEDED
        assert robot.bumps == 0

    def test_a_goal_without_a_way_has_failed_at_once_and_takes_over(
        self, library: Floor, waypoints: dict[str, Pose]
    ) -> None:
        world = world_with(library, waypoints["DESK-1"])
        running = world.navigate("r0", waypoints["STUDY-1"])
        task = world.navigate("r0", Pose(10.9, 5.0, 0))
        assert task.outcome is not None and task.outcome.code is Code.GOAL_OCCUPIED
        assert running.outcome == PREEMPTED and world.robots["r0"].task is None

    def test_a_new_goal_takes_over_from_the_old_one(self, library: Floor, waypoints: dict[str, Pose]) -> None:
        world = world_with(library, waypoints["DESK-1"])
        first = world.navigate("r0", waypoints["STUDY-1"])
        run_for(world, 3)
        second = world.navigate("r0", waypoints["RETURN-1"])
        assert first.outcome == PREEMPTED and PREEMPTED.ending is Ending.ABORTED and PREEMPTED.code is Code.NONE
        run_until_done(world, second)
        assert second.outcome == SUCCEEDED and first.outcome == PREEMPTED

    def test_a_cancelled_goal_brakes_within_the_acceleration(self, library: Floor, waypoints: dict[str, Pose]) -> None:
        world = world_with(library, waypoints["DESK-1"])
        task, robot = world.navigate("r0", waypoints["STUDY-1"]), world.robots["r0"]
        run_for(world, 6)
        assert robot.velocity.linear > 0.2
        robot.cancel(task)
        assert task.outcome == CANCELED
        run_for(world, 1)
        assert robot.velocity.is_zero

    def test_without_a_way_on_it_gives_up_in_the_end(self) -> None:
        world = world_with(hall(6, 0.75), Pose(1, 0.375, 0), Pose(3, 0.375, 0))
        task = world.navigate("r0", Pose(5, 0.375, 0))
        run_until_done(world, task)
        assert task.outcome is not None and task.outcome.code is Code.FAILED_TO_MAKE_PROGRESS
        assert task.elapsed == pytest.approx(PARAMETERS.navigation.progress_timeout, abs=15)
        # Clearing both costmaps counts twice, as with Nav2; then wait, spin and wait longer.
        assert task.progress(world.robots["r0"].pose).recoveries >= 5


class TestCommands:
    @settings(max_examples=40, deadline=None)
    @given(commands=commands, yaw=st.floats(-math.pi, math.pi))
    def test_whatever_is_commanded_the_robot_stays_out_of_obstacles_and_within_limits(
        self, commands: list[tuple[float, float, float]], yaw: float
    ) -> None:
        floor = hall(2.0, 1.5)
        world = world_with(floor, Pose(1.0, 0.75, yaw))
        robot = world.robots["r0"]
        for linear, angular, seconds in commands:
            for _ in range(round(seconds * 1e9) // STEP_NS):
                before = robot.velocity
                robot.command(Twist(linear, angular))
                world.step()
                assert floor.clearance(robot.pose.x, robot.pose.y) >= RADIUS
                assert_within_limits(before, robot.velocity)

    @pytest.mark.parametrize("wrong", [Twist(math.nan, 0.0), Twist(0.1, math.inf), Twist(-math.inf, math.nan)])
    def test_a_command_that_is_no_number_is_none(self, wrong: Twist) -> None:
        world = world_with(hall(), Pose(1, 2, 0))
        robot = world.robots["r0"]
        robot.command(wrong)
        run_for(world, 0.3)
        assert robot.pose == Pose(1, 2, 0) and not robot.active
        robot.command(Twist(0.2, 0.0))
        run_for(world, 0.3)
        robot.command(wrong)
        run_for(world, 0.1)
        assert robot.velocity.linear == pytest.approx(0.2) and len(world.scan("r0"))

    def test_a_command_is_stale_after_its_time_out(self) -> None:
        world = world_with(hall(), Pose(1, 2, 0))
        robot = world.robots["r0"]
        robot.command(Twist(0.2, 0))
        run_for(world, 0.4)
        assert robot.velocity.linear == pytest.approx(0.2)
        run_for(world, 0.5)
        assert robot.velocity.is_zero

    def test_navigation_drives_on_at_once_when_told_to_stand_and_not_while_it_is_driven_otherwise(self) -> None:
        world = world_with(hall(), Pose(1, 2, 0))
        world.navigate("r0", Pose(5, 2, 0))
        robot = world.robots["r0"]
        run_for(world, 2)
        robot.command(Twist(-0.1, 0))
        run_for(world, 0.45)
        assert robot.velocity.linear < 0.0
        run_for(world, 1)
        robot.command(STILL)
        run_for(world, 0.45)
        assert robot.velocity.linear > 0.1

    def test_pushing_against_a_wall_is_felt_once_and_ends_with_the_push(self) -> None:
        world = world_with(hall(2, 2), Pose(1.6, 1, 0))
        robot = world.robots["r0"]
        for _ in range(100):
            robot.command(Twist(0.3, 0))
            world.step()
        assert robot.bumped and robot.bumps == 1
        run_for(world, 1)
        assert not robot.bumped

    def test_an_empty_battery_moves_nothing(self) -> None:
        world = world_with(hall(), Pose(1, 2, 0))
        drained(world.robots["r0"])
        world.robots["r0"].command(Twist(0.2, 0))
        run_for(world, 0.4)
        assert world.robots["r0"].pose == Pose(1, 2, 0)


class TestLocks:
    def test_a_lock_stands_the_robot_before_the_next_step(self, library: Floor, waypoints: dict[str, Pose]) -> None:
        world = world_with(library, waypoints["DESK-1"])
        world.navigate("r0", waypoints["STUDY-1"])
        run_for(world, 6)
        world.robots["r0"].lock(Lock.ESTOP)
        assert world.robots["r0"].velocity == STILL

    def test_a_goal_goes_on_when_the_last_lock_opens_in_time(
        self, library: Floor, waypoints: dict[str, Pose]
    ) -> None:
        world = world_with(library, waypoints["DESK-1"])
        task, robot = world.navigate("r0", waypoints["RETURN-1"]), world.robots["r0"]
        run_for(world, 4)
        for lock in (Lock.ESTOP, Lock.BASE):
            robot.lock(lock)
        held = robot.pose
        run_for(world, 40)
        robot.unlock(Lock.ESTOP)
        run_for(world, 1)
        assert robot.pose == held and task.outcome is None
        robot.unlock(Lock.BASE)
        run_until_done(world, task)
        assert task.outcome == SUCCEEDED

    @pytest.mark.parametrize("why", ["locked", "empty", "commanded"])
    def test_a_navigator_knows_nothing_of_what_holds_the_robot_and_fails_without_progress(self, why: str) -> None:
        world = world_with(hall(), Pose(1, 2, 0))
        task, robot = world.navigate("r0", Pose(5, 2, 0)), world.robots["r0"]
        for _ in range(80 * 50):
            match why:
                case "locked":
                    robot.lock(Lock.BASE)
                case "empty":
                    drained(robot)
                case "commanded":
                    robot.command(STILL)
            world.step()
        assert task.outcome is not None and task.outcome.code is Code.FAILED_TO_MAKE_PROGRESS
        assert task.elapsed == pytest.approx(PARAMETERS.navigation.progress_timeout, abs=15)
        assert robot.pose == Pose(1, 2, 0) and robot.task is None

    @given(velocity=st.builds(Twist, st.floats(-1, 1), st.floats(-2, 2)))
    def test_a_locked_robot_obeys_no_command(self, velocity: Twist) -> None:
        world = world_with(hall(), Pose(1, 2, 0))
        world.robots["r0"].lock(Lock.SILENCE)
        world.robots["r0"].command(velocity)
        run_for(world, 0.2)
        assert world.robots["r0"].pose == Pose(1, 2, 0)


class TestDocks:
    def test_a_robot_leaves_its_dock_backwards_and_stops_charging(
        self, library: Floor, waypoints: dict[str, Pose]
    ) -> None:
        world = world_with(library, waypoints["DOCK-2"])
        robot = world.robots["r0"]
        world.step()
        assert robot.dock == "DOCK-2" and robot.battery.power > 0
        task = world.undock("r0", 30)
        run_until_done(world, task)
        assert task.outcome == SUCCEEDED and robot.dock is None and robot.battery.power < 0
        assert robot.pose.x > waypoints["DOCK-2"].x + 0.6

    def test_it_drives_onto_a_dock_from_anywhere(self, library: Floor, waypoints: dict[str, Pose]) -> None:
        world = world_with(library, waypoints["RETURN-1"])
        task = world.dock("r0", waypoints["DOCK-4"], drive_there=True, drive_time=1000)
        assert task.progress(waypoints["RETURN-1"]).stage is Stage.NAV_TO_STAGING_POSE
        run_until_done(world, task)
        assert task.outcome == SUCCEEDED and world.robots["r0"].dock == "DOCK-4"

    def test_docking_a_docked_robot_and_undocking_a_free_one_succeed_at_once(
        self, library: Floor, waypoints: dict[str, Pose]
    ) -> None:
        world = world_with(library, waypoints["DOCK-1"], waypoints["DESK-1"])
        assert world.dock("r0", waypoints["DOCK-1"], drive_there=True, drive_time=1000).outcome == SUCCEEDED
        free = world.undock("r1", 30)
        run_until_done(world, free, seconds=0.1)
        assert free.outcome == SUCCEEDED

    def test_a_dock_that_is_out_of_reach(self, library: Floor, waypoints: dict[str, Pose]) -> None:
        world = world_with(library, waypoints["DESK-1"])
        task = world.dock("r0", Pose(11.6, 5, 0), drive_there=True, drive_time=1000)
        assert task.outcome is not None and task.outcome.code is Code.FAILED_TO_STAGE

    def test_a_dock_at_no_pose_is_not_valid(self) -> None:
        world = world_with(hall(), Pose(1, 2, 0))
        for drive_there in (True, False):
            task = world.dock("r0", Pose(math.nan, 3, 0), drive_there=drive_there, drive_time=9)
            assert task.outcome is not None and task.outcome.code is Code.DOCK_NOT_VALID

    def test_too_little_time_for_the_way_there(self, library: Floor, waypoints: dict[str, Pose]) -> None:
        world = world_with(library, waypoints["STUDY-12"])
        task = world.dock("r0", waypoints["DOCK-1"], drive_there=True, drive_time=2)
        run_until_done(world, task)
        assert task.outcome is not None and task.outcome.code is Code.FAILED_TO_STAGE

    def test_a_dock_beside_the_robot_is_missed(self) -> None:
        world = world_with(hall(), Pose(1, 2, 0))
        task = world.dock("r0", Pose(1.6, 3, 0), drive_there=False, drive_time=0)
        run_until_done(world, task)
        assert task.outcome is not None and task.outcome.code is Code.FAILED_TO_CONTROL

    def test_it_waits_for_who_stands_behind_it_until_its_time_is_over(
        self, library: Floor, waypoints: dict[str, Pose]
    ) -> None:
        dock = waypoints["DOCK-1"]
        world = world_with(library, dock, dock.ahead(-0.45))
        task = world.undock("r0", 5)
        run_until_done(world, task)
        assert task.outcome is not None and task.outcome.code is Code.FAILED_TO_CONTROL
        task = world.undock("r0", 20)
        run_for(world, 5)
        robots = world.robots.values()
        assert task.outcome is None and all(robot.velocity.is_zero for robot in robots)
        world.navigate("r1", dock.ahead(-2.0))
        run_until_done(world, task)
        assert task.outcome == SUCCEEDED and all(robot.bumps == 0 for robot in robots)


class TestSeveralRobots:
    def test_two_robots_head_on_in_a_corridor_both_arrive(self) -> None:
        world = world_with(hall(8, 2.2), Pose(1, 1.1, 0), Pose(7, 1.1, math.pi))
        tasks = [world.navigate("r0", Pose(7, 1.1, 0)), world.navigate("r1", Pose(1, 1.1, 0))]
        watch_apart(world, tasks)
        assert [t.outcome for t in tasks] == [SUCCEEDED, SUCCEEDED]

    def test_a_robot_that_stands_in_the_way_is_driven_around(self) -> None:
        world = world_with(hall(8, 3), Pose(1, 1.5, 0), Pose(4, 1.5, 0))
        task = world.navigate("r0", Pose(7, 1.5, 0))
        watch_apart(world, [task])
        assert task.outcome == SUCCEEDED
        assert task.progress(world.robots["r0"].pose).recoveries == 0

    def test_crossing_ways_are_taken_in_turn(self) -> None:
        world = world_with(hall(6, 6), Pose(1, 3, 0), Pose(3, 1, math.pi / 2), Pose(5, 3.2, math.pi))
        goals = [Pose(5, 3, 0), Pose(3, 5, 0), Pose(1, 3.2, 0)]
        tasks = [world.navigate(f"r{i}", goal) for i, goal in enumerate(goals)]
        watch_apart(world, tasks)
        assert [t.outcome for t in tasks] == [SUCCEEDED] * 3

    def test_four_robots_fetch_and_carry_without_touching(self, library: Floor, waypoints: dict[str, Pose]) -> None:
        world = world_with(library, *(waypoints[f"SHELF-A{n}"] for n in (1, 3, 5, 7)))
        for trip in (("STUDY-1", "STUDY-B", "DESK-1", "RETURN-1"), ("DESK-2", "SHELF-B4", "STUDY-12", "CROSSING")):
            tasks = [world.navigate(f"r{i}", waypoints[code]) for i, code in enumerate(trip)]
            watch_apart(world, tasks)
            assert [t.outcome for t in tasks] == [SUCCEEDED] * 4


class TestDeterminism:
    @staticmethod
    def history(library: Floor, waypoints: dict[str, Pose], seed: int) -> list[str]:
        world = World(library, PARAMETERS, seed, people=3)
        for number in (1, 2, 3):
            world.add_robot(f"r{number}", world.fresh_state(f"DOCK-{number}"))
        prints = []
        for goals in (("CROSSING", "SHELF-B4", "DESK-1"), ("DESK-1", "CROSSING", "SHELF-A5")):
            for number, code in enumerate(goals, start=1):
                world.navigate(f"r{number}", waypoints[code])
            run_for(world, 20)
            prints.append(world.fingerprint())
        return prints

    def test_the_same_seed_gives_the_same_history_and_another_seed_another(
        self, library: Floor, waypoints: dict[str, Pose]
    ) -> None:
        first, again, other = (self.history(library, waypoints, seed) for seed in (7, 7, 8))
        assert first == again != other


def assert_within_limits(before: Twist, after: Twist) -> None:
    drive, dt = PARAMETERS.drive, STEP_NS / 1e9
    assert abs(after.linear) + abs(after.angular) * drive.wheel_base / 2 <= drive.wheel_speed + 1e-9
    assert abs(after.angular) <= drive.angular_speed
    # A bump stands the robot at once, as a wall does.
    if not after.is_zero:
        assert abs(after.linear) <= abs(before.linear) + drive.linear_acceleration * dt + 1e-9
        assert abs(after.angular - before.angular) <= drive.angular_acceleration * dt + 1e-9


def watch_apart(world: World, tasks: list, seconds: float = 400) -> None:
    """Run the tasks to their ends; robots never overlap and never bump."""
    for _ in range(round(seconds * 1e9) // STEP_NS):
        if all(t.outcome is not None for t in tasks):
            break
        world.step()
        robots = list(world.robots.values())
        for index, a in enumerate(robots):
            for b in robots[:index]:
                assert a.pose.distance_to(b.pose.x, b.pose.y) >= 2 * RADIUS
    assert all(r.bumps == 0 for r in world.robots.values())
