"""What a delivery is: the goal that asks for it, the stops, and how far it has come.

The enumerations have the numbers of luna_interfaces (DeliveryState, DeliveryStop, the services), so that `conversions`
translates by number; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from luna_robot.geometry import Pose

FALLBACK_INDEX = 65535
"""`stop_index` of the fallback, which is not one of the goal's stops."""


class Kind(IntEnum):
    DELIVERY = 0
    PARK = 1


class Phase(IntEnum):
    NONE = 0
    TO_PICKUP = 1
    AWAITING_LOAD = 2
    CLEARING = 3
    TO_DROPOFF = 4
    AWAITING_UNLOAD = 5
    TO_FALLBACK = 6
    AWAITING_FALLBACK_UNLOAD = 7
    AWAITING_RECOVERY = 8
    PARKING = 9
    DONE = 10


MOVING_PHASES = frozenset({Phase.TO_PICKUP, Phase.TO_DROPOFF, Phase.TO_FALLBACK, Phase.PARKING})
WAITING_PHASES = frozenset({Phase.AWAITING_LOAD, Phase.AWAITING_UNLOAD, Phase.AWAITING_FALLBACK_UNLOAD})


class Outcome(IntEnum):
    NONE = 0
    SUCCEEDED = 1
    CANCELLED = 2
    FAILED = 3
    REJECTED = 4


class Cargo(IntEnum):
    UNKNOWN = 0
    PRESENT = 1
    ABSENT = 2


class Handover(IntEnum):
    NONE = 0
    LOAD = 1
    UNLOAD = 2


class Arrival(IntEnum):
    NONE = 0
    DOCK = 1


class OnTimeout(IntEnum):
    RELEASE = 0
    FALLBACK = 1
    HOLD = 2


class Verdict(IntEnum):
    ACCEPTED = 0
    ALREADY = 1
    REFUSED = 2


class Resolution(IntEnum):
    RESUME = 1
    TO_FALLBACK = 2
    CARGO_REMOVED = 3
    ABANDON = 4


class Error(IntEnum):
    NONE = 0
    STALE_EPOCH = 100
    WRONG_BOOT = 101
    LOWER_ATTEMPT = 102
    BUSY = 103
    MALFORMED = 104
    SUSPENDED = 105
    MAINTENANCE = 106
    PAUSED = 107
    BATTERY_LOW = 108
    NOT_LOCALIZED = 109
    CARGO_ON_BOARD = 110
    UNKNOWN_WAYPOINT = 111
    TOMBSTONE = 112
    UNKNOWN_DELIVERY = 113
    WRONG_HANDOVER = 114
    WRONG_PHASE = 115
    WRONG_ESTOP = 116
    LINK_DOWN = 117
    JOURNAL = 118
    NAVIGATION_NOT_READY = 119
    NAVIGATION = 200
    NAVIGATION_PREEMPTED = 201
    NO_PROGRESS = 202
    NOT_LOADED = 203
    NOT_UNLOADED = 204
    ABANDONED = 205


@dataclass(frozen=True, slots=True)
class Stop:
    """One place a delivery visits, and what is to happen there."""

    waypoint: str
    pose: Pose
    handover: Handover = Handover.NONE
    arrival: Arrival = Arrival.NONE
    timeout: float | None = None
    """Seconds to wait for the confirmation; None = no limit."""
    on_timeout: OnTimeout = OnTimeout.RELEASE


@dataclass(frozen=True, slots=True)
class Goal:
    """What is asked for. `delivery_id` and `attempt` are its identity."""

    delivery_id: str
    attempt: int
    kind: Kind
    stops: tuple[Stop, ...]
    fallback: Stop | None = None
    trace_id: str = ""


@dataclass(frozen=True, slots=True)
class Verdicted:
    """How a delivery will end once the item is where it belongs: why it did not go as wished."""

    outcome: Outcome
    error: Error
    message: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A hand-over that has taken place."""

    handover_seq: int
    handover: Handover


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery in hand or finished: everything that must survive a crash."""

    goal: Goal
    phase: Phase
    cargo: Cargo
    outcome: Outcome = Outcome.NONE
    error: Error = Error.NONE
    message: str = ""
    stop_index: int = 0
    leg: int = 0
    """Names the leg in hand; raised for every new one, so that a late result of an old leg is known as such."""
    leg_begun: bool = False
    """The leg was started once: it is finished even while the link is down or the robot paused."""
    handover_seq: int = 0
    confirmed: tuple[Confirmed, ...] = ()
    timer: float | None = None
    """Seconds left of the hand-over or of CLEARING; None = no timer runs."""
    link_lost: float = 0.0
    """Seconds that this hand-over has spent without a link."""
    cancel_requested: bool = False
    clearing_extended: bool = False
    interrupted: Phase = Phase.NONE
    """AWAITING_RECOVERY: the phase that it broke into."""
    ending: Verdicted | None = None
    changed_at: int = 0
    """ROS time in nanoseconds of the last change of phase, outcome, cargo or hand-over."""

    @property
    def delivery_id(self) -> str:
        return self.goal.delivery_id

    @property
    def attempt(self) -> int:
        return self.goal.attempt

    @property
    def stop(self) -> Stop:
        """The stop driven to or stood at."""
        fallback = self.goal.fallback
        if self.stop_index == FALLBACK_INDEX and fallback is not None:
            return fallback
        return self.goal.stops[self.stop_index]

    @property
    def awaited_seq(self) -> int:
        """`handover_seq` of the hand-over being waited for; 0 = none."""
        return self.handover_seq if self.phase in WAITING_PHASES or self.phase is Phase.CLEARING else 0


@dataclass(frozen=True, slots=True)
class ExecutorState:
    """What the executor knows and must never forget. The journal's newest entry says the same."""

    seq: int = 0
    """Of the newest journal entry; 0 = none yet."""
    epoch: int = 0
    cargo: Cargo = Cargo.UNKNOWN
    suspended: bool = False
    estopped: bool = False
    estop_id: str = ""
    """The emergency stop that was seen last; `Resume` names it."""
    estop_since: int = 0
    """When that stop was engaged; with its id it says which stop it was."""
    safety_faults: tuple[str, ...] = ()
    """Codes of the supervisor's faults that were seen last and demand standstill."""
    paused: bool = False
    maintenance: bool = False
    handover_seq: int = 0
    """Highest one given out, over all deliveries."""
    leg: int = 0
    map_id: str = ""
    waypoints_version: int = 0
    active: Delivery | None = None
    recent: tuple[Delivery, ...] = ()
    """The last 16 finished, newest first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal."""

    seq: int
    stamp: int
    """Wall clock in nanoseconds since 1970, for people."""
    trace_id: str
    event: str
    delivery: Delivery | None
    detail: dict[str, str | int | float | bool]
