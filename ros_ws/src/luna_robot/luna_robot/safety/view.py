"""What the supervisor tells the other nodes."""

from __future__ import annotations

from dataclasses import dataclass

from luna_robot.faults import Fault, Severity


@dataclass(frozen=True, slots=True)
class SafetyView:
    estopped: bool
    estop_id: str
    """Of the stop that is engaged, or of the one released last."""
    reason: str
    by: str
    since: int
    """When that stop was engaged: wall clock in nanoseconds; 0 = never."""
    motion_locked: bool
    faults: tuple[Fault, ...]

    @property
    def standstill_codes(self) -> tuple[str, ...]:
        """Codes of the faults that keep the robot still, sorted."""
        return tuple(sorted(f.code for f in self.faults if f.severity >= Severity.CRITICAL))
