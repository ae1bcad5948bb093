"""The emergency stop, with real processes."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from action_msgs.msg import GoalStatus
from geometry_msgs.msg import TwistStamped
from luna_interfaces.msg import DeliveryState, RobotStatus, Waypoint

from luna_robot.safety.latch import Latch, load_latch, save_latch
from luna_ros_cli.__main__ import main as luna_ros_main
from luna_ros_cli.session import Session
from tests.ros.luna_robot.conftest import DESK, LOAD, UNLOAD, World
from tests.ros.luna_robot.controller import stop
from tests.ros.luna_robot.processes import ROOT

S = DeliveryState


@pytest.fixture(autouse=True)
def idle(robot: World) -> Iterator[None]:
    yield
    robot.settle()


def engage(robot: World, estop_id: str):
    return robot.controller.call("set_emergency_stop", engage=True, estop_id=estop_id, reason="test", by="staff")


def resume(robot: World, estop_id: str) -> bool:
    controller = robot.controller
    return controller.took(controller.call("resume", estop_id=estop_id))


def release(robot: World, estop_id: str):
    return robot.controller.call("set_emergency_stop", engage=False, estop_id=estop_id, by="staff")


def test_in_mid_drive_it_holds_through_restarts_until_released_and_resumed(robot: World):
    controller = robot.controller
    controller.send(robot.goal())
    estop_id = soon_stopped(robot)
    controller.wait(lambda: controller.status.suspended and controller.status.estop_id == estop_id, 20.0)
    assert controller.status.mode == RobotStatus.MODE_ESTOPPED

    for name in ("onboard", "safety"):
        robot.processes.kill(name)
    boot = controller.status.boot_id
    robot.processes.start("safety")
    robot.processes.start("onboard")
    controller.wait(lambda: controller.status.boot_id != boot, 60.0)
    controller.wait(lambda: controller.status.estopped and controller.status.estop_reason == "test", 60.0)
    controller.stays(lambda: controller.speed == 0.0, 2.0, "moves while stopped")

    assert release(robot, "another").error_code == S.ERROR_WRONG_ESTOP
    assert controller.call("resume", estop_id=estop_id).error_code == S.ERROR_SUSPENDED
    assert controller.took(release(robot, estop_id))
    controller.wait(lambda: controller.status.mode == RobotStatus.MODE_SUSPENDED, 20.0)
    controller.stays(lambda: controller.speed == 0.0, 2.0, "moves before it is resumed")
    assert controller.call("resume", estop_id="another").error_code == S.ERROR_WRONG_ESTOP
    assert resume(robot, estop_id)
    controller.wait_for_phase(S.PHASE_AWAITING_LOAD)


def soon_stopped(robot: World) -> str:
    """Stopped in mid-drive, standing within half a second of the call. That stop's name.

    On a busy machine the call itself may take longer: one of several stops must do.
    """
    controller = robot.controller
    for estop_id in ("e1", "e2", "e3", "e4"):
        controller.wait(lambda: controller.speed > 0.2, 60.0, "drives")
        asked = time.monotonic()
        answer = engage(robot, estop_id)
        controller.wait(lambda: controller.speed == 0.0, 20.0, "zero velocity")
        stood_after = time.monotonic() - asked
        assert controller.took(answer) and answer.estop_id == estop_id
        if stood_after < 0.5:
            return estop_id
        go_on(robot, estop_id)
    raise AssertionError("it never stood within half a second")


def go_on(robot: World, estop_id: str) -> None:
    """Somebody releases the stop and lets the robot drive on."""
    controller = robot.controller
    controller.wait(lambda: controller.status.suspended and controller.status.estop_id == estop_id, 20.0)
    assert controller.took(release(robot, estop_id))
    controller.wait(lambda: not controller.status.estopped, 20.0)
    assert resume(robot, estop_id)


def test_two_stops_are_released_each_by_its_own_name_and_whoever_resumes_may_send_it_at_once(robot: World):
    controller = robot.controller
    engage(robot, "a")
    engage(robot, "b")
    assert release(robot, "a").estop_id == "b"
    controller.wait(lambda: controller.status.estopped and controller.status.estop_id == "b", 20.0)
    assert release(robot, "b").estop_id == ""
    assert release(robot, "b").verdict == 1
    controller.wait(lambda: not controller.status.estopped, 20.0)
    here = stop("", controller.status.x, controller.status.y, controller.status.yaw).pose
    assert controller.navigate(20.0, pose=here).error_code == S.ERROR_SUSPENDED
    assert resume(robot, "b")
    assert controller.navigate(60.0, pose=here).error_code == S.ERROR_NONE


def test_a_stop_that_came_and_went_while_the_nodes_were_away_suspends_them(robot: World):
    controller = robot.controller
    controller.send(robot.goal())
    controller.wait(lambda: controller.speed > 0.05, 60.0)
    robot.processes.kill("onboard")
    engage(robot, "missed")
    release(robot, "missed")
    boot = controller.status.boot_id
    robot.processes.start("onboard")
    controller.wait(lambda: controller.status.boot_id != boot and controller.status.suspended, 60.0)
    controller.stays(lambda: controller.speed == 0.0, 1.0, "moves while suspended")
    assert resume(robot, "missed")
    controller.wait_for_phase(S.PHASE_AWAITING_LOAD)


def test_confirmations_are_taken_without_motion(robot: World):
    controller = robot.controller
    result = controller.send(robot.goal())
    controller.wait_for_phase(S.PHASE_AWAITING_LOAD)
    engage(robot, "c")
    controller.wait(lambda: controller.status.suspended, 20.0)
    assert controller.confirm(LOAD).state.phase == S.PHASE_TO_DROPOFF
    controller.stays(lambda: controller.speed == 0.0, 1.0, "moves while stopped")
    release(robot, "c")
    controller.wait(lambda: not controller.status.estopped, 20.0)
    controller.call("resume", estop_id="c")
    controller.wait_for_phase(S.PHASE_AWAITING_UNLOAD)
    controller.confirm(UNLOAD)
    assert controller.state_of(result, 60.0).outcome == S.OUTCOME_SUCCEEDED


def test_locked_it_does_not_even_follow_a_joystick(robot: World):
    controller = robot.controller
    engage(robot, "d")
    push = TwistStamped()
    push.twist.linear.x = 0.2

    def still() -> bool:
        controller.cmd_vel.publish(push)
        return controller.speed == 0.0

    controller.stays(still, 1.0, "moves while stopped")
    release(robot, "d")
    controller.wait(lambda: not controller.status.estopped, 20.0)
    assert resume(robot, "d")


def test_an_operators_own_goal_does_not_go_on_after_the_stop(robot: World):
    controller = robot.controller
    result = controller.operator_goal(12.0, 8.5)
    controller.wait(lambda: controller.speed > 0.05, 60.0)
    engage(robot, "o")
    release(robot, "o")
    controller.wait(lambda: controller.status.suspended and not controller.status.estopped, 20.0)
    assert resume(robot, "o")
    assert controller.ending_of(result) == GoalStatus.STATUS_CANCELED
    controller.stays(lambda: controller.speed == 0.0, 1.0, "drives on by itself")


def test_power_that_a_killed_supervisor_took_is_given_back(robot: World):
    """The supervisor dies between a release that is on its disk and the base's answer that the motors have power."""
    controller = robot.controller
    engage(robot, "p")
    controller.wait(lambda: controller.status.suspended, 20.0)
    wait_for(lambda: latched(robot).power_taken, "the power's state on the disk")
    robot.processes.kill("safety")
    save_latch(latch_file(robot), replace(latched(robot), stops=(), released="p"))
    robot.processes.start("safety")
    controller.wait(lambda: controller.status.suspended and not controller.status.estopped, 60.0)
    assert resume(robot, "p")
    controller.send(robot.goal())
    controller.wait_for_phase(S.PHASE_AWAITING_LOAD)
    wait_for(lambda: not latched(robot).power_taken, "the power given back, on the disk")


