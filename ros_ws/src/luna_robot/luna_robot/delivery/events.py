"""What can happen to the executor, what it knows of the world when it does, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from luna_robot.delivery.model import (
    Cargo,
    Delivery,
    Entry,
    Error,
    ExecutorState,
    Goal,
    Handover,
    Resolution,
    Verdict,
)
from luna_robot.waypoints import WaypointTable


class BatteryLevel(IntEnum):
    """What the charge allows, best first."""

    GOOD = 0
    UNKNOWN = 1
    """Not heard of for too long: no new delivery."""
    LOW = 2
    """No new delivery."""
    RESERVE = 3
    """Finish the hand-over at hand, then fallback or dock."""
    EMPTY = 4
    """Stop where it is."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The world as far as decisions need it."""

    boot_id: str = ""
    safety_known: bool = False
    """The supervisor speaks now; without it the robot is locked."""
    motion_locked: bool = True
    estopped: bool = False
    estop_id: str = ""
    estop_since: int = 0
    """When the stop of that id was engaged, nanoseconds since 1970: an id may be used again. 0 = not known."""
    safety_faults: tuple[str, ...] = ()
    """Codes of faults that demand standstill, sorted."""
    link_up: bool = False
    localized: bool = False
    navigation_ready: bool = False
    battery: BatteryLevel = BatteryLevel.UNKNOWN
    docked: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """Times of the delivery contract, in seconds."""

    clearing: float = 30.0
    link_loss_hold: float = 1800.0


@dataclass(frozen=True, slots=True)
class Now:
    """`ros` is the time of the node's clock, `wall` the time of day; nanoseconds."""

    ros: int
    wall: int


@dataclass(frozen=True, slots=True)
class GoalOffered:
    goal: Goal
    epoch: int
    boot_id: str
    defect: str = ""
    """What is malformed in it, found while translating; empty = nothing."""
    unknown_waypoint: str = ""


@dataclass(frozen=True, slots=True)
class HandoverConfirmed:
    epoch: int
    delivery_id: str
    attempt: int
    handover: Handover
    handover_seq: int
    cargo: Cargo
    by: str
    trace_id: str = ""


@dataclass(frozen=True, slots=True)
class CancelAsked:
    epoch: int
    delivery_id: str
    attempt: int
    reason: str
    trace_id: str = ""


@dataclass(frozen=True, slots=True)
class ResumeAsked:
    epoch: int
    estop_id: str
    by: str
    trace_id: str = ""


@dataclass(frozen=True, slots=True)
class PauseSet:
    epoch: int
    paused: bool
    by: str


@dataclass(frozen=True, slots=True)
class MaintenanceSet:
    epoch: int
    maintenance: bool
    by: str


@dataclass(frozen=True, slots=True)
class RecoveryResolved:
    epoch: int
    delivery_id: str
    resolution: Resolution
    by: str
    trace_id: str = ""


@dataclass(frozen=True, slots=True)
class WaypointsSet:
    epoch: int
    table: WaypointTable


class LegResult(IntEnum):
    ARRIVED = 0
    FAILED = 1
    NO_PROGRESS = 2
    PREEMPTED = 3


@dataclass(frozen=True, slots=True)
class LegEnded:
    leg: int
    result: LegResult
    message: str = ""
    boot_id: str = ""
    """Of the executor that wanted the leg."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed, or a fact has changed."""

    elapsed: float = 0.0
    """Seconds of the hand-over clock since the last tick."""


@dataclass(frozen=True, slots=True)
class PoseMissing:
    """After a start nobody could say where the robot is."""


Event = (
    GoalOffered
    | HandoverConfirmed
    | CancelAsked
    | ResumeAsked
    | PauseSet
    | MaintenanceSet
    | RecoveryResolved
    | WaypointsSet
    | LegEnded
    | Tick
    | PoseMissing
)


@dataclass(frozen=True, slots=True)
class Answer:
    """To a command: verdict, why, and the delivery concerned. To a goal: the delivery; DONE = this is the result."""

    verdict: Verdict = Verdict.ACCEPTED
    error: Error = Error.NONE
    message: str = ""
    delivery: Delivery | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What one event leads to. If `durable`, it is on the disk before anybody acts on it or hears of it."""

    state: ExecutorState
    answer: Answer
    entries: tuple[Entry, ...] = ()
    finished: tuple[Delivery, ...] = ()
    waypoints: WaypointTable | None = None
    durable: bool = field(default=False)


class Ledger(Protocol):
    """What has finished, tombstones included."""

    def finished(self, delivery_id: str, attempt: int = 0) -> Delivery | None:
        """The record of that attempt; of the latest if `attempt` is 0; None = never heard of."""
