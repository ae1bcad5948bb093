"""What is wrong with the robot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

MAX_FAULTS = 8
"""As many as a message takes."""


class Severity(IntEnum):
    WARNING = 1
    URGENT = 2
    CRITICAL = 3
    FATAL = 4


@dataclass(frozen=True, slots=True)
class Fault:
    code: str
    severity: Severity
    text: str
    since: int = 0
    """ROS time in nanoseconds."""


def gravest_first(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """At most as many as a message takes."""
    return tuple(sorted(faults, key=lambda f: (-f.severity, f.code))[:MAX_FAULTS])


class FaultLog:
    """Remembers since when each fault has been there."""

    def __init__(self) -> None:
        self._since: dict[str, int] = {}

    def date(self, faults: Iterable[Fault], now: int) -> tuple[Fault, ...]:
        """The same faults with `since`, gravest first; what is not among them is over."""
        present = list(faults)
        self._since = {f.code: self._since.get(f.code, now) for f in present}
        return gravest_first(Fault(f.code, f.severity, f.text[:128], self._since[f.code]) for f in present)
