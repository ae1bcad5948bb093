"""What it means that a copy is checked in or lent at the desk, by what is known of it."""

from dataclasses import dataclass
from enum import StrEnum

from luna_web.book.domain import CopyStatus, StatusReason
from luna_web.delivery.domain.facts import TaskFacts
from luna_web.delivery.domain.handover import Verdict, cancelling
from luna_web.delivery.domain.states import TaskStatus, TaskType


@dataclass(frozen=True, slots=True)
class Scanned:
    """A copy that a librarian holds in their hands. `task` is its unfinished one.

    `lent`: its loan is open. `asked_for`: an open request has it. `offered`: it is kept for whoever waited for it.
    """

    status: CopyStatus
    reason: StatusReason | None = None
    lent: bool = False
    asked_for: bool = False
    offered: bool = False
    task: TaskFacts | None = None


class CheckIn(StrEnum):
    RETURNED = "RETURNED"
    """Its loan ends; so does a pickup that no robot has begun."""
    CALLED_OFF = "CALLED_OFF"
    """Its loan ends; the robot that comes for it is called off, and the copy kept until that is done."""
    FOUND = "FOUND"
    """It was out of circulation, or nobody knew where it was."""
    NOTHING = "NOTHING"
    """It is where it should be."""
    ON_ROBOT = "ON_ROBOT"
    """Refused: a robot has it, and its delivery must be settled."""
    HANDOVER_PENDING = "HANDOVER_PENDING"
    """Refused: somebody just said that they laid it on the robot."""
    WITHDRAWN = "WITHDRAWN"
    """Refused: the library has given it up."""
    KEPT = "KEPT"
    """Refused: a delivery or a request has it, which must get another copy or end first."""


def check_in(copy: Scanned, *, damaged: bool = False) -> CheckIn:
    """What a check-in of this copy comes to."""
    if copy.task is not None and not copy.task.finished:
        return _with_task(copy, copy.task, damaged)
    if copy.status is CopyStatus.ON_ROBOT:
        return CheckIn.ON_ROBOT
    if copy.reason is StatusReason.WITHDRAWN:
        return CheckIn.WITHDRAWN
    if damaged and copy.asked_for:
        return CheckIn.KEPT
    if copy.lent:
        return CheckIn.RETURNED
    return CheckIn.FOUND if copy.status in (CopyStatus.UNAVAILABLE, CopyStatus.CHECKED_OUT) else CheckIn.NOTHING


def _with_task(copy: Scanned, task: TaskFacts, damaged: bool) -> CheckIn:
    if task.loaded or copy.status is CopyStatus.ON_ROBOT:
        return CheckIn.ON_ROBOT
    if task.type is not TaskType.RETURN_PICKUP:
        return CheckIn.KEPT if damaged or copy.lent else CheckIn.NOTHING
    if not copy.lent:
        return CheckIn.KEPT if damaged else CheckIn.NOTHING
    match cancelling(task):
        case Verdict.AT_ONCE:
            return CheckIn.RETURNED
        case Verdict.RECORD | Verdict.ASKED:
            return CheckIn.CALLED_OFF
        case Verdict.HANDOVER_PENDING:
            return CheckIn.HANDOVER_PENDING
    return CheckIn.ON_ROBOT


class Lend(StrEnum):
    FREE = "FREE"
    OFFERED = "OFFERED"
    """It is kept for this reader since it is their turn."""
    REQUESTED = "REQUESTED"
    """It is kept for this reader's request, whose delivery ends."""
    LENT = "LENT"
    KEPT_FOR_ANOTHER = "KEPT_FOR_ANOTHER"
    ON_ROBOT = "ON_ROBOT"
    OUT_OF_CIRCULATION = "OUT_OF_CIRCULATION"


REFUSED = frozenset({Lend.LENT, Lend.KEPT_FOR_ANOTHER, Lend.ON_ROBOT, Lend.OUT_OF_CIRCULATION})


def lend(status: CopyStatus, *, offered_to_reader: bool, requested_by_reader: bool) -> Lend:
    """Whether a copy can be handed to a reader at the desk, and as what."""
    if status is CopyStatus.RESERVED:
        if offered_to_reader:
            return Lend.OFFERED
        return Lend.REQUESTED if requested_by_reader else Lend.KEPT_FOR_ANOTHER
    return {
        CopyStatus.AVAILABLE: Lend.FREE,
        CopyStatus.CHECKED_OUT: Lend.LENT,
        CopyStatus.ON_ROBOT: Lend.ON_ROBOT,
    }.get(status, Lend.OUT_OF_CIRCULATION)


def collectable(task: TaskFacts) -> bool:
    """Whether the reader of a request can have its book at the desk: no robot is on its way for it, or has it."""
    return task.finished or task.state.status in (TaskStatus.PENDING, TaskStatus.QUEUED)
