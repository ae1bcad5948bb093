"""A person settles a delivery whose robot waits for one, is silent, or has forgotten it."""

from datetime import datetime

from luna_web.book.domain import CopyStatus, StatusReason
from luna_web.delivery.domain import staff_deliveries
from luna_web.delivery.domain.facts import (
    CopyChange,
    Decision,
    LoanChange,
    Policy,
    RecoveryAction,
    RecoveryAsked,
    RecoveryOutcome,
    RequestChange,
    ReturnChange,
    TaskFacts,
)
from luna_web.delivery.domain.handover import Verdict
from luna_web.delivery.domain.machines import AWAITING_RECOVERY
from luna_web.delivery.domain.states import (
    CANCELLED,
    COMPLETED,
    FAILED,
    STAFF_DELIVERIES,
    Reason,
    RequestStatus,
    ReturnStatus,
    TaskPhase,
    TaskStatus,
    TaskType,
)
from luna_web.delivery.domain.ways import steps_to

GOES_BACK = (TaskPhase.TO_FALLBACK, TaskPhase.AWAITING_FALLBACK_UNLOAD)
LOST = CopyChange(CopyStatus.UNAVAILABLE, StatusReason.LOST)


def acting(task: TaskFacts, action: RecoveryAction, now_asked: RecoveryAsked | None) -> Verdict:
    """Whether the robot can be told to go on, or to bring the item back. `now_asked` is the wish that still counts.

    A robot that is silent or has lost its memory can be told nothing: a person says where the item is instead.
    """
    if task.state != AWAITING_RECOVERY:
        return _under_way(task, action)
    if action is RecoveryAction.TO_FALLBACK and not (task.loaded and task.has_fallback):
        return Verdict.ILLEGAL
    if task.overdue:
        return Verdict.HANDOVER_PENDING if task.pending else Verdict.AT_ONCE
    if task.robot_lost or task.recovery_seen_at is None:
        return Verdict.ROBOT_SILENT
    return Verdict.ASKED if now_asked and now_asked.action is action else Verdict.RECORD


def _under_way(task: TaskFacts, action: RecoveryAction) -> Verdict:
    """What is asked for may be so already."""
    goes_on = task.state.status is TaskStatus.IN_PROGRESS and action is RecoveryAction.RESUME
    return Verdict.DONE if goes_on or task.state.phase in GOES_BACK else Verdict.ILLEGAL


def still_asked(task: TaskFacts, now: datetime, policy: Policy) -> RecoveryAsked | None:
    """The wish, while the robot waits for it: no robot sets off long after anybody looked at it."""
    asked = task.recovery
    counts = asked is not None and task.state == AWAITING_RECOVERY and asked.changed_at == task.recovery_seen_at
    return asked if asked and counts and now - asked.at < policy.recovery_patience else None


def settling(task: TaskFacts) -> Verdict:
    """Whether a person's word of where the item is counts: it ends this task, or empties the robot that it left."""
    if task.left_on_board:
        return Verdict.AT_ONCE
    if task.state != AWAITING_RECOVERY:
        return Verdict.ILLEGAL
    return Verdict.HANDOVER_PENDING if task.overdue and task.pending else Verdict.AT_ONCE


def settled(task: TaskFacts, outcome: RecoveryOutcome) -> Decision:
    """What follows from where a person found the item; a task that was to be cancelled ends so."""
    if task.type in STAFF_DELIVERIES:
        return _staff_delivery(task, outcome)
    return _student_delivery(task, outcome) if task.type is TaskType.STUDENT_DELIVERY else _return(task, outcome)


