"""Faults: how they are read, when they hold, what they do to a robot on its way."""

import math
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from luna_floor.grid import Cell
from luna_sim.core.disc import Disc
from luna_sim.core.faults import ELSEWHERE, RULES, Fault, FaultError, Kind, parse_fault, parse_scenario
from luna_sim.core.floor import Floor
from luna_sim.core.geometry import Pose, Twist
from luna_sim.core.journeys import Missed
from luna_sim.core.obstacle_memory import ObstacleMemory
from luna_sim.core.outcome import SUCCEEDED, Code, Ending, Outcome
from luna_sim.core.robot import Lock
from luna_sim.core.task import Neighbour, Task
from luna_sim.core.world import World

from .conftest import hall, run_for, run_until_done, world_with

ROBOTS = ("r0", "r1")
START, GOAL = Pose(1.0, 2.0, 0.0), Pose(5.0, 2.0, 0.0)


def fault(kind: str, robot: str | None = "r0", **more: Any) -> Fault:
    return parse_fault({"fault": kind, **({"robot": robot} if robot else {}), **more}, ROBOTS)


def hit(world: World, kind: str, robot: str | None = "r0", **more: Any) -> None:
    world.faults.put(fault(kind, robot, **more))


@pytest.fixture(scope="module")
def room() -> Floor:
    return hall()


@pytest.fixture
def world(room: Floor) -> World:
    return world_with(room, START)


def entries() -> st.SearchStrategy[dict[str, Any]]:
    def of(kind: Kind) -> st.SearchStrategy[dict[str, Any]]:
        rule = RULES[kind]
        head: dict[str, Any] = {"fault": st.just(str(kind)), "at": st.floats(0, 1e6)}
        head |= {"robot": st.sampled_from(ROBOTS)} if rule.of_robot else {}
        head |= {} if rule.momentary else {"for": st.one_of(st.none(), st.floats(0, 1e6))}
        values: dict[str, Any] = {
            key: st.sampled_from(taken.words)
            if hasattr(taken, "words")
            else (st.integers(int(taken.least), int(taken.most)) if taken.whole else st.floats(taken.least, taken.most))
            for key, taken in rule.takes.items()
        }
        return st.fixed_dictionaries({**head, **values})

    return st.sampled_from(list(Kind)).flatmap(of)


class TestReading:
    @given(st.lists(entries(), max_size=4))
    def test_what_is_written_is_read_and_comes_in_the_order_of_time(self, written: list[dict[str, Any]]) -> None:
        read = parse_scenario(yaml.safe_dump(written), ROBOTS)
        assert [f.at for f in read] == sorted(float(entry["at"]) for entry in written)
        again = parse_scenario(yaml.safe_dump([f.entry() for f in read]), ROBOTS)
        assert again == read

    @pytest.mark.parametrize(
        ("entry", "complaint"),
        [
            ("LIFTED", "'LIFTED' is not a mapping such as {at: 12.5"),
            ({}, "fault: is missing; it is one of BLOCKED_AISLE"),
            ({"fault": "LIFTET"}, "fault: 'LIFTET' is not one of BLOCKED_AISLE"),
            ({"fault": "LINK_CUT"}, "fault: LINK_CUT is not within the simulator; ask for it with ./luna sim fault"),
            ({"fault": "LIFTED"}, "robot: is missing; it is one of r0, r1"),
            ({"fault": "LIFTED", "robot": "r7"}, "robot: 'r7' is not one of r0, r1"),
            ({"fault": "CLOCK_STEP", "robot": "r0", "seconds": 1}, "robot: CLOCK_STEP is of the whole floor"),
            ({"fault": "LIFTED", "robot": "r0", "height": 1}, "height: LIFTED takes no values beside fault, robot, at"),
            ({"fault": "SLOW", "robot": "r0"}, "factor: is missing (of the speed)"),
            ({"fault": "SLOW", "robot": "r0", "factor": 2}, "factor: 2 is not a number from 0.01 to 1 (of the speed)"),
            ({"fault": "SLOW", "robot": "r0", "factor": "half"}, "factor: 'half' is not a number"),
            ({"fault": "SLOW", "robot": "r0", "factor": math.nan}, "factor: nan is not a number"),
            ({"fault": "SLOW", "robot": "r0", "factor": True}, "factor: True is not a number"),
            ({"fault": "NAVIGATION_FAILURE", "robot": "r0", "code": 1.5}, "code: 1.5 is not a whole number from 0 to"),
            ({"fault": "NAVIGATION_FAILURE", "robot": "r0", "goal": "all"}, "goal: 'all' is not one of in_hand, next"),
            ({"fault": "BATTERY_DROP", "robot": "r0", "share": 0.1, "for": 3}, "for: BATTERY_DROP happens at once"),
            ({"fault": "BUMPER", "robot": "r0", "at": -1}, "at: -1 is not a number from 0"),
            ({"fault": "BUMPER", "robot": "r0", "for": "a minute"}, "for: 'a minute' is not a number"),
        ],
    )
    def test_what_is_wrong_is_named_with_what_would_be_right(self, entry: object, complaint: str) -> None:
        with pytest.raises(FaultError) as caught:
            parse_scenario(yaml.safe_dump([{"fault": "BUMPER", "robot": "r1"}, entry]), ROBOTS)
        assert str(caught.value).startswith(f"entry 2: {complaint}")

    def test_a_file_that_is_no_list_of_entries(self) -> None:
        for text, complaint in (("a: [", "not YAML: "), ("fault: LIFTED", "a scenario is a list of entries")):
            with pytest.raises(FaultError, match=complaint):
                parse_scenario(text, ROBOTS)
        assert parse_scenario("# nothing happens", ROBOTS) == ()

    def test_the_only_robot_need_not_be_named(self) -> None:
        assert parse_fault({"fault": "BUMPER"}, ("r0",)).robot == "r0"

    def test_faults_elsewhere_have_names_of_their_own(self) -> None:
        assert not set(ELSEWHERE) & set(Kind)


