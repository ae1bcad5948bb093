"""What `/diagnostics` and RViz are told."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

from luna_robot import diagnostics, markers
from luna_robot.diagnostics import Level
from luna_robot.faults import Severity
from luna_robot.geometry import Pose
from luna_robot.status import Mode
from luna_robot.waypoints import Waypoint, WaypointTable


def told(*faults: tuple[str, Severity], **changes: Any) -> Any:
    """What RobotStatus says of an idle robot that is well."""
    idle = {
        "robot_name": "luna1", "boot_id": "b", "journal_id": "j", "journal_seq": 7, "epoch": 3, "mode": Mode.IDLE,
        "x": 1.0, "y": 2.0, "yaw": 0.0, "nearest_waypoint": "DESK-1", "map_id": "library", "waypoints_version": 1,
        "battery_percentage": 0.9, "charging": False, "docked": False, "estopped": False, "estop_id": "",
        "estop_reason": "", "estop_by": "", "suspended": False, "localized": True, "link_up": True, "cargo": 0,
        "delivery_id": "", "attempt": 0, "phase": 0, "destination": "", "distance_remaining": math.nan,
        "software_version": "1",
    }  # fmt: skip
    listed = [SimpleNamespace(code=code, severity=severity, text="so it is") for code, severity in faults]
    return SimpleNamespace(**{**idle, **changes}, faults=listed)


def level(name: str, status: Any) -> Level:
    return next(check.level for check in diagnostics.checks(status) if check.name == name)


def test_a_robot_that_is_well_is_all_right() -> None:
    assert set(diagnostics.levels(diagnostics.checks(told()))) == {Level.OK}


@pytest.mark.parametrize(
    ("fault", "check", "shown"),
    [
        (("TASK_EXECUTOR_SILENT", Severity.CRITICAL), "task_executor", Level.STALE),
        (("NAVIGATION_NOT_READY", Severity.CRITICAL), "waypoint_navigator", Level.ERROR),
        (("SAFETY_SILENT", Severity.CRITICAL), "safety_supervisor", Level.STALE),
        (("BUMP", Severity.CRITICAL), "safety_supervisor", Level.ERROR),
        (("JOURNAL", Severity.FATAL), "journal", Level.ERROR),
        (("LINK_DOWN", Severity.URGENT), "link", Level.WARN),
        (("BATTERY_LOW", Severity.URGENT), "battery", Level.WARN),
        (("KIDNAPPED", Severity.FATAL), "localisation", Level.ERROR),
    ],
)
def test_a_fault_shows_in_one_check(fault: tuple[str, Severity], check: str, shown: Level) -> None:
    found = {one.name: one for one in diagnostics.checks(told(fault))}
    assert found[check].level is shown
    assert found[check].message == f"{fault[0]}: so it is"
    assert [one.name for one in found.values() if one.level is not Level.OK] == [check]


def test_a_stop_and_what_it_leaves_show_without_a_fault() -> None:
    assert level("safety_supervisor", told(estopped=True)) is Level.ERROR
    assert level("safety_supervisor", told(suspended=True)) is Level.WARN


def test_what_is_unknown_is_said_to_be() -> None:
    battery = next(c for c in diagnostics.checks(told(battery_percentage=math.nan)) if c.name == "battery")
    assert battery.message == "unknown"


def test_each_place_is_drawn_with_its_code() -> None:
    table = WaypointTable("m", 1, (Waypoint("DESK-1", "Desk", Pose(1.0, 2.0, 0.5), "DESK"),))
    arrow, code = markers.of_waypoints(table)
    assert (arrow.shape, arrow.pose, code.text) == (markers.Shape.ARROW, Pose(1.0, 2.0, 0.5), "DESK-1")
    assert arrow.colour == code.colour == markers.BLUE


def test_the_robot_says_what_it_does_and_what_is_wrong() -> None:
    (text,) = markers.of_status(told(("BUMP", Severity.CRITICAL), mode=Mode.ERROR, localized=False), None)
    assert text.text == "luna1: ERROR (pose not trusted)\nBUMP"
    assert (text.colour, text.pose) == (markers.RED, Pose(1.0, 2.0, 0.0))


def test_a_goal_that_is_over_is_taken_away() -> None:
    driving = told(delivery_id="d", phase=4, destination="STUDY-1", distance_remaining=3.2)
    before = markers.of_status(driving, Pose(5.0, 5.0, 0.0))
    assert [one.text for one in before] == ["luna1: IDLE\nTO_DROPOFF STUDY-1, 3 m", "", "luna1 → STUDY-1"]
    assert markers.gone(before, markers.of_status(told(), None)) == before[1:]
