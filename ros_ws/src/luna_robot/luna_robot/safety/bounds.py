"""Speed and keep-out zones hold whatever goal, navigation or joystick say; what breaks out of them is stopped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from luna_robot.faults import Fault, Severity
from luna_robot.geometry import Pose
from luna_robot.keepout import KeepoutZones
from luna_robot.safety.latch import Stop


@dataclass(frozen=True, slots=True)
class Breach:
    """Reason for an emergency stop that the supervisor engages by itself, so that a person must see to it."""

    code: str
    text: str


OVERSPEED, KEEPOUT = "OVERSPEED", "KEEPOUT"
CODES = (OVERSPEED, KEEPOUT)
SAMPLES = 2
"""Measurements in a row that count as too fast: a single one may be noise."""


def breaches(stops: Iterable[Stop], supervisor: str) -> list[Fault]:
    """Faults for the stops among these that the supervisor engaged for a breach: as long as they hold."""
    own = {stop.estop_id.partition("-")[0]: stop for stop in stops if stop.by == supervisor}
    return [Fault(code, Severity.FATAL, own[code].reason) for code in CODES if code in own]


class Bounds:
    """Each breach is told once, when it begins: released by a person, the robot may drive out of a zone again."""

    def __init__(self, speed: float, zones: KeepoutZones) -> None:
        """`speed` in m/s: the limit, its margin included."""
        self._speed = speed
        self._zones = zones
        self._too_fast = 0
        self._inside = False

    def observe_speed(self, linear: float) -> Breach | None:
        """Measured along x of base_link, m/s; what is no number is no measurement."""
        self._too_fast = self._too_fast + 1 if abs(linear) > self._speed else 0
        if self._too_fast != SAMPLES:
            return None
        return Breach(OVERSPEED, f"drove {abs(linear):.2f} m/s, allowed are {self._speed:.2f}")

    def observe_pose(self, pose: Pose) -> Breach | None:
        """A pose that can be trusted."""
        was_inside, self._inside = self._inside, self._zones.forbids(pose)
        if was_inside or not self._inside:
            return None
        return Breach(KEEPOUT, f"entered a keep-out zone at {pose.x:.2f}, {pose.y:.2f}")