def taken_off(task: TaskFacts, outcome: RecoveryOutcome, request: RequestStatus | None) -> Decision:
    """What follows for the item that stayed on the robot of a delivery that is over; the task stays as it ended.

    `request` is None for one that goes on with another copy.
    """
    lost = outcome is RecoveryOutcome.LOST
    with_recipient = outcome is RecoveryOutcome.WITH_RECIPIENT
    if task.type in STAFF_DELIVERIES:
        place = staff_deliveries.at_destination(task) if with_recipient else task.copy_before
        return Decision(copy=LOST if lost and task.copy_before else place)
    if lost:
        return Decision(copy=LOST)
    if task.type is TaskType.RETURN_PICKUP:
        if with_recipient:
            return Decision(copy=CopyChange(CopyStatus.CHECKED_OUT))
        return Decision(copy=CopyChange(CopyStatus.AVAILABLE), loan=LoanChange.CLOSE)
    waits = request is RequestStatus.APPROVED
    if with_recipient:
        change = RequestChange(RequestStatus.COMPLETED, Reason.WITH_RECIPIENT) if waits else None
        loan = LoanChange.OPEN if waits else LoanChange.OPEN_FLAGGED
        return Decision(request=change, copy=CopyChange(CopyStatus.CHECKED_OUT), loan=loan)
    return Decision(copy=CopyChange(CopyStatus.RESERVED if waits else CopyStatus.AVAILABLE))


def _student_delivery(task: TaskFacts, outcome: RecoveryOutcome) -> Decision:
    """The reader has it; or the request goes on with what is at the desk, or with another copy."""
    if outcome is RecoveryOutcome.WITH_RECIPIENT:
        return Decision(
            steps=steps_to(task, COMPLETED, reason=Reason.WITH_RECIPIENT),
            loaded=True,
            request=RequestChange(RequestStatus.COMPLETED),
            copy=CopyChange(CopyStatus.CHECKED_OUT),
            loan=LoanChange.OPEN,
        )
    at_desk = outcome is RecoveryOutcome.AT_DESK
    if task.cancel is not None:
        return Decision(
            steps=steps_to(task, CANCELLED, reason=task.cancel.reason),
            request=RequestChange(RequestStatus.CANCELLED, task.cancel.reason),
            copy=CopyChange(CopyStatus.AVAILABLE) if at_desk else LOST,
        )
    reason = Reason.AT_DESK if at_desk else Reason.LOST
    return Decision(
        steps=steps_to(task, FAILED, reason=reason),
        request=RequestChange(RequestStatus.APPROVED, reason, needs_attention=True),
        copy=CopyChange(CopyStatus.RESERVED) if at_desk else LOST,
    )


def _return(task: TaskFacts, outcome: RecoveryOutcome) -> Decision:
    """A book at the desk is back, however it came there; one that is lost on its way stays a loan, flagged."""
    match outcome:
        case RecoveryOutcome.AT_DESK:
            return Decision(
                steps=steps_to(task, COMPLETED, reason=Reason.AT_DESK),
                loaded=True,
                book_return=ReturnChange(ReturnStatus.COMPLETED),
                copy=CopyChange(CopyStatus.AVAILABLE),
                loan=LoanChange.CLOSE,
            )
        case RecoveryOutcome.WITH_RECIPIENT:
            return Decision(
                steps=steps_to(task, FAILED, reason=Reason.WITH_RECIPIENT),
                book_return=ReturnChange(ReturnStatus.CANCELLED, Reason.WITH_RECIPIENT),
                copy=CopyChange(CopyStatus.CHECKED_OUT),
            )
        case RecoveryOutcome.LOST:
            return Decision(
                steps=steps_to(task, FAILED, reason=Reason.LOST),
                book_return=ReturnChange(ReturnStatus.CANCELLED, Reason.LOST),
                copy=LOST,
                loan=LoanChange.FLAG,
            )


def _staff_delivery(task: TaskFacts, outcome: RecoveryOutcome) -> Decision:
    if outcome is RecoveryOutcome.WITH_RECIPIENT:
        steps = steps_to(task, COMPLETED, reason=Reason.WITH_RECIPIENT)
        return Decision(steps, loaded=True, copy=staff_deliveries.at_destination(task))
    at_desk = outcome is RecoveryOutcome.AT_DESK
    ends, why = (CANCELLED, task.cancel.reason) if task.cancel else (FAILED, Reason.AT_DESK if at_desk else Reason.LOST)
    copy = task.copy_before if at_desk or task.copy_before is None else LOST
    return Decision(steps_to(task, ends, reason=why), copy=copy)
