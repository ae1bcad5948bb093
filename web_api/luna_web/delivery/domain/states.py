"""The states that tasks, requests, returns, loans and holds can be in; those of a copy are the catalog's."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class TaskType(StrEnum):
    STUDENT_DELIVERY = "STUDENT_DELIVERY"
    RETURN_PICKUP = "RETURN_PICKUP"
    INTER_STAFF = "INTER_STAFF"
    WORKSTATION = "WORKSTATION"
    TRANSFER = "TRANSFER"


class Priority(StrEnum):
    LOW = "LOW"
    NORMAL = "NORMAL"
    HIGH = "HIGH"
    URGENT = "URGENT"

    @property
    def rank(self) -> int:
        """0 for LOW up to 3 for URGENT, so that priorities sort."""
        return PriorityRank[self.name].value


class PriorityRank(IntEnum):
    LOW = 0
    NORMAL = 1
    HIGH = 2
    URGENT = 3


class TaskStatus(StrEnum):
    PENDING = "PENDING"
    QUEUED = "QUEUED"
    ASSIGNED = "ASSIGNED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class TaskPhase(StrEnum):
    """What the robot does while a task is IN_PROGRESS."""

    TO_PICKUP = "TO_PICKUP"
    AWAITING_LOAD = "AWAITING_LOAD"
    CLEARING = "CLEARING"
    TO_DROPOFF = "TO_DROPOFF"
    AWAITING_UNLOAD = "AWAITING_UNLOAD"
    TO_FALLBACK = "TO_FALLBACK"
    AWAITING_FALLBACK_UNLOAD = "AWAITING_FALLBACK_UNLOAD"
    AWAITING_RECOVERY = "AWAITING_RECOVERY"


class RequestStatus(StrEnum):
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


class ReturnStatus(StrEnum):
    PENDING = "PENDING"
    PICKUP_SCHEDULED = "PICKUP_SCHEDULED"
    PICKED_UP = "PICKED_UP"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


class LoanStatus(StrEnum):
    """What the columns of a loan come to; whether it is overdue is a question of time."""

    OPEN = "OPEN"
    RETURNED = "RETURNED"
    LOST = "LOST"


class OpenedHow(StrEnum):
    DELIVERY = "DELIVERY"
    COLLECTED_LATE = "COLLECTED_LATE"
    DESK = "DESK"


class ClosedHow(StrEnum):
    RETURN = "RETURN"
    CHECKIN = "CHECKIN"
    LOST = "LOST"
    FOUND = "FOUND"


class HoldStatus(StrEnum):
    WAITING = "WAITING"
    OFFERED = "OFFERED"
    FULFILLED = "FULFILLED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


class Reason(StrEnum):
    """Why something ended or was put back, in history, `reason` and `closed_reason`."""

    CANCELLED_BY_USER = "CANCELLED_BY_USER"
    CANCELLED_BY_STAFF = "CANCELLED_BY_STAFF"
    CANCELLED_AT_ROBOT = "CANCELLED_AT_ROBOT"
    NOT_LOADED = "NOT_LOADED"
    NOT_COLLECTED = "NOT_COLLECTED"
    NOT_UNLOADED = "NOT_UNLOADED"
    COLLECTED_LATE = "COLLECTED_LATE"
    NAVIGATION_FAILED = "NAVIGATION_FAILED"
    BATTERY_LOW = "BATTERY_LOW"
    NOT_ON_BOARD = "NOT_ON_BOARD"
    ABANDONED = "ABANDONED"
    REJECTED_BY_ROBOT = "REJECTED_BY_ROBOT"
    ROBOT_LOST = "ROBOT_LOST"
    TAKEN_OVER = "TAKEN_OVER"
    POSE_LOST = "POSE_LOST"
    JOURNAL_LOST = "JOURNAL_LOST"
    BROUGHT_BACK = "BROUGHT_BACK"
    AT_DESK = "AT_DESK"
    WITH_RECIPIENT = "WITH_RECIPIENT"
    LOST = "LOST"
    TRIED_AGAIN = "TRIED_AGAIN"
    DELIVERY_FAILED = "DELIVERY_FAILED"
    CAUGHT_UP = "CAUGHT_UP"
    USER_DEACTIVATED = "USER_DEACTIVATED"
    EXPIRED = "EXPIRED"
    CHECKED_IN = "CHECKED_IN"
    COLLECTED_AT_DESK = "COLLECTED_AT_DESK"
    TITLE_REMOVED = "TITLE_REMOVED"


@dataclass(frozen=True, slots=True)
class TaskState:
    """Status and, while IN_PROGRESS, phase."""

    status: TaskStatus
    phase: TaskPhase | None = None

    def __post_init__(self) -> None:
        if (self.phase is not None) is not (self.status is TaskStatus.IN_PROGRESS):
            raise ValueError(f"a task that is {self.status} cannot have the phase {self.phase}")

    def __str__(self) -> str:
        return self.phase or self.status


def in_phase(phase: TaskPhase) -> TaskState:
    return TaskState(TaskStatus.IN_PROGRESS, phase)


PENDING = TaskState(TaskStatus.PENDING)
QUEUED = TaskState(TaskStatus.QUEUED)
ASSIGNED = TaskState(TaskStatus.ASSIGNED)
COMPLETED = TaskState(TaskStatus.COMPLETED)
FAILED = TaskState(TaskStatus.FAILED)
CANCELLED = TaskState(TaskStatus.CANCELLED)

STAFF_DELIVERIES = frozenset({TaskType.INTER_STAFF, TaskType.WORKSTATION, TaskType.TRANSFER})
"""Things that staff send each other: no reader, request or return hangs on them."""
BEFORE_LOADING = frozenset({TaskPhase.TO_PICKUP, TaskPhase.AWAITING_LOAD, TaskPhase.CLEARING})
AFTER_LOADING = frozenset(
    {TaskPhase.TO_DROPOFF, TaskPhase.AWAITING_UNLOAD, TaskPhase.TO_FALLBACK, TaskPhase.AWAITING_FALLBACK_UNLOAD}
)
UNFINISHED_TASK = (TaskStatus.PENDING, TaskStatus.QUEUED, TaskStatus.ASSIGNED, TaskStatus.IN_PROGRESS)
IN_HAND = (TaskStatus.ASSIGNED, TaskStatus.IN_PROGRESS)
OPEN_REQUEST = (RequestStatus.PENDING, RequestStatus.APPROVED, RequestStatus.IN_PROGRESS)
OPEN_RETURN = (ReturnStatus.PENDING, ReturnStatus.PICKUP_SCHEDULED, ReturnStatus.PICKED_UP)
OPEN_HOLD = (HoldStatus.WAITING, HoldStatus.OFFERED)
