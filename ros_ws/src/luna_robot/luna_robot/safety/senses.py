"""Whether the base's own senses reach the supervisor: what it does not hear of, it cannot stop for.

A Create 3 tells its odometry 20 times a second, but hazards and hands, as it is delivered, only when they change: their
silence says nothing, so what counts is that somebody is there who would tell. Times in seconds of a steady clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from luna_robot.faults import Fault, Severity

HAZARDS, HANDS = "hazard_detection", "kidnap_status"
TOLD_ON_CHANGE = (HAZARDS, HANDS)


@dataclass(frozen=True, slots=True)
class SenseLimits:
    odometry: float = 1.0
    """Seconds without odometry that stop the robot."""
    absence: float = 5.0
    """Seconds without anybody who publishes a sense that was there before."""


class Senses:
    """Nothing counts as there before it was there: a robot that starts stands until all of them are."""

    def __init__(self, limits: SenseLimits) -> None:
        self._limits = limits
        self._odometry_at = float("-inf")
        self._there_at = dict.fromkeys(TOLD_ON_CHANGE, float("-inf"))

    def observe_odometry(self, now: float) -> None:
        self._odometry_at = now

    def observe_publishers(self, topics: Iterable[str], now: float) -> None:
        """Those of TOLD_ON_CHANGE that somebody publishes."""
        for topic in topics:
            self._there_at[topic] = now

    def faults(self, now: float) -> list[Fault]:
        """Each of them keeps the robot still until it is gone."""
        found = []
        if now - self._odometry_at > self._limits.odometry:
            found.append(Fault("ODOM_UNHEARD", Severity.CRITICAL, "no odometry of the base"))
        for topic, at in self._there_at.items():
            if now - at > self._limits.absence:
                text = f"nobody publishes {topic}: is LUNA's create3_republisher.yaml installed?"
                found.append(Fault(f"{topic.upper()}_UNHEARD", Severity.CRITICAL, text))
        return found
