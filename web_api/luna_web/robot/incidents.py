"""What is new about a robot: the difference between what was known of it and what it says now. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from luna_web.robot.seen import RobotMode, SeenRobot


class LogKind(StrEnum):
    """What a row of the status log is about; SAMPLE where nothing changed."""

    SAMPLE = "SAMPLE"
    MODE = "MODE"
    FAULT = "FAULT"
    ESTOP = "ESTOP"
    LINK = "LINK"


class Incident(StrEnum):
    """Events of robots, by their types."""

    REGISTERED = "robot.status.registered"
    REMOVED = "robot.status.removed"
    ONLINE = "robot.status.online"
    OFFLINE = "robot.status.offline"
    CHANGED = "robot.status.changed"
    FAULT_RAISED = "robot.fault.raised"
    FAULT_CLEARED = "robot.fault.cleared"
    ESTOP_ENGAGED = "robot.estop.engaged"
    ESTOP_RELEASED = "robot.estop.released"


@dataclass(frozen=True, slots=True)
class Known:
    """What was known of a robot: its mode, the stop that held it ("" = none), its faults as `{code: fault}`."""

    mode: RobotMode
    estopped: bool = False
    estop_id: str = ""
    faults: Mapping[str, Mapping[str, Any]] | None = None

    @classmethod
    def of(cls, mode: str, observed: Mapping[str, Any] | None) -> "Known":
        """From a robot's row."""
        seen = observed or {}
        faults = {fault["code"]: fault for fault in seen.get("faults", ())}
        return cls(RobotMode(mode), bool(seen.get("estopped")), seen.get("estop_id") or "", faults)


@dataclass(frozen=True, slots=True)
class News:
    incident: Incident
    details: Mapping[str, Any]


def news_of(known: Known, seen: SeenRobot) -> tuple[News, ...]:
    """The events that this status is worth. A stop that somebody asked for has its event already."""
    found: list[News] = []
    if known.mode is RobotMode.OFFLINE:
        found.append(News(Incident.ONLINE, {}))
    elif known.mode is not seen.mode:
        found.append(News(Incident.CHANGED, {"from_mode": known.mode}))
    before = known.faults or {}
    now = {fault.code: fault for fault in seen.faults}
    raised = [{"code": f.code, "severity": f.severity, "text": f.text} for c, f in now.items() if c not in before]
    cleared = [{name: f[name] for name in ("code", "severity", "text")} for c, f in before.items() if c not in now]
    found += [News(Incident.FAULT_RAISED, {"fault": fault}) for fault in raised]
    found += [News(Incident.FAULT_CLEARED, {"fault": fault}) for fault in cleared]
    if known.estopped and not seen.estopped:
        found.append(News(Incident.ESTOP_RELEASED, {"estop_id": known.estop_id or None}))
    return tuple(found)


def kinds_of(known: Known, seen: SeenRobot) -> tuple[LogKind, ...]:
    """What of this status belongs into the log whenever it is heard."""
    differs = {
        LogKind.LINK: known.mode is RobotMode.OFFLINE,
        LogKind.MODE: known.mode is not seen.mode,
        LogKind.ESTOP: (known.estopped, known.estop_id) != (seen.estopped, seen.estop_id),
        LogKind.FAULT: set(known.faults or {}) != {fault.code for fault in seen.faults},
    }
    return tuple(kind for kind, different in differs.items() if different)