def test_what_drives_too_fast_or_into_a_zone_is_stopped_until_a_person_has_seen_to_it(robot: World):
    """The supervisor is told of a lower limit, and of a mask that forbids the whole floor."""
    controller = robot.controller
    controller.send(robot.goal())
    controller.wait(lambda: controller.speed > 0.2, 60.0)
    robot.processes.end("safety")
    robot.processes.start("safety", speed_limit="0.1", speed_margin="0.02")
    released_from(robot, "OVERSPEED")
    # Not let go on before this supervisor has ended: it would be stopped once more.
    robot.processes.end("safety")
    mask = robot.processes.folder / "everywhere.yaml"
    mask.write_text("{image: everywhere.pgm, resolution: 100.0, origin: [-10, -10, 0]}")
    mask.with_suffix(".pgm").write_bytes(b"P5 1 1 255 \x00")
    robot.processes.start("safety", keepout_mask=str(mask))
    assert resume(robot, released_from(robot, "KEEPOUT"))
    robot.processes.end("safety")
    robot.processes.start("safety")
    controller.wait_for_phase(S.PHASE_AWAITING_LOAD)


def released_from(robot: World, code: str) -> str:
    """Stopped for that, until somebody releases the stop; its name."""
    controller = robot.controller
    controller.wait(lambda: controller.status.estop_id.startswith(code), 60.0, code)
    controller.wait(lambda: controller.status.estopped and code in robot.faults, 20.0, code)
    controller.wait(lambda: controller.speed == 0.0, 20.0, "stands still")
    estop_id = controller.status.estop_id
    assert controller.took(release(robot, estop_id))
    controller.wait(lambda: not controller.status.estopped and code not in robot.faults, 20.0)
    return estop_id


