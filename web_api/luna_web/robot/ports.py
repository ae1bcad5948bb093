"""What the robot service asks of deliveries, in plain values.

The controller knows robots and nothing of requests, books or people: it gets what a robot is to do from a
`DeliveryDesk` and tells it what the robot did. The delivery service implements the desk; `luna_web.main` wires them.

Poses are metres and radians in the frame `map`; durations are seconds.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.shared.paging import Page, PageParams
from luna_web.shared.runtime import Port

FALLBACK_STOP_INDEX = 65535
"""`SeenDelivery.stop_index` of the fallback stop."""


class DeliveryKind(StrEnum):
    DELIVERY = "DELIVERY"
    PARK = "PARK"


class Phase(StrEnum):
    NONE = "NONE"
    TO_PICKUP = "TO_PICKUP"
    AWAITING_LOAD = "AWAITING_LOAD"
    CLEARING = "CLEARING"
    TO_DROPOFF = "TO_DROPOFF"
    AWAITING_UNLOAD = "AWAITING_UNLOAD"
    TO_FALLBACK = "TO_FALLBACK"
    AWAITING_FALLBACK_UNLOAD = "AWAITING_FALLBACK_UNLOAD"
    AWAITING_RECOVERY = "AWAITING_RECOVERY"
    PARKING = "PARKING"
    DONE = "DONE"


class Outcome(StrEnum):
    NONE = "NONE"
    SUCCEEDED = "SUCCEEDED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"
    REJECTED = "REJECTED"


class Cargo(StrEnum):
    UNKNOWN = "UNKNOWN"
    PRESENT = "PRESENT"
    ABSENT = "ABSENT"


class Handover(StrEnum):
    NONE = "NONE"
    LOAD = "LOAD"
    UNLOAD = "UNLOAD"


class Arrival(StrEnum):
    NONE = "NONE"
    DOCK = "DOCK"


class OnTimeout(StrEnum):
    RELEASE = "RELEASE"
    FALLBACK = "FALLBACK"
    HOLD = "HOLD"


class RobotError(StrEnum):
    """`DeliveryState.ERROR_*`; OTHER stands for a code that a newer robot invented."""

    NONE = "NONE"
    STALE_EPOCH = "STALE_EPOCH"
    WRONG_BOOT = "WRONG_BOOT"
    LOWER_ATTEMPT = "LOWER_ATTEMPT"
    BUSY = "BUSY"
    MALFORMED = "MALFORMED"
    SUSPENDED = "SUSPENDED"
    MAINTENANCE = "MAINTENANCE"
    PAUSED = "PAUSED"
    BATTERY_LOW = "BATTERY_LOW"
    NOT_LOCALIZED = "NOT_LOCALIZED"
    CARGO_ON_BOARD = "CARGO_ON_BOARD"
    UNKNOWN_WAYPOINT = "UNKNOWN_WAYPOINT"
    TOMBSTONE = "TOMBSTONE"
    UNKNOWN_DELIVERY = "UNKNOWN_DELIVERY"
    WRONG_HANDOVER = "WRONG_HANDOVER"
    WRONG_PHASE = "WRONG_PHASE"
    WRONG_ESTOP = "WRONG_ESTOP"
    LINK_DOWN = "LINK_DOWN"
    JOURNAL = "JOURNAL"
    NAVIGATION_NOT_READY = "NAVIGATION_NOT_READY"
    NAVIGATION = "NAVIGATION"
    NAVIGATION_PREEMPTED = "NAVIGATION_PREEMPTED"
    NO_PROGRESS = "NO_PROGRESS"
    NOT_LOADED = "NOT_LOADED"
    NOT_UNLOADED = "NOT_UNLOADED"
    ABANDONED = "ABANDONED"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Pose:
    x: float
    y: float
    yaw: float


@dataclass(frozen=True, slots=True)
class Stop:
    """One place a delivery visits. `timeout` is how long the hand-over is waited for; None = no limit."""

    waypoint: str
    pose: Pose
    handover: Handover = Handover.NONE
    arrival: Arrival = Arrival.NONE
    timeout: float | None = None
    on_timeout: OnTimeout = OnTimeout.HOLD


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A person's word that the hand-over `handover_seq` is done; `cargo` UNKNOWN = as the hand-over implies."""

    handover: Handover
    handover_seq: int
    cargo: Cargo
    by: str


