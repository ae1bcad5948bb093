"""What the battery's charge allows."""

from __future__ import annotations

import math
from dataclasses import dataclass

from luna_robot.delivery.events import BatteryLevel


@dataclass(frozen=True, slots=True)
class BatteryLimits:
    """Fractions of a full charge, 0..1."""

    low: float = 0.20
    reserve: float = 0.12
    empty: float = 0.06
    margin: float = 0.02
    """A level is left upwards only with so much above its limit."""
    unknown_after: float = 30.0
    """Seconds without a reading."""


class Battery:
    """Keeps the last reading. Times in seconds of a steady clock."""

    def __init__(self, limits: BatteryLimits, now: float) -> None:
        self.limits = limits
        """In force from the next reading on."""
        self._heard = now
        self._level = BatteryLevel.UNKNOWN
        self.percentage: float | None = None
        self.charging = False

    def observe(self, percentage: float, charging: bool, now: float) -> None:
        """A reading, 0..1; not finite = the sensor doesn't know."""
        self.charging = charging
        if not math.isfinite(percentage):
            return
        self.percentage = min(1.0, max(0.0, percentage))
        self._heard = now
        self._level = self._classify(self.percentage)

    def level(self, now: float) -> BatteryLevel:
        if self.percentage is None or now - self._heard <= self.limits.unknown_after:
            return self._level
        return max(self._level, BatteryLevel.UNKNOWN)

    def _classify(self, percentage: float) -> BatteryLevel:
        limits = self.limits
        for level, limit in (
            (BatteryLevel.EMPTY, limits.empty),
            (BatteryLevel.RESERVE, limits.reserve),
            (BatteryLevel.LOW, limits.low),
        ):
            if percentage < limit + (limits.margin if self._level >= level else 0.0):
                return level
        return BatteryLevel.GOOD
