"""The navigator's port, as both adapters keep it before the simulator's Nav2."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
import rclpy
from nav2_msgs.action import ComputePathToPose, DockRobot

from luna_robot.geometry import Pose
from luna_robot.navigation.action_drive import ANSWER_WITHIN
from luna_robot.navigation.lifecycle import SILENT_AFTER
from luna_robot.navigation.port import DriveStatus, Navigator
from luna_robot.parameters import WrongParameter
from tests.domains import Domain
from tests.ros.luna_robot.navigation_rig import Rig, Stack, start_ros
from tests.ros.luna_robot.processes import Processes

SPEED = 8.0
NEAR, FAR = Pose(3.5, 7.4, 0.0), Pose(6.8, 7.2, 0.0)
DOCK = Pose(0.65, 7.4, 3.141593)
OUTSIDE = Pose(99.0, 5.0, 0.0)
MISSING_COMMANDER = pytest.mark.skipif(
    importlib.util.find_spec("nav2_simple_commander") is None,
    reason="the package nav2_simple_commander (Nav2) is not installed",
)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """Ends with the module; the domain is the whole process's."""
    with closing(Domain()) as domain:
        start_ros(domain.number)
        with closing(Processes(tmp_path_factory.mktemp("contract"), domain.number, SPEED)) as processes:
            processes.start("sim")
            yield processes
        rclpy.try_shutdown()


@pytest.fixture(scope="module", params=["nav2_actions", pytest.param("simple_commander", marks=MISSING_COMMANDER)])
def shared(request: pytest.FixtureRequest, simulator: Processes) -> Iterator[Rig]:
    one = Rig(request.param)
    yield one
    one.close()


@pytest.fixture
def rig(shared: Rig) -> Iterator[Rig]:
    """Whatever a test asks is answered exactly once, in the thread that polls."""
    shared.until(lambda: not shared.navigator.missing(), 20.0, "the servers")
    yield shared
    assert shared.answer(shared.navigator.cancel_all)
    shared.late = 0.0
    shared.spin_for(0.3)
    assert [len(told.calls) for told in shared.told] == [1] * len(shared.told)
    assert set().union(*(told.threads for told in shared.told)) == {threading.get_ident()}
    shared.told.clear()


def test_it_drives_there_and_answers_questions_on_the_way(rig: Rig):
    navigator = rig.navigator
    arrived, drive = rig.asked(lambda done: navigator.go_to(FAR, done))
    rig.until(lambda: drive.progress.distance_remaining is not None, 10.0, "progress")
    first = drive.progress
    assert first.distance_remaining > 3.0 and first.time_remaining > 0.0 and first.recoveries == 0
    rig.until(rig.moving, 10.0, "driving")
    length = rig.answer(lambda done: navigator.path_length(NEAR, done))
    assert length is not None and length > 0.0
    assert rig.answer(lambda done: navigator.path_length(OUTSIDE, done)) is None
    rig.asked(lambda done: navigator.clear_costmaps(lambda: done(True)))
    rig.until(lambda: arrived.done or drive.progress.distance_remaining < 2.0, 30.0, "getting nearer")
    rig.until(lambda: arrived.done, 30.0, "the end")
    assert (arrived.answer.status, arrived.answer.error_code) == (DriveStatus.SUCCEEDED, 0)


def test_a_failure_says_why(rig: Rig):
    result = rig.answer(lambda done: rig.navigator.go_to(OUTSIDE, done))
    assert result.status is DriveStatus.FAILED and result.message
    assert result.error_code == ComputePathToPose.Result.GOAL_OUTSIDE_MAP


def test_it_ends_when_cancelled_however_early(rig: Rig):
    at_once, drive = rig.asked(lambda done: rig.navigator.go_to(NEAR, done))
    drive.cancel()
    rig.until(lambda: at_once.done, 10.0, "the end of what was hardly begun")
    on_the_way, drive = rig.asked(lambda done: rig.navigator.go_to(NEAR, done))
    rig.until(rig.moving, 10.0, "driving")
    drive.cancel()
    drive.cancel()
    rig.until(lambda: on_the_way.done, 10.0, "the end of what was begun")
    drive.cancel()
    assert [told.answer.status for told in (at_once, on_the_way)] == [DriveStatus.CANCELED] * 2


def test_who_sends_the_newest_goal_has_the_robot(rig: Rig):
    """Another client takes it over; this one takes it back; all goals end at once, whoever sent them."""
    navigator = rig.navigator
    mine, _ = rig.asked(lambda done: navigator.go_to(NEAR, done))
    rig.until(rig.moving, 10.0, "driving")
    others = rig.other_client_drives(FAR)
    rig.until(lambda: mine.done, 10.0, "the end of what was taken over")
    assert (mine.answer.status, mine.answer.error_code) == (DriveStatus.PREEMPTED, 0)
    second, _ = rig.asked(lambda done: navigator.go_to(FAR, done))
    third, _ = rig.asked(lambda done: navigator.go_to(NEAR, done))
    rig.until(lambda: second.done and others.done(), 10.0, "the end of both older goals")
    assert second.answer.status is DriveStatus.PREEMPTED
    assert not third.done
    rig.until(rig.moving, 10.0, "driving")
    assert rig.answer(navigator.cancel_all) is True
    rig.until(lambda: third.done, 10.0, "the end of all")
    assert third.answer.status is DriveStatus.CANCELED