@dataclass(frozen=True, slots=True)
class CancelWanted:
    reason: str
    by: str


class RecoveryAction(StrEnum):
    """What a robot that waits for a person is to do with what it has in hand."""

    RESUME = "RESUME"
    TO_FALLBACK = "TO_FALLBACK"


@dataclass(frozen=True, slots=True)
class RecoveryWanted:
    """What a person wants of a delivery that is AWAITING_RECOVERY.

    It counts for the wait that began at `changed_at` (the `SeenDelivery`'s) and for no later one.
    """

    action: RecoveryAction
    changed_at: float
    by: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """A delivery that a person has ended, the item being off the robot: the robot has yet to be told."""

    task_id: UUID
    by: str
    trace_id: str


@dataclass(frozen=True, slots=True)
class WantedDelivery:
    """What a robot is to do: the goal, and what people have said about it since.

    `confirmations` holds at least the newest one; those whose hand-over is over are never sent.
    """

    task_id: UUID
    attempt: int
    trace_id: str
    stops: tuple[Stop, ...]
    fallback: Stop | None
    confirmations: tuple[Confirmation, ...] = ()
    cancel: CancelWanted | None = None
    recovery: RecoveryWanted | None = None


@dataclass(frozen=True, slots=True)
class SeenDelivery:
    """One delivery as the robot tells it (`luna_interfaces/DeliveryState`). Estimates are None where unknown.

    `journal_seq` is the robot's journal up to which this holds; what a lower one says is older.
    `changed_at` is the robot's ROS time in seconds (simulated time in simulation): it orders, it dates nothing.
    """

    delivery_id: str
    attempt: int
    kind: DeliveryKind
    phase: Phase
    outcome: Outcome
    error: RobotError
    message: str
    stop_index: int
    handover_seq: int
    cargo: Cargo
    cancel_requested: bool
    distance_remaining: float | None
    estimated_time_remaining: float | None
    timeout_remaining: float | None
    changed_at: float
    journal_id: str
    journal_seq: int

    @property
    def task_id(self) -> UUID | None:
        """The task this delivery carries out; None for a PARK goal or an id that is no task's."""
        if self.kind is not DeliveryKind.DELIVERY:
            return None
        try:
            return UUID(self.delivery_id)
        except ValueError:
            return None

    @property
    def finished(self) -> bool:
        return self.phase is Phase.DONE


@dataclass(frozen=True, slots=True)
class FreeRobot:
    """A robot that could take a task now. `battery` is 0…1, None unknown; `home` is its dock's waypoint."""

    robot_id: UUID
    robot_name: str
    pose: Pose
    battery: float | None
    charging: bool
    home: Pose | None

    def distance_to(self, pose: Pose) -> float:
        """Metres in a straight line."""
        return math.hypot(self.pose.x - pose.x, self.pose.y - pose.y)


@dataclass(frozen=True, slots=True)
class TaskInHand:
    """What a status display says of a robot's task."""

    task_id: UUID
    task_type: str
    phase: Phase | None
    destination: str


