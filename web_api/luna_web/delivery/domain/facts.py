"""What the decisions about a delivery look at, and what they decide."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from luna_web.book.domain import CopyStatus, StatusReason
from luna_web.delivery.domain.states import (
    Reason,
    RequestStatus,
    ReturnStatus,
    TaskPhase,
    TaskState,
    TaskStatus,
    TaskType,
)
from luna_web.robot.ports import Handover
from luna_web.shared.opening_hours import OpeningHours


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits of the delivery service, as its settings say. Time-outs sent to robots are seconds, `speed` is in m/s.

    `endurance` is how long a full battery drives, `reserve` the charge (0…1) that must be left at home, `detour` the
    way driven by the way flown.
    `renewable_overdue`: how long after its due date a loan can still be renewed. `offer_period`: how long a copy is
    kept for whose turn it is. `unaccepted_period`, `unattended_period`: when a request ends that nobody accepts, or
    whose delivery has failed and nobody sees to. `due_soon`, `overdue_notice`: how long before and after the due date
    a reader is told. `lending_desk`, `returns_desk`: where copies without a desk of their own are fetched, and where
    returned books go.
    """

    open_requests: int = 5
    open_loans: int = 10
    loan_period: timedelta = timedelta(days=28)
    load_timeout: float = 600.0
    collect_timeout: float = 300.0
    most_attempts: int = 3
    most_not_loaded: int = 2
    rejected_wait: timedelta = timedelta(seconds=10)
    retry_wait: timedelta = timedelta(seconds=10)
    lost_patience: timedelta = timedelta(minutes=10)
    rank_worth: timedelta = timedelta(minutes=15)
    unload_alert_every: timedelta = timedelta(minutes=5)
    unload_patience: timedelta = timedelta(minutes=30)
    recovery_patience: timedelta = timedelta(minutes=1)
    offer_patience: timedelta = timedelta(seconds=3)
    speed: float = 0.2
    detour: float = 1.3
    endurance: timedelta = timedelta(hours=2)
    reserve: float = 0.15
    hours: OpeningHours = field(default_factory=OpeningHours)
    open_holds: int = 10
    renewals: int = 2
    renewable_overdue: timedelta = timedelta(days=7)
    offer_period: timedelta = timedelta(hours=48)
    unaccepted_period: timedelta = timedelta(hours=24)
    unattended_period: timedelta = timedelta(hours=24)
    due_soon: timedelta = timedelta(days=3)
    overdue_notice: timedelta = timedelta(days=1)
    lending_desk: str = "DESK-1"
    returns_desk: str = "RETURN-1"


class Place(StrEnum):
    """Which of a task's stops a hand-over belongs to."""

    PICKUP = "PICKUP"
    DROPOFF = "DROPOFF"
    FALLBACK = "FALLBACK"


@dataclass(frozen=True, slots=True)
class Said:
    """What a person said about a hand-over.

    `cargo_present`: whether the item was on board when it was unloaded; None = not said.
    """

    handover: Handover
    place: Place
    attempt: int
    handover_seq: int
    cargo_present: bool | None
    by: str
    by_name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """A cancel that a person asked for while a robot had the task; `note` is what they gave as the reason."""

    reason: Reason
    by: str
    by_name: str
    at: datetime
    note: str | None = None


@dataclass(frozen=True, slots=True)
class RecoveryAsked:
    """What a person wants the robot to do that waits for one.

    `changed_at` is the robot's word of when it began to wait: a wish counts for that wait and for no later one.
    """

    action: "RecoveryAction"
    changed_at: float
    by: str
    by_name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CopyChange:
    """`shelf_location` None = where it was."""

    status: CopyStatus
    reason: StatusReason | None = None
    shelf_location: str | None = None


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """A task as its row has it, without what decisions do not need.

    `handover_seq` names the hand-over that the robot waits for, 0 = none. `not_loaded` and `unreached` count
    earlier attempts that ended so. `copy_before` is what the copy of a staff delivery was before it; None = no copy.
    `recovery_seen_at`: the robot says itself that it waits for a person, since this moment of its clock.
    `overdue`: AWAITING_RECOVERY because nobody took the item off; the robot still waits at the destination for that.
    `left_on_board`: it ended with the item on the robot, and nobody has said yet where that is now.
    """

    type: TaskType
    state: TaskState
    attempt: int
    loaded: bool = False
    handover_seq: int = 0
    said: tuple[Said, ...] = ()
    cancel: CancelAsked | None = None
    not_loaded: int = 0
    unreached: int = 0
    destination: str = ""
    has_fallback: bool = False
    copy_before: CopyChange | None = None
    robot_lost: bool = False
    recovery: RecoveryAsked | None = None
    recovery_seen_at: float | None = None
    overdue: bool = False
    left_on_board: bool = False

    @property
    def finished(self) -> bool:
        return self.state.status in (TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED)

    @property
    def place(self) -> Place | None:
        """The stop where the robot waits for a person, or has just given up waiting for one to load it."""
        if self.overdue:
            return Place.DROPOFF
        return {
            TaskPhase.AWAITING_LOAD: Place.PICKUP,
            TaskPhase.CLEARING: Place.PICKUP,
            TaskPhase.AWAITING_UNLOAD: Place.DROPOFF,
            TaskPhase.AWAITING_FALLBACK_UNLOAD: Place.FALLBACK,
        }.get(self.state.phase or TaskPhase.AWAITING_RECOVERY)

    @property
    def pending(self) -> Said | None:
        """What somebody said of the hand-over that the robot still waits for: said, but not taken by the robot yet."""
        if self.place is None:
            return None
        return next((s for s in self.said if (s.attempt, s.handover_seq) == (self.attempt, self.handover_seq)), None)

    def said_at(self, place: Place) -> Said | None:
        """The last word about a stop in this attempt."""
        return next((s for s in reversed(self.said) if (s.attempt, s.place) == (self.attempt, place)), None)


class RecoveryAction(StrEnum):
    """What a robot that waits for a person is to do."""

    RESUME = "RESUME"
    TO_FALLBACK = "TO_FALLBACK"


class RecoveryOutcome(StrEnum):
    """Where a person found the item of a delivery that its robot cannot end."""

    AT_DESK = "AT_DESK"
    WITH_RECIPIENT = "WITH_RECIPIENT"
    LOST = "LOST"


class LoanChange(StrEnum):
    OPEN = "OPEN"
    OPEN_FLAGGED = "OPEN_FLAGGED"
    CLOSE = "CLOSE"
    FLAG = "FLAG"


@dataclass(frozen=True, slots=True)
class TaskStep:
    state: TaskState
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class RequestChange:
    status: RequestStatus
    reason: Reason | None = None
    needs_attention: bool = False


@dataclass(frozen=True, slots=True)
class ReturnChange:
    status: ReturnStatus
    reason: Reason | None = None


class GivenBack(StrEnum):
    """Why a task goes back into the queue, which says what is counted and how long it waits."""

    NOT_LOADED = "NOT_LOADED"
    UNREACHED = "UNREACHED"
    REJECTED = "REJECTED"
    ROBOT_UNFIT = "ROBOT_UNFIT"
    ROBOT_LOST = "ROBOT_LOST"


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from something that happened: nothing, where a part is empty or None."""

    steps: tuple[TaskStep, ...] = ()
    loaded: bool | None = None
    given_back: GivenBack | None = None
    request: RequestChange | None = None
    book_return: ReturnChange | None = None
    copy: CopyChange | None = None
    loan: LoanChange | None = None

    @property
    def empty(self) -> bool:
        return self == Decision()
