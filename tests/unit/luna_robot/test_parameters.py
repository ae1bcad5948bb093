"""Parameters of the onboard nodes: what is right, what is refused, and with which words."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

import luna_robot
from luna_robot import parameters as p
from luna_robot.battery import BatteryLimits
from luna_robot.delivery.events import Policy
from luna_robot.navigation.driver import RetryPolicy
from luna_robot.navigation.localization import LocalizationLimits

NODES = {
    "waypoint_navigator": p.WAYPOINT_NAVIGATOR,
    "task_executor": p.TASK_EXECUTOR,
    "status_publisher": p.STATUS_PUBLISHER,
    "safety_supervisor": p.SAFETY_SUPERVISOR,
}
EXECUTOR = {one.name: one.default for one in p.TASK_EXECUTOR}
NAVIGATOR = {one.name: one.default for one in p.WAYPOINT_NAVIGATOR}


def listed(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def test_the_file_holds_every_parameter_with_its_default():
    file = yaml.safe_load((Path(luna_robot.__file__).parent / "config" / "robot.yaml").read_text())
    defaults = {node: {one.name: listed(one.default) for one in table} for node, table in NODES.items()}
    assert {node.removeprefix("/**/"): told["ros__parameters"] for node, told in file.items()} == defaults
    for node, table in NODES.items():
        p.check(table, defaults[node])


def test_the_defaults_are_those_of_the_cores():
    assert asdict(p.retry_policy(NAVIGATOR)) == asdict(RetryPolicy())
    assert asdict(p.localization_limits(NAVIGATOR)) == asdict(LocalizationLimits())
    assert asdict(p.delivery_policy(EXECUTOR)) == asdict(Policy())
    assert asdict(p.battery_limits(EXECUTOR)) == asdict(BatteryLimits())


@pytest.mark.parametrize("value", [0, 21, 2.0, True, "3", None])
def test_a_wrong_value_is_named_with_what_would_be_right(value: object):
    attempts = p.WAYPOINT_NAVIGATOR[0]
    with pytest.raises(p.WrongParameter) as raised:
        attempts.check(value)
    assert f"parameter attempts is {value!r}, must be a whole number from 1 to 20" in str(raised.value)


@pytest.mark.parametrize("value", [-0.1, 60.1, float("nan"), float("inf"), 2])
def test_numbers_are_finite_and_within_their_range(value: float):
    with pytest.raises(p.WrongParameter, match=r"from 0\.0 to 60\.0"):
        p.WAYPOINT_NAVIGATOR[1].check(value)


@pytest.mark.parametrize(
    "changed", [{"battery_low": 0.13}, {"battery_reserve": 0.08}, {"battery_empty": 0.3}, {"battery_margin": 0.08}]
)
def test_levels_of_the_battery_must_be_in_order_and_apart(changed: dict[str, float]):
    with pytest.raises(p.WrongParameter, match=r"battery_low .* battery_reserve .* battery_empty .* battery_margin"):
        p.battery_limits({**EXECUTOR, **changed})


@pytest.mark.parametrize("lacking", p.ONBOARD)
def test_no_node_can_be_left_unwatched(lacking: str):
    values = {one.name: listed(one.default) for one in p.SAFETY_SUPERVISOR}
    p.supervision({**values, "nodes": [*p.ONBOARD, "another"]})
    with pytest.raises(p.WrongParameter, match=f"parameter nodes .* lacks {lacking}"):
        p.supervision({**values, "nodes": [node for node in p.ONBOARD if node != lacking]})


def test_what_says_who_the_robot_is_and_when_it_stands_still_is_read_once():
    fixed = {one.name for table in NODES.values() for one in table if not one.changeable}
    assert {"robot_name", "state_dir", "map_id", "nodes", "heartbeat_silence", "lock_silence"} <= fixed
    assert not any(one.changeable for one in p.SAFETY_SUPERVISOR)