class DeliveryDesk(Protocol):
    """Where a robot's work comes from and what it did goes to.

    Every call happens in a transaction of the controller, guarded by its lease; the desk never commits.
    """

    def wanted(self, session: Session, robot_id: UUID) -> WantedDelivery | None:
        """The unfinished task assigned to this robot, with what people confirmed or cancelled; None = none."""
        ...

    def claim_next(
        self, session: Session, robot: FreeRobot, others: Sequence[FreeRobot] = ()
    ) -> WantedDelivery | None:
        """Assign a queued task to this robot (QUEUED → ASSIGNED); None = nothing for it.

        `others` are led and free by what the database knows of them: what suits them better is left to them.
        """
        ...

    def observe(self, session: Session, robot_id: UUID, seen: SeenDelivery) -> None:
        """Take over what the robot says of a delivery, active or finished. Idempotent, and told out of order too.

        A seen task that is not this robot's, not this attempt, or finished already changes nothing. REJECTED
        comes here only where trying again would be refused again; the robot then never started the task.
        """
        ...

    def lost(self, session: Session, robot_id: UUID, since: datetime, *, unsteady: bool) -> None:
        """The robot has been silent since then. Called again every few seconds while it stays so. Idempotent.

        `unsteady`: it comes and goes, and staff know.
        """
        ...

    def found(self, session: Session, robot_id: UUID) -> None:
        """The robot speaks again; what it says follows through `observe`. Idempotent."""
        ...

    def journal_lost(self, session: Session, robot_id: UUID, task_id: UUID) -> None:
        """The robot took this task, but its journal is new and does not know it: AWAITING_RECOVERY. Idempotent."""
        ...

    def settlements(self, session: Session, robot_id: UUID) -> Sequence[Settlement]:
        """What people have settled and this robot has not been told, oldest first. It gets no task before it is."""
        ...

    def settled(self, session: Session, robot_id: UUID, task_id: UUID) -> None:
        """The robot has taken the settlement, or never heard of the delivery. Idempotent."""
        ...

    def tasks_in_hand(self, session: Session, robot_ids: Collection[UUID]) -> Mapping[UUID, TaskInHand]:
        """The unfinished task of each robot that has one, for displays."""
        ...

    def serves(self, session: Session, robot_id: UUID, user_id: UUID) -> bool:
        """Whether the robot has an unfinished task of this user in hand, so that the user may see it."""
        ...


class StatusListener(Protocol):
    """Hears every status of the robots that this process leads, to show them elsewhere."""

    def heard(self, robot_id: UUID, observed: Mapping[str, Any], at: datetime) -> None:
        """A status as JSON values. On the bridge loop: quick, and raises nothing."""
        ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


STATUS_LISTENER: Port[StatusListener] = Port("listener of robots' statuses")

DELIVERY_DESK: Port[DeliveryDesk] = Port("delivery desk")
"""What `luna_web.main` provides, and the controllers get."""


@dataclass(frozen=True, slots=True)
class QueuedTask:
    """A task that waits for a robot. `pickup` is where it begins; `waits_for_opening`: the library is closed to it."""

    task_id: UUID
    task_type: str
    priority: str
    item_description: str
    source_location: str | None
    destination_location: str
    pickup: Pose | None
    attempt: int
    waiting_since: datetime
    not_before: datetime | None
    waits_for_opening: bool


@dataclass(frozen=True, slots=True)
class DayCount:
    """Deliveries of one type that ended in one way on one day; `day` counts from 0."""

    day: int
    task_type: str
    outcome: str
    count: int


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Seconds within which half of them, and 95 of 100, were done."""

    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class Durations:
    """Of completed deliveries of a type (None = all): from wish to end, in the queue, from setting off to the end."""

    task_type: str | None
    count: int
    total: Quantiles
    waiting: Quantiles
    carried_out: Quantiles


@dataclass(frozen=True, slots=True)
class ReasonCount:
    outcome: str
    reason: str | None
    count: int


@dataclass(frozen=True, slots=True)
class DeliveryFigures:
    """Figures of the deliveries that ended in a span of days. `by_robot` counts those that were completed."""

    by_day: Sequence[DayCount]
    durations: Sequence[Durations]
    reasons: Sequence[ReasonCount]
    by_robot: Mapping[UUID, int]


class Deliveries(Protocol):
    """What the robot service asks about deliveries where no robot is spoken to."""

    def queue(self, session: Session, paging: PageParams) -> Page[QueuedTask]:
        """The tasks that wait for a robot, in the order in which robots take them."""
        ...

    def unfinished_at(self, session: Session, location_code: str) -> Sequence[UUID]:
        """The unfinished tasks that begin, end or fall back at this place, ten at most."""
        ...

    def figures(self, session: Session, borders: Sequence[datetime], robot_id: UUID | None) -> DeliveryFigures:
        """What ended between the first border and the last; each two borders enclose a day."""
        ...


DELIVERIES: Port[Deliveries] = Port("deliveries")
"""What `luna_web.main` provides, and the routes get."""
