"""Faults and the speed of time as ROS sees them: one simulator, one story."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from action_msgs.msg import GoalStatus
from irobot_create_msgs.msg import HazardDetection, HazardDetectionVector, KidnapStatus
from luna_sim_msgs.srv import InjectFault
from nav2_msgs.action import NavigateToPose
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from std_msgs.msg import String
from std_srvs.srv import Trigger

from luna_floor.model import Waypoint
from luna_sim.faulting import entry_of, listed

from .conftest import Client, SimulatorProcess, pose_at
from .test_simulator import LATCHED

SCENARIO = "- {at: 0, fault: BUMPER, for: 1000}\n- {at: 900, fault: SLOW, factor: 0.5}\n"


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[SimulatorProcess]:
    file = tmp_path / "scenario.yaml"
    file.write_text(SCENARIO)
    process = SimulatorProcess(tmp_path, more=("--scenario", str(file)))
    yield process
    process.kill()


def inject(client: Client, kind: str, robot: str = "", duration: float = 0.0, values: str = "") -> Any:
    request = InjectFault.Request(kind=kind, robot=robot, duration=duration, values=values)
    return client.call(InjectFault, "/luna_sim/inject_fault", request)


def seconds(clock: Clock) -> float:
    return float(clock.clock.sec + clock.clock.nanosec / 1e9)


def test_faults_show_on_the_topics_and_are_listed_until_they_are_over(
    simulator: SimulatorProcess, client: Client, waypoints: dict[str, Waypoint]
) -> None:
    client.keep_unlocked()
    told = client.listen(String, "/luna_sim/state", LATCHED)
    hazards = client.listen(HazardDetectionVector, "hazard_detection")
    kidnapped = client.listen(KidnapStatus, "kidnap_status")
    clock = client.listen(Clock, "/clock")

    def state() -> Any:
        return json.loads(told.last.data)

    def detected() -> set[int]:
        return {hazard.type for hazard in hazards.last.detections} if hazards.last else set()

    client.until(lambda: told.last and detected() == {HazardDetection.BUMP}, why="the scenario's first fault")
    assert [(f["fault"], f["holds"]) for f in state()["faults"]] == [("BUMPER", True), ("SLOW", False)]
    assert "SLOW at=900.0 robot=luna1 factor=0.5  (waits)" in listed(state())
    assert client.call(Trigger, "/luna_sim/clear_faults", Trigger.Request()).message == "2 faults cleared"
    client.until(lambda: detected() == set() and not state()["faults"], why="all clear")

    wrong = inject(client, "SLOW", "luna1", values="{factor: 7}")
    assert state()["newest"] == 0, "the scenario's faults nobody asked for"
    assert (wrong.success, wrong.message) == (False, "factor: 7 is not a number from 0.01 to 1 (of the speed)")
    assert "'luna9' is not one of luna1" in inject(client, "LIFTED", "luna9").message
    assert "values: 'x' is not a mapping" in inject(client, "LIFTED", values="x").message

    goal = NavigateToPose.Goal(pose=pose_at(waypoints["STUDY-7"]))
    drive = client.send(NavigateToPose, "navigate_to_pose", goal)
    client.until(client.moving, why="driving")
    assert inject(client, "NAVIGATION_FAILURE", values="{code: 106}").success
    answer = client.result_of(drive.get_result_async())
    assert (answer.status, answer.result.error_code) == (GoalStatus.STATUS_ABORTED, 106)

    assert inject(client, "MOTOR_STALL", duration=1000.0).success
    client.until(lambda: detected() == {HazardDetection.STALL}, why="stalled")
    client.until(lambda: [f.get("for") for f in state()["faults"]] == [1000.0], why="told for how long")
    assert client.call(Trigger, "/luna_sim/clear_faults", Trigger.Request()).success
    client.until(lambda: not detected(), why="turning again")
    assert inject(client, "LIFTED", duration=1000.0).success
    client.until(lambda: kidnapped.last.is_kidnapped, why="lifted")
    client.until(lambda: detected() == {HazardDetection.WHEEL_DROP}, why="its wheels dropped")
    assert client.call(Trigger, "/luna_sim/clear_faults", Trigger.Request()).success
    client.until(lambda: not kidnapped.last.is_kidnapped, why="put down")

    before = seconds(clock.last)
    stepped = inject(client, "CLOCK_STEP", values="{seconds: -1000}")
    client.until(lambda: state()["newest"] == stepped.number, why="told that it was asked for")
    client.until(lambda: seconds(clock.last) < before - 900, why="the clock set back")
    heard = len(client.odom.messages)
    client.until(lambda: len(client.odom.messages) > heard, why="odometry all the same")
    assert inject(client, "BASE_SILENT").success
    client.until_quiet(client.odom, "no more odometry")

    change = SetParameters.Request(parameters=[Parameter("speed", value=2.0).to_parameter_msg()])
    assert client.call(SetParameters, "/luna_sim/set_parameters", change).results[0].successful
    client.until(lambda: 1.0 < state()["speed"]["reached"] < 2.3, why="the speed reached")
    assert state()["speed"]["asked"] == 2.0
    assert client.call(Trigger, "/luna_sim/clear_faults", Trigger.Request()).success
    change.parameters[0].value.double_value = 0.1
    assert client.call(SetParameters, "/luna_sim/set_parameters", change).results[0].successful
    client.until(lambda: state()["speed"]["asked"] == 0.1, why="the lower speed")
    # LUNA's nodes take a robot for lost whose frames they have not heard for 1.5 s of the clock on the wall. One of
    # several such times must do: on a busy machine everything comes late.
    assert any(odometry_within(client, 1.6) >= 2 for _ in range(5))
    change.parameters[0].value.double_value = 1000.0
    assert not client.call(SetParameters, "/luna_sim/set_parameters", change).results[0].successful


def odometry_within(client: Client, seconds: float) -> int:
    heard = len(client.odom.messages)
    client.for_(seconds)
    return len(client.odom.messages) - heard


def test_words_of_the_command_become_an_entry() -> None:
    entry = entry_of("MOVED", ["luna1", "x=1.5", "y=2", "for=3"])
    assert entry == {"fault": "MOVED", "robot": "luna1", "x": 1.5, "y": 2, "for": 3}
