"""What the supervisor sees: nodes that fall silent, hazards, hands, a lost pose. Times in seconds of a steady clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from luna_robot.faults import Fault, Severity

EXECUTOR = "task_executor"
"""The node that a stop suspends: it demands standstill as soon as it has heard of one."""


class Hazard(IntEnum):
    """irobot_create_msgs/HazardDetection; others than these do not stop the robot."""

    BUMP = 1
    CLIFF = 2
    STALL = 3
    WHEEL_DROP = 4


@dataclass(frozen=True, slots=True)
class WatchLimits:
    heartbeat: float = 0.6
    """Seconds of silence that stop the robot."""
    moving_linear: float = 0.02
    """m/s; slower than this is standing."""
    moving_angular: float = 0.05
    """rad/s."""


@dataclass(frozen=True, slots=True)
class _Beat:
    heard: float
    moving_allowed: bool


class Watch:
    def __init__(self, nodes: Iterable[str], limits: WatchLimits) -> None:
        self._limits = limits
        self._nodes = tuple(nodes)
        self._beats: dict[str, _Beat] = {}
        self._hazards: frozenset[Hazard] = frozenset()
        self._moving = False
        self._was_localized = False
        self._pose_lost = False
        self._stop_unheeded = False

    def observe_stop(self) -> None:
        """An emergency stop was engaged. If it is released before the executor knows of it, the robot stands on."""
        self._stop_unheeded = EXECUTOR in self._nodes

    def observe_heartbeat(self, node: str, moving_allowed: bool, now: float) -> None:
        self._beats[node] = _Beat(now, moving_allowed)
        if node == EXECUTOR and not moving_allowed:
            self._stop_unheeded = False

    def observe_hazards(self, types: Iterable[int]) -> None:
        """All hazards that are detected now."""
        known = {int(h) for h in Hazard}
        self._hazards = frozenset(Hazard(t) for t in types if t in known)

    def observe_velocity(self, linear: float, angular: float) -> None:
        """As measured, m/s and rad/s."""
        limits = self._limits
        self._moving = abs(linear) > limits.moving_linear or abs(angular) > limits.moving_angular

    def observe_localized(self, localized: bool) -> None:
        """Losing the pose while moving stops the robot until the pose is back."""
        if localized:
            self._pose_lost = False
        elif self._was_localized and self._moving:
            self._pose_lost = True
        self._was_localized = localized or (self._was_localized and not self._moving)

    def standstill_demanded(self) -> bool:
        """A node asks for it (suspended, recovery, journal failure), or will as soon as it knows of the last stop."""
        return self._stop_unheeded or any(not beat.moving_allowed for beat in self._beats.values())

    def faults(self, now: float) -> list[Fault]:
        """Each of them keeps the robot still until it is gone."""
        found = [self._silent(node) for node in self._nodes if self._is_silent(node, now)]
        found += [Fault(h.name, Severity.CRITICAL, f"hazard: {h.name.lower()}") for h in self._hazards]
        if self._pose_lost:
            found.append(Fault("POSE_LOST", Severity.CRITICAL, "lost the pose while moving"))
        return found

    def _is_silent(self, node: str, now: float) -> bool:
        beat = self._beats.get(node)
        return beat is None or now - beat.heard > self._limits.heartbeat

    @staticmethod
    def _silent(node: str) -> Fault:
        return Fault(f"{node.upper()}_SILENT", Severity.CRITICAL, f"no heartbeat of {node}")
