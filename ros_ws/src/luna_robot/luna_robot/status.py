"""What the robot says of itself: one mode out of many conditions, what is wrong, and all of it together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from luna_robot.delivery.events import BatteryLevel, Facts
from luna_robot.delivery.model import MOVING_PHASES, Cargo, ExecutorState, Phase
from luna_robot.faults import Fault, Severity
from luna_robot.geometry import Pose
from luna_robot.navigation.port import Progress


class Mode(IntEnum):
    STARTING = 0
    ESTOPPED = 1
    RECOVERY = 2
    ERROR = 3
    MAINTENANCE = 4
    SUSPENDED = 5
    PAUSED = 6
    WAITING_LOAD = 7
    WAITING_UNLOAD = 8
    NAVIGATING = 9
    CLEARING = 10
    CHARGING = 11
    DOCKED = 12
    IDLE = 13


PHASE_MODES = {
    Phase.AWAITING_LOAD: Mode.WAITING_LOAD,
    Phase.AWAITING_UNLOAD: Mode.WAITING_UNLOAD,
    Phase.AWAITING_FALLBACK_UNLOAD: Mode.WAITING_UNLOAD,
    Phase.CLEARING: Mode.CLEARING,
    **dict.fromkeys(MOVING_PHASES, Mode.NAVIGATING),
}


def mode_of(state: ExecutorState, facts: Facts, faults: Sequence[Fault], starting: bool, charging: bool) -> Mode:
    """The first that applies, in the order of RobotStatus.msg."""
    if starting:
        return Mode.STARTING
    standing = _standing_mode(state, facts, faults)
    return _working_mode(state, facts, charging) if standing is None else standing


def _standing_mode(state: ExecutorState, facts: Facts, faults: Sequence[Fault]) -> Mode | None:
    phase = state.active.phase if state.active else Phase.NONE
    conditions = (
        (facts.estopped or state.estopped, Mode.ESTOPPED),
        (phase is Phase.AWAITING_RECOVERY, Mode.RECOVERY),
        (any(f.severity >= Severity.CRITICAL for f in faults), Mode.ERROR),
        (state.maintenance, Mode.MAINTENANCE),
        (state.suspended, Mode.SUSPENDED),
        (state.paused, Mode.PAUSED),
    )
    return next((mode for holds, mode in conditions if holds), None)


def _working_mode(state: ExecutorState, facts: Facts, charging: bool) -> Mode:
    phase = state.active.phase if state.active else Phase.NONE
    if phase in PHASE_MODES:
        return PHASE_MODES[phase]
    if charging:
        return Mode.CHARGING
    return Mode.DOCKED if facts.docked else Mode.IDLE


def own_faults(state: ExecutorState, facts: Facts, journal_error: str, missing: Sequence[str]) -> list[Fault]:
    """What the executor itself finds wrong; the supervisor's faults come beside these."""
    conditions = (
        (bool(journal_error), "JOURNAL", Severity.FATAL, journal_error),
        (not facts.safety_known, "SAFETY_SILENT", Severity.CRITICAL, "the safety supervisor is silent"),
        (not facts.localized, "NOT_LOCALIZED", Severity.CRITICAL, "the pose is not trustworthy"),
        (bool(missing), "NAVIGATION_NOT_READY", Severity.CRITICAL, f"waiting for {', '.join(missing)}"),
        (not facts.link_up, "LINK_DOWN", Severity.URGENT, "no heartbeat of the controller"),
        (_cargo_left(state), "CARGO_LEFT", Severity.URGENT, "an item of an ended delivery is on board"),
    )
    found = [Fault(code, severity, text) for holds, code, severity, text in conditions if holds]
    return found + _battery_faults(facts)


def _cargo_left(state: ExecutorState) -> bool:
    return state.active is None and state.cargo is Cargo.PRESENT


def _battery_faults(facts: Facts) -> list[Fault]:
    if facts.battery is BatteryLevel.GOOD:
        return []
    critical = facts.battery is BatteryLevel.EMPTY and not facts.docked
    severity = Severity.CRITICAL if critical else Severity.URGENT
    return [Fault(f"BATTERY_{facts.battery.name}", severity, f"battery {facts.battery.name.lower()}")]


def silent_executor(now: int) -> Fault:
    """What the status says when nobody tells it any more; of the same code as the supervisor's. ROS time."""
    return Fault("TASK_EXECUTOR_SILENT", Severity.CRITICAL, "no word of task_executor", now)


@dataclass(frozen=True, slots=True)
class RobotView:
    """Everything that `status` and `deliveries` tell, at one moment."""

    robot_name: str
    journal_id: str
    state: ExecutorState
    facts: Facts
    mode: Mode
    faults: tuple[Fault, ...]
    progress: Progress
    pose: Pose | None = None
    """base_link in map."""
    linear_velocity: float = 0.0
    """m/s along x of base_link."""
    angular_velocity: float = 0.0
    """rad/s about z of base_link."""
    nearest_waypoint: str = ""
    battery_percentage: float | None = None
    charging: bool = False
    estop_reason: str = ""
    estop_by: str = ""
    software_version: str = ""
