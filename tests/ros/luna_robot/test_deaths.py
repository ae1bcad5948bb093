"""kill -9 at the worst moments: nothing is lost, nothing happens twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from luna_interfaces.msg import DeliveryState

from tests.ros.luna_robot.conftest import LOAD, UNLOAD, World
from tests.ros.luna_robot.controller import same

S = DeliveryState


@pytest.fixture(autouse=True)
def idle(robot: World) -> Iterator[None]:
    yield
    robot.settle()


def restart(robot: World, name: str = "onboard") -> None:
    controller = robot.controller
    boot = controller.status.boot_id
    robot.processes.start(name)
    if name == "onboard":
        controller.wait(lambda: controller.status.boot_id != boot, 60.0, "a new boot")


def test_killed_while_waiting_it_waits_on_for_the_same_hand_over(robot: World):
    controller = robot.controller
    goal = robot.goal()
    controller.send(goal)
    seq = controller.wait_for_phase(S.PHASE_AWAITING_LOAD).handover_seq
    robot.processes.kill("onboard")
    restart(robot)
    status = controller.wait_for_phase(S.PHASE_AWAITING_LOAD, 60.0)
    assert status.handover_seq == seq
    controller.wait_ready()
    seen = controller.status.header.stamp.sec
    controller.wait(lambda: controller.status.header.stamp.sec > seen + 1, 20.0, "time passes")
    left = controller.call("get_delivery", delivery_id=goal.delivery_id).state.timeout_remaining
    assert 400.0 < left < 600.0, "what is left of the timer survives and runs on"
    again = controller.send(robot.goal(goal.delivery_id, boot_id=status.boot_id))
    controller.wait_ready()
    assert controller.took(controller.confirm(LOAD))
    controller.wait(lambda: controller.speed > 0.05, 60.0)
    robot.processes.kill("onboard")
    restart(robot)
    assert controller.status.cargo == S.CARGO_PRESENT
    controller.wait_for_phase(S.PHASE_AWAITING_UNLOAD)
    controller.confirm(UNLOAD)
    result = controller.call("get_delivery", delivery_id=goal.delivery_id).state
    assert result.outcome == S.OUTCOME_SUCCEEDED
    assert not again.done()
    robot.processes.kill("onboard")
    restart(robot)
    controller.wait_ready()
    assert same(controller.outcome(robot.goal(goal.delivery_id)), result)
    assert robot.story_of(goal.delivery_id).count("DONE") == 1


def test_a_dead_supervisor_locks_the_robot_until_it_is_back(robot: World):
    controller = robot.controller
    controller.send(robot.goal())
    controller.wait(lambda: controller.speed > 0.05, 60.0)
    robot.processes.kill("safety")
    controller.wait(lambda: controller.speed == 0.0, 20.0, "silence locks")
    controller.wait(lambda: "SAFETY_SILENT" in robot.faults, 20.0)
    restart(robot, "safety")
    controller.wait_for_phase(S.PHASE_AWAITING_LOAD)


def test_when_the_navigation_dies_the_robot_waits_for_it_and_drives_on(robot: World):
    controller = robot.controller
    controller.send(robot.goal())
    controller.wait(lambda: controller.speed > 0.05, 60.0)
    robot.processes.kill("sim")
    controller.wait(lambda: "NOT_LOCALIZED" in robot.faults, 60.0)
    robot.processes.start("sim")
    controller.wait_for_phase(S.PHASE_AWAITING_LOAD)


def test_a_restart_without_a_pose_awaits_recovery(robot: World):
    controller = robot.controller
    goal = robot.goal()
    controller.send(goal)
    controller.wait(lambda: controller.speed > 0.05, 60.0)
    robot.processes.kill("onboard")
    robot.processes.start("onboard", position_variance="1.0e-12", pose_grace="2.0")
    status = controller.wait_for_phase(S.PHASE_AWAITING_RECOVERY, 60.0)
    controller.stays(lambda: controller.speed == 0.0, 1.0, "moves without a pose")
    answer = controller.call("resolve_recovery", delivery_id=status.delivery_id, resolution=1)
    assert answer.error_code == S.ERROR_NOT_LOCALIZED
    robot.processes.kill("onboard")
    restart(robot)
    controller.wait_ready(besides=())
    answer = controller.call("resolve_recovery", delivery_id=status.delivery_id, resolution=1)
    assert controller.took(answer)
    controller.wait_for_phase(S.PHASE_AWAITING_LOAD)


def test_a_journal_that_is_gone_or_damaged_stops_the_robot_and_is_said(robot: World):
    controller = robot.controller
    journal = robot.processes.folder / "luna1" / "journal.sqlite3"
    aside = journal.rename(journal.with_name("aside"))
    assert controller.call("set_paused", paused=True).error_code == S.ERROR_JOURNAL
    controller.wait(lambda: "JOURNAL" in robot.faults and controller.locked, 20.0)
    aside.rename(journal)
    robot.processes.end("onboard")
    for leftover in journal.parent.glob("journal.sqlite3-*"):
        leftover.unlink()
    whole = journal.read_bytes()
    journal.write_bytes(b"this is no journal any more" * 1000)
    restart(robot)
    controller.wait(lambda: "JOURNAL" in robot.faults, 60.0)
    controller.wait(lambda: controller.locked, 20.0)
    assert controller.outcome(robot.goal()).error_code == S.ERROR_JOURNAL
    assert controller.call("set_paused", paused=True).error_code == S.ERROR_JOURNAL
    robot.processes.end("onboard")
    journal.write_bytes(whole)
    restart(robot)
    controller.wait_ready()


def test_everything_ends_cleanly_when_asked_to(robot: World):
    controller = robot.controller
    assert [robot.processes.end(name) for name in ("onboard", "safety")] == [0, 0]
    robot.processes.start("safety")
    restart(robot)
    controller.wait_ready()