def test_nav2_docks_and_undocks(rig: Rig):
    go_round_the_dock(rig, rig.navigator)
    failed = rig.answer(lambda done: rig.navigator.dock(OUTSIDE, done))
    assert (failed.status, failed.error_code) == (DriveStatus.FAILED, DockRobot.Result.FAILED_TO_STAGE)


def test_the_base_docks_and_undocks(rig: Rig):
    navigator = rig.with_create3_docking()
    polling = rig.node.create_timer(0.05, lambda: navigator.poll(rig.now))
    # A base that has just been discovered may not know its clients yet, and what it answers them is lost: first it is
    # asked for what it can't do, far from its dock, until it says so.
    for ask in (lambda done: navigator.dock(FAR, done), navigator.undock):
        rig.until(lambda ask=ask: rig.answer(ask).status is DriveStatus.FAILED, 30.0, "the base answers")
    go_round_the_dock(rig, navigator)
    failed = rig.answer(navigator.undock)
    assert failed.status is DriveStatus.FAILED and failed.message, "an ABORTED of the base is a failure"
    told, approach = rig.asked(lambda done: navigator.dock(FAR, done))
    rig.until(rig.moving, 10.0, "driving to the dock")
    approach.cancel()
    rig.until(lambda: told.done, 10.0, "the end of the approach")
    assert told.answer.status is DriveStatus.CANCELED
    assert rig.answer(navigator.cancel_all) is True
    rig.node.destroy_timer(polling)


def go_round_the_dock(rig: Rig, navigator: Navigator) -> None:
    """Onto the dock and off it."""
    for ask in (lambda done: navigator.dock(DOCK, done), navigator.undock):
        result = rig.answer(ask, 60.0)
        assert (result.status, result.error_code) == (DriveStatus.SUCCEEDED, 0)


def test_servers_that_die_and_come_back(rig: Rig, simulator: Processes):
    """Nothing waits for ever: each question has its deadline, and a drive that is cancelled is lost."""
    navigator = rig.navigator
    lost, drive = rig.asked(lambda done: navigator.go_to(FAR, done))
    rig.until(lambda: drive.progress.distance_remaining is not None, 10.0, "a drive")
    simulator.end("sim")
    rig.until(navigator.missing, 20.0, "the servers are missed")
    drive.cancel()
    absent = [rig.asked(lambda done: navigator.go_to(NEAR, done))[0]]
    absent += [rig.asked(lambda done: navigator.dock(DOCK, done))[0], rig.asked(navigator.undock)[0]]
    length, _ = rig.asked(lambda done: navigator.path_length(NEAR, done))
    rig.asked(lambda done: navigator.clear_costmaps(lambda: done(True)))
    rig.spin_for(0.3)
    assert not lost.done and not any(told.done for told in (*absent, length))
    rig.late += 20.0
    rig.until(lambda: all(told.done for told in rig.told), 20.0, "all deadlines")
    assert {told.answer.status for told in (lost, *absent)} == {DriveStatus.LOST}
    assert length.answer is None
    assert rig.answer(navigator.cancel_all) is True, "a server that is not there drives nothing"
    simulator.start("sim")
    rig.until(lambda: not navigator.missing(), 20.0, "the servers again")
    # A server that has just been discovered may not know its client yet: such a goal is lost, and asked for again.
    rig.until(lambda: rig.answer(lambda done: navigator.go_to(OUTSIDE, done)).error_code, 20.0, "a goal is taken")


def test_its_end_waits_for_nobody(shared: Rig, request: pytest.FixtureRequest):
    """The quickest of several counts: a busy machine takes its time for anything."""

    def ended_after() -> float:
        one = Rig(request.node.callspec.params["shared"], namespace="nobody")
        one.asked(lambda done: one.navigator.go_to(NEAR, done))
        one.asked(lambda done: one.navigator.path_length(NEAR, done))
        one.spin_for(0.3)
        assert one.navigator.missing() == ("navigate_to_pose",)
        return one.close()

    assert any(ended_after() < ANSWER_WITHIN - 1.0 for _ in range(3))


def test_a_server_that_is_not_active_is_waited_for(shared: Rig, request: pytest.FixtureRequest):
    """After its death Nav2's navigator offers its action again long before it takes goals."""
    one, stack = Rig(request.node.callspec.params["shared"], namespace="stack"), Stack("stack")
    one.beside(stack.node)

    def go() -> DriveStatus:
        return one.answer(lambda done: one.navigator.go_to(NEAR, done)).status

    one.until(lambda: one.navigator.missing() == ("bt_navigator (inactive)",), 20.0, "it says that it is not active")
    one.until(lambda: go() is DriveStatus.NOT_READY, 20.0, "what it refuses is no failure")
    stack.activate()
    one.until(lambda: not one.navigator.missing(), 20.0, "it is active")
    assert go() is DriveStatus.SUCCEEDED
    stack.falls = True
    assert go() is DriveStatus.NOT_READY, "nobody has taken it over"
    stack.activate()
    stack.refuses = True
    assert go() is DriveStatus.FAILED
    one.late += SILENT_AFTER
    one.until(one.navigator.missing, 20.0, "its silence counts")
    one.until(lambda: not one.navigator.missing(), 20.0, "it speaks again")
    stack.tell_no_more()
    stack.refuses, stack.state.id = False, 0
    one.spin_for(0.5)
    assert one.navigator.missing() == () and go() is DriveStatus.FAILED
    one.close()
    stack.node.destroy_node()


def test_a_way_that_there_is_not_is_named(simulator: Processes):
    with pytest.raises(WrongParameter, match=r"parameter navigation is 'by_foot', must be nav2_actions or simple_comm"):
        Rig("by_foot")