class TestPlace:
    @pytest.mark.parametrize(
        ("wrong", "complaint"),
        [
            ({"kind": "BLOCKED_AISLE", "robot": None, "x": 99, "y": 2}, "is outside the map"),
            ({"kind": "BLOCKED_AISLE", "robot": None, "x": 1.1, "y": 2}, "r0 is within 0.3 m of"),
            ({"kind": "MOVED", "x": 0.1, "y": 2}, "has no room for a robot"),
        ],
    )
    def test_where_there_is_no_place_nothing_happens(self, world: World, wrong: dict[str, Any], complaint: str) -> None:
        with pytest.raises(FaultError, match=complaint):
            hit(world, **wrong)
        assert not world.faults.holding

    def test_a_robot_that_is_not_there(self, world: World) -> None:
        with pytest.raises(FaultError, match="'r1' is not one of r0"):
            hit(world, "BUMPER", "r1")


class TestTime:
    def test_a_fault_begins_and_ends_when_it_was_to(self, world: World) -> None:
        hit(world, "SLOW", factor=0.5, at=1.0, **{"for": 2.0})
        robot, seen = world.robots["r0"], []
        for _ in range(4):
            seen.append((robot.impairment.speed, len(world.faults.waiting), len(world.faults.holding)))
            run_for(world, 1.02)
        assert seen == [(1.0, 1, 0), (0.5, 0, 1), (0.5, 0, 1), (1.0, 0, 0)]

    def test_clearing_ends_what_holds_and_forgets_what_waits(self, world: World) -> None:
        hit(world, "SLOW", factor=0.5)
        hit(world, "ESTOP_BUTTON")
        hit(world, "BLOCKED_AISLE", None, x=3, y=2)
        hit(world, "BUMPER", at=5.0)
        assert world.faults.clear() == 4
        robot = world.robots["r0"]
        assert (robot.impairment.speed, robot.locks, world.obstacles) == (1.0, frozenset(), ())
        assert world.faults.clear() == 0

    def test_a_step_of_the_clock_moves_nothing_else(self, world: World) -> None:
        before = world.time_ns = 10**12
        hit(world, "SLOW", factor=0.5, **{"for": 2.0})
        hit(world, "CLOCK_STEP", None, seconds=-100.0)
        assert world.time_ns == before - 100 * 10**9
        run_for(world, 2.1)
        assert not world.faults.holding
        hit(world, "CLOCK_STEP", None, seconds=-86400.0)
        assert world.time_ns == 0

    @settings(max_examples=30)
    @given(st.lists(entries(), max_size=6), st.integers(0, 200))
    def test_whatever_happens_it_is_over_when_cleared(self, room: Floor, written: list[Any], steps: int) -> None:
        world = world_with(room, START, Pose(3.0, 3.0, 0.0))
        world.time_ns = 10**15
        for entry in written:
            try:
                world.faults.put(parse_fault({**entry, "at": entry["at"] % 4.0}, ROBOTS))
            except FaultError:
                continue  # no place for it in this room
        world.navigate("r0", GOAL)
        for _ in range(steps):
            world.step()
        world.faults.clear()
        for robot in world.robots.values():
            assert room.clearance(robot.pose.x, robot.pose.y) >= robot.parameters.drive.radius - 0.02
            assert not robot.goal_failures and not robot.locks and robot.impairment.speed == 1.0
        assert not world.obstacles and not world.faults.holding and not world.faults.waiting


