"""Parameters as ROS knows them: a wrong one ends the start, a right one may change while the node runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
import rclpy
from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from luna_robot import onboard
from luna_robot.nodes.parameters import Parameters
from luna_robot.nodes.run import WRONG_PARAMETER
from luna_robot.parameters import TASK_EXECUTOR, battery_limits
from tests.domains import Domain


@pytest.fixture(scope="module")
def domain() -> Iterator[int]:
    with closing(Domain()) as domain:
        yield domain.number


@pytest.fixture
def node(domain: int) -> Iterator[Node]:
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain)
    node = Node("task_executor", namespace="luna1", context=context)
    yield node
    node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("attempts:=99", ("/waypoint_navigator", "attempts", "99", "a whole number from 1 to 20")),
        ("retry_pause:=2", ("retry_pause", "'2'", "a number with a decimal point from 0.0 to 60.0")),
        ("battery_reserve:=0.25", ("/task_executor", "battery_low 0.2", "battery_reserve 0.25", "battery_margin")),
    ],
)
def test_a_wrong_one_ends_the_start_and_is_named(
    domain: int,
    tmp_path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture,
    given: str,
    named: tuple[str, ...],
):
    monkeypatch.setenv("ROS_DOMAIN_ID", str(domain))
    words = ["onboard", "--ros-args", "-p", f"state_dir:={tmp_path}", "-p", given]
    assert onboard.main(words) == WRONG_PARAMETER
    said = capfd.readouterr().err
    assert all(word in said for word in named), said
    assert "Traceback" not in said


def test_a_change_is_taken_as_a_whole_or_refused(node: Node):
    adopted = []
    parameters = Parameters(node, TASK_EXECUTOR, battery_limits, adopted.append)
    assert parameters.settings.low == 0.20 and not adopted

    def set_(**values: object) -> SetParametersResult:
        return node.set_parameters_atomically([Parameter(name, value=value) for name, value in values.items()])

    refused = set_(battery_low=0.10)
    assert not refused.successful and "battery_reserve 0.12" in refused.reason
    assert not set_(battery_low=7.0).successful and not set_(battery_low=1).successful
    assert not set_(state_dir="/elsewhere").successful
    assert parameters.settings.low == 0.20 and not adopted
    assert set_(battery_low=0.10, battery_reserve=0.05, battery_empty=0.01).successful
    assert (parameters.settings.low, parameters["battery_empty"]) == (0.10, 0.01)
    assert adopted == [parameters.settings]
    assert node.describe_parameter("battery_low").read_only is False
    assert node.describe_parameter("lock_silence").read_only is True
