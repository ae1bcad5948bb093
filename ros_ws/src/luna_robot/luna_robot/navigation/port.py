"""The port to whatever drives the robot.

Adapters: `nav2_actions` and `simple_commander`; `create3_docking` over either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from luna_robot.geometry import Pose


class DriveStatus(Enum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    PREEMPTED = "preempted"
    """Another client took the robot over."""
    NOT_READY = "not ready"
    """The server is there, but does not take goals yet: no failure of the way."""
    LOST = "lost"
    """The server did not answer in time."""


@dataclass(frozen=True, slots=True)
class DriveResult:
    status: DriveStatus
    error_code: int = 0
    """The navigator's own code; 0 = none."""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """Of the drive in hand; None = unknown."""

    distance_remaining: float | None = None
    """Metres along the path."""
    time_remaining: float | None = None
    """Seconds."""
    recoveries: int = 0


class Drive(Protocol):
    """One movement that was asked for."""

    @property
    def progress(self) -> Progress: ...

    def cancel(self) -> None:
        """End it early. `on_done` still comes, once, within the adapter's deadline."""


OnDone = Callable[[DriveResult], None]


class Navigator(Protocol):
    """All calls return at once. Every `on_done` is called exactly once, on the thread that calls `poll`.

    A drive itself has no deadline here (the leg driver's watchdog has); its acceptance, its cancelling and every other
    call have one.
    """

    def missing(self) -> tuple[str, ...]:
        """Names of the servers that are not there, or not active; empty = ready."""

    def go_to(self, pose: Pose, on_done: OnDone) -> Drive: ...

    def dock(self, pose: Pose, on_done: OnDone) -> Drive:
        """Go to the dock that stands at that pose, and dock."""

    def undock(self, on_done: OnDone) -> Drive: ...

    def path_length(self, goal: Pose, on_done: Callable[[float | None], None]) -> None:
        """Metres from here to there; None = no path, or no answer."""

    def clear_costmaps(self, on_done: Callable[[], None]) -> None:
        """Also done when the costmaps do not answer in time."""

    def cancel_all(self, on_done: Callable[[bool], None]) -> None:
        """End every drive, whoever asked for it; False = no answer."""

    def poll(self, now: float) -> None:
        """Let deadlines pass; `now` in seconds of a steady clock. Before anything is asked it was called once."""

    def close(self) -> None:
        """End what runs beside the node's executor: in a moment, without waiting for any server.

        Nothing is asked after it, and what was asked need not be answered any more.
        """