class TestOnTheWay:
    """What a robot that drives across the room does."""

    def test_an_obstacle_is_driven_around_and_a_blocked_way_given_up(self, world: World) -> None:
        hit(world, "BLOCKED_AISLE", None, x=3.0, y=2.0, radius=0.3)
        task = world.navigate("r0", GOAL)
        run_until_done(world, task)
        assert task.outcome is not None and task.outcome.ending is Ending.SUCCEEDED
        assert world.robots["r0"].bumps == 0
        hit(world, "BLOCKED_AISLE", None, x=3.0, y=2.0, radius=1.75)
        task = world.navigate("r0", START)
        run_until_done(world, task)
        assert task.outcome is not None and task.outcome.code == Code.FAILED_TO_MAKE_PROGRESS
        assert world.robots["r0"].bumps == 0

    def test_between_two_blocked_ways_it_does_not_drive_to_and_fro(self) -> None:
        floor = hall(4, 12)
        floor.grid.cells[:, 40:43] = Cell.OCCUPIED
        floor.grid.cells[20:40, 40:43] = floor.grid.cells[200:220, 40:43] = Cell.FREE
        world = world_with(Floor(floor.grid, None, ()), Pose(1, 4, 0))
        ways, robot, times_there = (1.5, 10.5), world.robots["r0"], [0, 0]
        for y in ways:
            hit(world, "BLOCKED_AISLE", None, x=2.1, y=y, radius=0.4)
        task, last = world.navigate("r0", Pose(3, 4, 0)), None
        while task.outcome is None and task.elapsed < 400.0:
            world.step()
            at = next((n for n, y in enumerate(ways) if abs(robot.pose.y - y) < 1.0), last)
            if at != last:
                times_there[at], last = times_there[at] + 1, at
        assert task.outcome is not None and task.outcome.code == Code.FAILED_TO_MAKE_PROGRESS
        # The first way, the other, and once more the first when the costmaps have been cleared.
        assert times_there in ([2, 1], [1, 1]) and robot.bumps == 0

    def test_what_was_seen_gone_or_cleared_is_not_planned_around(self) -> None:
        memory, here, far = ObstacleMemory(), Pose(0, 0, 0), Pose(20, 0, 0)
        shelf, robot = Neighbour(3, 0, 0, 0, 0.5, -1), Neighbour(1, 1, 0, 0, 0.2, 4, under_way=True)
        memory.look(here, (shelf, robot, Neighbour(2, 2, 0, 1.0, 0.2, -1)))
        memory.look(far, ())
        assert memory.discs(0.1) == (Disc(3, 0, 0.6), Disc(1, 1, pytest.approx(0.3)))
        assert memory.discs(0.0, only_staying=True) == (Disc(3, 0, 0.5),)
        memory.look(here, (shelf,))
        assert memory.discs(0.0) == (Disc(3, 0, 0.5),)
        memory.clear()
        assert memory.discs(0.0) == ()

    def test_only_a_goal_that_is_there_fails_now(self, world: World) -> None:
        with pytest.raises(FaultError, match="r0 has no goal in hand; goal=next makes the next one fail"):
            hit(world, "NAVIGATION_FAILURE")
        hit(world, "NAVIGATION_FAILURE", at=0.5)
        run_for(world, 1.0)
        task = world.navigate("r0", GOAL)
        run_for(world, 0.1)
        assert task.outcome is None and not world.faults.holding

    def test_each_action_fails_with_a_code_of_its_own(self, library: Floor) -> None:
        name, dock = next(iter(library.docks.items()))
        world = world_with(library, dock)
        staged = dock.ahead(-1.0)

        def failing(task: Task, code: int) -> Outcome | None:
            hit(world, "NAVIGATION_FAILURE", code=code)
            return task.outcome

        for code, told in ((208, 905), (902, 902), (0, 0)):
            outcome = failing(world.undock("r0", 30), code)
            assert outcome is not None and (outcome.ending, outcome.code) == (Ending.ABORTED, told), name
        run_until_done(world, world.undock("r0", 30))
        for code, told in ((105, 903), (904, 904)):
            outcome = failing(world.dock("r0", dock, drive_there=True, drive_time=60), code)
            assert outcome is not None and outcome.code == told
        for code, told in ((208, 308), (905, 105)):
            outcome = failing(world.navigate_through("r0", [staged.ahead(-0.5), staged]), code)
            assert outcome is not None and outcome.code == told
        rounds = world.follow_waypoints("r0", [staged.ahead(-0.3), staged])
        assert failing(rounds, 208) is None and rounds.missed == [Missed(0, 208)]
        run_until_done(world, rounds)
        assert rounds.outcome == SUCCEEDED and rounds.missed == [Missed(0, 208)]
        assert failing(world.follow_waypoints("r0", [staged]), 0) == Outcome(
            Ending.ABORTED, 0, "a fault of the simulation"
        )

    @pytest.mark.parametrize(("goal", "failing"), [("in_hand", [0, 1]), ("next", [1, 2])])
    def test_goals_fail_with_the_code(self, world: World, goal: str, failing: list[int]) -> None:
        tasks = [world.navigate("r0", GOAL)]
        run_for(world, 1.0)
        hit(world, "NAVIGATION_FAILURE", code=106, goal=goal, times=2)
        tasks += [world.navigate("r0", GOAL), world.navigate("r0", GOAL)]
        codes = [task.outcome.code if task.outcome else None for task in tasks]
        assert [number for number, code in enumerate(codes) if code == 106] == failing
        run_for(world, 0.1)
        assert not world.faults.holding

    def test_a_robot_that_stalls_or_is_lifted_stays_and_says_so(self, world: World) -> None:
        robot = world.robots["r0"]
        task = world.navigate("r0", GOAL)
        run_for(world, 2.0)
        for kind, lifted in (("MOTOR_STALL", False), ("LIFTED", True)):
            hit(world, kind, **{"for": 1.0})
            where = robot.pose
            run_for(world, 0.9)
            assert (robot.pose, robot.velocity, robot.impairment.lifted) == (where, Twist(0.0, 0.0), lifted)
            run_for(world, 1.0)
            assert robot.pose != where
        hit(world, "MOTOR_STALL")
        run_until_done(world, task)
        assert task.outcome is not None and task.outcome.code == Code.FAILED_TO_MAKE_PROGRESS

    def test_a_slow_one_is_slow_and_one_with_its_bumper_pressed_does_not_push(self, world: World) -> None:
        robot = world.robots["r0"]
        hit(world, "SLOW", factor=0.25)
        world.navigate("r0", GOAL)
        run_for(world, 3.0)
        assert robot.velocity.linear == pytest.approx(0.26 * 0.25)
        hit(world, "BUMPER")
        run_for(world, 1.0)
        assert (robot.bumped, robot.velocity.linear) == (True, 0.0)
        run_for(world, 2.0)
        assert not robot.bumped and robot.velocity.linear > 0.0

    def test_the_button_takes_the_power_and_a_drained_battery_the_charge(self, world: World) -> None:
        robot = world.robots["r0"]
        hit(world, "ESTOP_BUTTON", **{"for": 1.0})
        hit(world, "BATTERY_DROP", share=0.1)
        assert (robot.locks, robot.charge) == ({Lock.BASE}, pytest.approx(0.1))
        run_for(world, 1.1)
        assert not robot.locks

    def test_moved_by_hand_it_stands_elsewhere_and_odometry_saw_nothing(self, room: Floor) -> None:
        world = world_with(room, START, GOAL)
        robot = world.robots["r0"]
        believed, odometry = robot.localization.estimate, robot.odometry.pose
        hit(world, "MOVED", x=3.0, y=1.0, yaw=1.0)
        assert robot.impairment.lifted
        run_for(world, 2.1)
        assert not robot.impairment.lifted
        assert robot.pose == Pose(3.0, 1.0, 1.0)
        assert (robot.localization.estimate, robot.odometry.pose) == (believed, odometry)
        hit(world, "MOVED", x=GOAL.x, y=GOAL.y)
        run_for(world, 2.1)
        assert robot.pose == Pose(3.0, 1.0, 1.0), "another robot stands there"

    def test_the_localisation_is_lost_until_the_robot_is_given_its_pose(self, world: World) -> None:
        localization = world.robots["r0"].localization
        hit(world, "LOCALIZATION_LOST")
        assert localization.lost and not world.faults.holding
        localization.found(START)
        run_for(world, 1.0)
        assert not localization.lost

    def test_lifted_off_its_dock_it_does_not_charge(self, library: Floor) -> None:
        dock = next(iter(library.docks.values()))
        world = world_with(library, dock)
        robot = world.robots["r0"]
        assert robot.dock is not None
        hit(world, "LIFTED", **{"for": 1.0})
        assert robot.dock is None
        run_for(world, 1.1)
        assert robot.dock is not None
