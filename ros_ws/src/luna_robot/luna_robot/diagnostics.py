"""What `/diagnostics` says of the robot: one check for each node and for what it rests on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

from luna_robot.delivery.model import Cargo, Phase
from luna_robot.faults import Severity
from luna_robot.status import Mode


class Level(IntEnum):
    """As in diagnostic_msgs/DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


class ToldFault(Protocol):
    """A fault as RobotStatus has it."""

    code: str
    severity: int
    text: str


@dataclass(frozen=True, slots=True)
class Check:
    """``values``: key and text, in the order in which they are shown."""

    name: str
    level: Level
    message: str
    values: tuple[tuple[str, str], ...] = ()


BELONGS_TO = {
    "TASK_EXECUTOR_SILENT": "task_executor",
    "CARGO_LEFT": "task_executor",
    "WAYPOINT_NAVIGATOR_SILENT": "waypoint_navigator",
    "NAVIGATION_NOT_READY": "waypoint_navigator",
    "STATUS_PUBLISHER_SILENT": "status_publisher",
    "JOURNAL": "journal",
    "LINK_DOWN": "link",
    "NOT_LOCALIZED": "localisation",
    "POSE_LOST": "localisation",
    "KIDNAPPED": "localisation",
}
"""Which check a fault shows in; those of the battery begin with its name, all others are the supervisor's."""


def checks(status: Any) -> tuple[Check, ...]:
    """All checks, of what RobotStatus says."""
    return (
        _check(status, "task_executor", _mode(status).name, mode=_mode(status).name, cargo=Cargo(status.cargo).name,
               delivery_id=status.delivery_id, attempt=status.attempt, phase=Phase(status.phase).name,
               destination=status.destination),
        _check(status, "waypoint_navigator", "ready", distance_remaining=_number(status.distance_remaining, "m")),
        _check(status, "status_publisher", status.software_version, software_version=status.software_version,
               boot_id=status.boot_id),
        _check(status, "safety_supervisor", *_stop(status), estopped=status.estopped, estop_id=status.estop_id,
               reason=status.estop_reason, by=status.estop_by, suspended=status.suspended),
        _check(status, "journal", f"at {status.journal_seq}", journal_id=status.journal_id,
               journal_seq=status.journal_seq),
        _check(status, "link", "up" if status.link_up else "down", epoch=status.epoch),
        _check(status, "battery", _number(100 * status.battery_percentage, "%"), charging=status.charging,
               docked=status.docked),
        _check(status, "localisation", status.nearest_waypoint or "localised", localized=status.localized,
               x=_number(status.x, "m"), y=_number(status.y, "m"), yaw=_number(status.yaw, "rad"),
               map_id=status.map_id, waypoints_version=status.waypoints_version),
    )  # fmt: skip


def levels(found: Sequence[Check]) -> tuple[Level, ...]:
    """What a change of is told at once."""
    return tuple(check.level for check in found)


def check_of(code: str) -> str:
    """The check that a fault shows in."""
    return "battery" if code.startswith("BATTERY_") else BELONGS_TO.get(code, "safety_supervisor")


def _check(status: Any, name: str, message: str, at_least: Level = Level.OK, **values: object) -> Check:
    faults = [fault for fault in status.faults if check_of(fault.code) == name]
    level = max((_level(fault) for fault in faults), default=Level.OK)
    text = "; ".join(f"{fault.code}: {fault.text}" for fault in faults) or message
    return Check(name, max(level, at_least), text, tuple((key, _text(value)) for key, value in values.items()))


def _level(fault: ToldFault) -> Level:
    if fault.code.endswith("_SILENT"):
        return Level.STALE
    return Level.ERROR if fault.severity >= Severity.CRITICAL else Level.WARN


def _stop(status: Any) -> tuple[str, Level]:
    if status.estopped:
        return "emergency stop", Level.ERROR
    return ("suspended until resumed", Level.WARN) if status.suspended else ("no stop", Level.OK)


def _mode(status: Any) -> Mode:
    return Mode(status.mode)


def _number(value: float, unit: str) -> str:
    return "unknown" if math.isnan(value) else f"{value:.2f} {unit}"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
