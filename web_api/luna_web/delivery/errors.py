"""What the delivery service refuses, and why."""

from uuid import UUID

from luna_web.book.service import CopyView
from luna_web.delivery.domain import machines
from luna_web.delivery.domain.facts import Policy
from luna_web.delivery.domain.renewing import Refusal
from luna_web.delivery.domain.scanning import Lend
from luna_web.delivery.domain.states import TaskState
from luna_web.shared.errors import ErrorCode, IllegalTransition, LunaError


class AlreadyRequested(LunaError):
    code = ErrorCode.ALREADY_REQUESTED
    status = 409
    default_message = "You have asked for this already"


class LimitReached(LunaError):
    """`limit` is how many there may be of `what`."""

    code = ErrorCode.LIMIT_REACHED
    status = 409

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(f"You can have {limit} {what} at a time", details={"limit": limit, "of": what})


class NotBorrowedByYou(LunaError):
    code = ErrorCode.NOT_BORROWED_BY_YOU
    status = 409
    default_message = "You have no open loan of this book"


class RobotNotAtStop(LunaError):
    code = ErrorCode.ROBOT_NOT_AT_STOP
    status = 409

    def __init__(self, status: str, phase: str | None) -> None:
        super().__init__("No robot waits for this now", details={"status": status, "phase": phase})


class WrongBook(LunaError):
    code = ErrorCode.WRONG_BOOK
    status = 409

    def __init__(self, message: str, expected: str, scanned: str) -> None:
        super().__init__(message, details={"expected": expected, "scanned": scanned})


class RobotUnheard(LunaError):
    code = ErrorCode.ROBOT_OFFLINE
    status = 409
    default_message = "The robot is silent or has lost its memory of this delivery: say where the item is instead"


class TriedAgain(IllegalTransition):
    """A failed task has been tried again; `retry_id` is the task that does."""

    def __init__(self, retry_id: UUID) -> None:
        super().__init__("delivery task", "FAILED", "QUEUED", ())
        self.message = "This delivery has been tried again already"
        self.details["retry_id"] = str(retry_id)


class NotRenewable(LunaError):
    """`details.reason` is one of `domain.renewing.Refusal`."""

    code = ErrorCode.NOT_RENEWABLE
    status = 409

    def __init__(self, reason: Refusal, policy: Policy) -> None:
        words = {
            Refusal.BEING_RETURNED: "A robot is to collect this book; cancel the return first",
            Refusal.FLAGGED: "Something about this loan is to be cleared up first; ask at the desk",
            Refusal.OVERDUE: f"This loan is more than {policy.renewable_overdue.days} days overdue",
            Refusal.WAITED_FOR: "Somebody else waits for this title",
            Refusal.LIMIT: f"A loan can be renewed {policy.renewals} times",
        }
        super().__init__(words[reason], details={"reason": reason, "limit": policy.renewals})


class CopyNotLendable(LunaError):
    """`details.why` is one of `domain.scanning.Lend`."""

    code = ErrorCode.BOOK_NOT_AVAILABLE
    status = 409

    def __init__(self, copy: CopyView, why: Lend, **more: str | None) -> None:
        words = {
            Lend.LENT: "This copy is lent; check it in first",
            Lend.KEPT_FOR_ANOTHER: "This copy is kept for another reader",
            Lend.ON_ROBOT: "A robot has this copy, or comes for it; cancel its delivery first",
            Lend.OUT_OF_CIRCULATION: "This copy is out of circulation; check it in first",
        }
        details = {"barcode": copy.barcode, "current_status": copy.status, "status_reason": copy.status_reason}
        super().__init__(words[why], details={**details, "why": why, **more})


class CopyInUse(LunaError):
    """A copy cannot be checked in, or noted as lost or damaged, while this delivery or request has it."""

    code = ErrorCode.BOOK_IN_USE
    status = 409

    def __init__(self, message: str, copy: CopyView, **more: str | None) -> None:
        super().__init__(message, details={"barcode": copy.barcode, "current_status": copy.status, **more})


class HandoverPending(LunaError):
    code = ErrorCode.HANDOVER_PENDING
    status = 409
    default_message = "A confirmation is on its way to the robot; try again when the delivery has moved on"


def cancelled_meanwhile(status: str, phase: str | None, wanted: str) -> IllegalTransition:
    """A confirmation came after a cancel: the item does not travel."""
    refused = IllegalTransition("delivery task", phase or status, wanted, ())
    refused.message = "This delivery was cancelled: take the book off the robot again"
    return refused


def nothing_to_recover(task: TaskState, wanted: TaskState) -> IllegalTransition:
    """A person's word about a delivery that goes by itself, or is over, or has no way to where they want it."""
    refused = IllegalTransition("delivery task", str(task), str(wanted), ())
    if task == machines.AWAITING_RECOVERY:
        refused.message = "There is nothing on board to bring back, or no place to bring it to: say where the item is"
    else:
        refused.message = f"This delivery does not wait for a person: it is {task}"
    return refused


def as_answer(refused: machines.IllegalTransition) -> IllegalTransition:
    """A table's refusal as what a caller is told."""
    return IllegalTransition(refused.machine, refused.source, refused.target, refused.allowed)
