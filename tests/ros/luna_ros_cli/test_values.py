"""Messages from YAML and to YAML."""

from __future__ import annotations

import math
from typing import Any

import pytest
import yaml
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseStamped, PoseWithCovariance
from hypothesis import given
from hypothesis import strategies as st
from luna_interfaces.msg import Fault, RobotStatus
from sensor_msgs.msg import LaserScan

from luna_ros_cli.errors import CommandError
from luna_ros_cli.values import made, parse, text

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
# rclpy takes the largest float of 32 bits, rounded to ten digits, for a bound: the largest itself is beyond it.
FLOATS = st.floats(allow_nan=False, width=32).filter(lambda x: math.isinf(x) or abs(x) < 3.4028234e38)
FAULTS = st.builds(lambda code, severity: {"code": code, "severity": severity}, WORDS, st.integers(0, 255))
STATUSES = st.fixed_dictionaries(
    {},
    optional={
        "robot_name": WORDS,
        "epoch": st.integers(0, 2**64 - 1),
        "x": st.floats(allow_nan=False),
        "linear_velocity": FLOATS,
        "docked": st.booleans(),
        "faults": st.lists(FAULTS, max_size=3),
        "header": st.fixed_dictionaries({"frame_id": WORDS}),
    },
)


@given(STATUSES)
def test_what_is_written_is_read_back(values: dict[str, Any]) -> None:
    message = made(RobotStatus, values)
    again = made(RobotStatus, yaml.safe_load(text(message, None)))
    assert again == message


def test_values_that_yaml_reads_otherwise_than_they_are_meant() -> None:
    message = made(PoseStamped, parse("{header: auto, pose: {position: {x: 1}}}", "values"), Time(sec=5))
    assert (message.header.stamp.sec, message.pose.position.x) == (5, 1.0)
    assert made(Fault, {"code": 12}).code == "12"
    assert made(DiagnosticStatus, {"level": 2}).level == b"\x02"
    assert made(PoseWithCovariance, {"covariance": [1] * 36}).covariance[35] == 1.0


def test_what_is_long_is_cut_unless_asked_for() -> None:
    scan = LaserScan(ranges=[1.0] * 640)
    assert yaml.safe_load(text(scan))["ranges"][126:] == [1.0, 1.0, "..."]
    assert len(yaml.safe_load(text(scan, None))["ranges"]) == 640


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ("{faults: [{cod: X}]}", "faults[0].cod: Fault has no such field; near it: code"),
        ("{faults: {}}", "faults: a list is wanted"),
        ("{epoch: -1}", "epoch: -1 is no uint64"),
        ("{docked: 3}", "docked: 3 is no boolean"),
        ("{header: 5}", "header: a mapping of Header's fields is wanted"),
        ("{robot_name: [a]}", "robot_name: a text is wanted"),
        ("[1]", "values: a mapping is wanted"),
        ("{a: ", "values: not YAML"),
    ],
)
def test_a_wrong_value_is_named(values: str, why: str) -> None:
    with pytest.raises(CommandError) as caught:
        made(RobotStatus, parse(values, "values"))
    assert str(caught.value).startswith(why)