def latch_file(robot: World) -> Path:
    return robot.processes.folder / "luna1" / "safety.json"


def latched(robot: World) -> Latch:
    return load_latch(latch_file(robot), time.time_ns())


def wait_for(look: Callable[[], object], what: str, deadline: float = 20.0) -> None:
    end = time.monotonic() + deadline
    while not look():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def test_the_runbook_at_the_robot_works_as_printed(
    robot: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Each `./luna ros` command of docs/robot.md, in its order; one session has found the robot for all of them."""
    place = Waypoint(location_code="DESK-1", name="Service desk", pose=stop(**DESK).pose.pose)
    robot.controller.call("set_waypoints", map_id="library", version=1, waypoints=[place])
    monkeypatch.setenv("ROS_DOMAIN_ID", str(robot.controller.context.get_domain_id()))
    with Session(quiet=0.5) as session:
        session.types_of("action", "/luna1/navigate_to_waypoint")
        said = [(words, luna_ros(words, session, capsys)) for words in runbook()]

    told = {tuple(words[:3]): out for words, out in said}
    assert "robot_name: luna1\n" in told["topic", "echo", "/luna1/status"]
    assert "name: 'luna1: battery'" in told["topic", "echo", "/diagnostics"]
    assert "/luna1/safety_supervisor\n" in told["node", "list"]
    assert "error_code: 0\n" in told["action", "send_goal", "/luna1/navigate_to_waypoint"]
    assert "estop_id: aisle-3\n" in told["topic", "echo", "/luna1/safety_state"]
    assert "verdict=0" in told["service", "call", "/luna1/resume"]
    assert "entries=[luna_interfaces.msg.JournalEntry(seq=1," in told["service", "call", "/luna1/get_journal"]
    assert not robot.controller.status.suspended


def runbook() -> list[list[str]]:
    """Words of the commands that stand in the page's blocks of shell."""
    blocks = re.findall(r"^```bash\n(.*?)^```", (ROOT / "docs" / "robot.md").read_text(), re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line) for block in blocks for line in block.splitlines()]
    assert all(line[:2] == ["./luna", "ros"] for line in lines)
    return [line[2:] for line in lines]


def luna_ros(words: Sequence[str], session: Session, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    code = luna_ros_main(words, lambda *_: nullcontext(session))
    said = capsys.readouterr()
    assert code == 0, (words, said)
    return said.out
