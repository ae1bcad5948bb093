"""What follows for task, request, return, copy and loan from what a robot says of a delivery.

What is particular to deliveries among staff is in `staff_deliveries`.
Source of the rules: the table "what happens, what follows" of the API guide's section on deliveries.
"""

from dataclasses import replace

from luna_web.book.domain import CopyStatus, StatusReason
from luna_web.delivery.domain import staff_deliveries
from luna_web.delivery.domain.facts import (
    CopyChange,
    Decision,
    GivenBack,
    LoanChange,
    Place,
    Policy,
    RequestChange,
    ReturnChange,
    TaskFacts,
)
from luna_web.delivery.domain.machines import (
    AWAITING_FALLBACK_UNLOAD,
    AWAITING_RECOVERY,
    AWAITING_UNLOAD,
    CLEARING,
    TASK,
    TO_FALLBACK,
)
from luna_web.delivery.domain.states import (
    AFTER_LOADING,
    CANCELLED,
    COMPLETED,
    FAILED,
    QUEUED,
    STAFF_DELIVERIES,
    Reason,
    RequestStatus,
    ReturnStatus,
    TaskPhase,
    TaskState,
    TaskStatus,
    TaskType,
    in_phase,
)
from luna_web.delivery.domain.ways import steps_to
from luna_web.robot.ports import FALLBACK_STOP_INDEX, Cargo, Outcome, Phase, RobotError, SeenDelivery

UNREACHED = frozenset({RobotError.NAVIGATION, RobotError.NAVIGATION_PREEMPTED, RobotError.NO_PROGRESS})
STUCK = {
    RobotError.NAVIGATION: Reason.NAVIGATION_FAILED,
    RobotError.NO_PROGRESS: Reason.NAVIGATION_FAILED,
    RobotError.NAVIGATION_PREEMPTED: Reason.TAKEN_OVER,
    RobotError.BATTERY_LOW: Reason.BATTERY_LOW,
    RobotError.NOT_LOCALIZED: Reason.POSE_LOST,
}
"""Why a robot waits for a person, as far as it says so."""
HOPELESS = frozenset({RobotError.MALFORMED, RobotError.UNKNOWN_WAYPOINT})
PHASES = {Phase[phase.name]: phase for phase in TaskPhase}


def observed(task: TaskFacts, seen: SeenDelivery, policy: Policy) -> Decision:
    """What follows from `seen`, which is of this task and attempt; nothing for a task that is not in a robot's hand."""
    if task.state.status not in (TaskStatus.ASSIGNED, TaskStatus.IN_PROGRESS):
        return Decision()
    if seen.finished or seen.outcome is not Outcome.NONE:
        return _ended(task, seen, policy)
    if seen.phase not in PHASES:
        return Decision()
    return _under_way(task, seen, PHASES[seen.phase])


def on_whose_word(task: TaskFacts, decision: Decision) -> str | None:
    """The id of whoever asked for what the robot has now done; None for what it did by itself."""
    end = decision.steps[-1].state if decision.steps else task.state
    if task.pending and (decision.loaded or end in TASK.terminal):
        return task.pending.by
    wish = task.recovery
    if wish and task.state == AWAITING_RECOVERY != end and wish.changed_at == task.recovery_seen_at:
        return wish.by
    return task.cancel.by if task.cancel and end in (CLEARING, TO_FALLBACK, CANCELLED) else None


def _under_way(task: TaskFacts, seen: SeenDelivery, phase: TaskPhase) -> Decision:
    if task.overdue and phase is TaskPhase.AWAITING_UNLOAD:
        return Decision()  # it waits there still, and a person is asked for already
    why = STUCK.get(seen.error) if phase is TaskPhase.AWAITING_RECOVERY else None
    decision = Decision(steps=steps_to(task, in_phase(phase), reason=why))
    if not task.loaded and (phase in AFTER_LOADING or seen.cargo is Cargo.PRESENT):
        return _with_loading(task, decision)
    return decision


def _with_loading(task: TaskFacts, decision: Decision) -> Decision:
    if task.type in STAFF_DELIVERIES:
        return staff_deliveries.on_board(task, decision)
    taken = replace(decision, loaded=True, copy=CopyChange(CopyStatus.ON_ROBOT))
    if task.type is TaskType.STUDENT_DELIVERY:
        return replace(taken, request=RequestChange(RequestStatus.IN_PROGRESS))
    return replace(taken, book_return=ReturnChange(ReturnStatus.PICKED_UP))


def _ended(task: TaskFacts, seen: SeenDelivery, policy: Policy) -> Decision:
    if seen.outcome is Outcome.REJECTED:
        return _rejected(task, seen)
    if seen.outcome is Outcome.SUCCEEDED and seen.stop_index != FALLBACK_STOP_INDEX:
        return _arrived(task)
    if not (task.loaded or seen.cargo is Cargo.PRESENT or seen.stop_index == FALLBACK_STOP_INDEX):
        return _ended_empty(task, seen, policy)
    if task.type in STAFF_DELIVERIES:
        return staff_deliveries.ended_loaded(task, seen)
    if task.type is TaskType.STUDENT_DELIVERY:
        return _student_delivery_ended_loaded(task, seen)
    return _return_ended_loaded(task, seen)


def _arrived(task: TaskFacts) -> Decision:
    """The item was unloaded at its destination."""
    if task.type in STAFF_DELIVERIES:
        return staff_deliveries.arrived(task)
    if task.type is TaskType.STUDENT_DELIVERY:
        return _reader_has_it(task, AWAITING_UNLOAD, LoanChange.OPEN)
    last_word = task.said_at(Place.DROPOFF)
    if last_word is not None and last_word.cargo_present is False:
        return Decision(
            steps=steps_to(task, FAILED, via=AWAITING_UNLOAD, reason=Reason.NOT_ON_BOARD),
            book_return=ReturnChange(ReturnStatus.CANCELLED, Reason.NOT_ON_BOARD),
            copy=CopyChange(CopyStatus.CHECKED_OUT),
            loan=LoanChange.FLAG,
        )
    return Decision(
        steps=steps_to(task, COMPLETED, via=AWAITING_UNLOAD),
        loaded=True,
        book_return=ReturnChange(ReturnStatus.COMPLETED),
        copy=CopyChange(CopyStatus.AVAILABLE),
        loan=LoanChange.CLOSE,
    )


def _reader_has_it(task: TaskFacts, via: TaskState, loan: LoanChange, reason: Reason | None = None) -> Decision:
    return Decision(
        steps=steps_to(task, COMPLETED, via=via, reason=reason),
        loaded=True,
        request=RequestChange(RequestStatus.COMPLETED, reason),
        copy=CopyChange(CopyStatus.CHECKED_OUT),
        loan=loan,
    )


def _rejected(task: TaskFacts, seen: SeenDelivery) -> Decision:
    if task.cancel is not None:
        return cancelled_empty(task)
    if seen.error in HOPELESS:
        return _failed_empty(task, Reason.REJECTED_BY_ROBOT)
    return given_back(task, GivenBack.REJECTED, Reason.REJECTED_BY_ROBOT)


def _ended_empty(task: TaskFacts, seen: SeenDelivery, policy: Policy) -> Decision:
    """It ended before anything was on board. A cancel that was asked for wins over whatever else ended it."""
    if task.cancel is not None:
        return cancelled_empty(task)
    if seen.outcome is Outcome.CANCELLED:
        return _failed_empty(task, Reason.CANCELLED_AT_ROBOT)
    if seen.error is RobotError.NOT_LOADED:
        if task.not_loaded + 1 < policy.most_not_loaded:
            return given_back(task, GivenBack.NOT_LOADED, Reason.NOT_LOADED, via=CLEARING)
        return _failed_empty(task, Reason.NOT_LOADED, via=CLEARING)
    if seen.error in UNREACHED:
        if task.unreached + 1 < policy.most_attempts:
            return given_back(task, GivenBack.UNREACHED, Reason.NAVIGATION_FAILED)
        return _failed_empty(task, Reason.NAVIGATION_FAILED)
    if seen.error is RobotError.BATTERY_LOW:
        return given_back(task, GivenBack.ROBOT_UNFIT, Reason.BATTERY_LOW)
    return _failed_empty(task, Reason.ABANDONED)


def _student_delivery_ended_loaded(task: TaskFacts, seen: SeenDelivery) -> Decision:
    if seen.stop_index != FALLBACK_STOP_INDEX or seen.error is RobotError.ABANDONED:
        return _delivery_abandoned(task, seen)
    at_desk = task.said_at(Place.FALLBACK)
    if at_desk is not None and at_desk.cargo_present is False:
        return _reader_has_it(task, AWAITING_FALLBACK_UNLOAD, LoanChange.OPEN_FLAGGED, Reason.COLLECTED_LATE)
    if task.cancel is not None and seen.error is not RobotError.NOT_UNLOADED:
        return Decision(
            steps=steps_to(task, CANCELLED, via=AWAITING_FALLBACK_UNLOAD, reason=task.cancel.reason),
            request=RequestChange(RequestStatus.CANCELLED, task.cancel.reason),
            copy=CopyChange(CopyStatus.AVAILABLE),
        )
    if seen.error is RobotError.NOT_UNLOADED:
        return Decision(
            steps=steps_to(task, FAILED, via=AWAITING_FALLBACK_UNLOAD, reason=Reason.NOT_COLLECTED),
            request=RequestChange(RequestStatus.CANCELLED, Reason.NOT_COLLECTED),
            copy=CopyChange(CopyStatus.AVAILABLE),
        )
    reason = Reason.BATTERY_LOW if seen.error is RobotError.BATTERY_LOW else Reason.NAVIGATION_FAILED
    if seen.outcome is Outcome.CANCELLED:
        reason = Reason.CANCELLED_AT_ROBOT
    return Decision(
        steps=steps_to(task, FAILED, via=AWAITING_FALLBACK_UNLOAD, reason=reason),
        request=RequestChange(RequestStatus.APPROVED, Reason.BROUGHT_BACK, needs_attention=True),
        copy=CopyChange(CopyStatus.RESERVED),
    )


def _delivery_abandoned(task: TaskFacts, seen: SeenDelivery) -> Decision:
    """A person ended it at the robot. What they took off is with them; what is still on board is nobody's yet."""
    removed = seen.cargo is Cargo.ABSENT
    return Decision(
        steps=steps_to(task, FAILED, via=AWAITING_RECOVERY, reason=Reason.ABANDONED),
        loaded=True,
        request=RequestChange(RequestStatus.APPROVED, Reason.ABANDONED, needs_attention=True),
        copy=CopyChange(CopyStatus.RESERVED) if removed else CopyChange(CopyStatus.UNAVAILABLE, StatusReason.MISSING),
    )


def _return_ended_loaded(task: TaskFacts, seen: SeenDelivery) -> Decision:
    """A failed return is cancelled and its loan stays open, flagged, since the reader has given the book away."""
    removed = seen.cargo is Cargo.ABSENT
    return Decision(
        steps=steps_to(task, FAILED, via=AWAITING_RECOVERY, reason=Reason.ABANDONED),
        loaded=True,
        book_return=ReturnChange(ReturnStatus.CANCELLED, Reason.DELIVERY_FAILED),
        copy=CopyChange(CopyStatus.CHECKED_OUT)
        if removed
        else CopyChange(CopyStatus.UNAVAILABLE, StatusReason.MISSING),
        loan=LoanChange.FLAG,
    )


def cancelled_empty(task: TaskFacts, reason: Reason | None = None) -> Decision:
    """The task ends cancelled with nothing on board; `reason` where no cancel is recorded on it."""
    why = task.cancel.reason if task.cancel else reason
    if task.type in STAFF_DELIVERIES:
        return staff_deliveries.ended_empty(task, CANCELLED, why)
    steps = steps_to(task, CANCELLED, reason=why)
    if task.type is TaskType.STUDENT_DELIVERY:
        return Decision(
            steps, request=RequestChange(RequestStatus.CANCELLED, why), copy=CopyChange(CopyStatus.AVAILABLE)
        )
    return Decision(steps, book_return=ReturnChange(ReturnStatus.CANCELLED, why))


def given_back(task: TaskFacts, why: GivenBack, reason: Reason, via: TaskState | None = None) -> Decision:
    """Back into the queue as a new attempt. A return is scheduled no longer; a request stays APPROVED."""
    steps = steps_to(task, QUEUED, via=via, reason=reason)
    if task.type is not TaskType.RETURN_PICKUP:
        return Decision(steps, loaded=False, given_back=why)
    return Decision(steps, loaded=False, given_back=why, book_return=ReturnChange(ReturnStatus.PENDING))


def _failed_empty(task: TaskFacts, reason: Reason, via: TaskState | None = None) -> Decision:
    """Failed with nothing on board: the request waits for a person with its copy kept; a return is cancelled."""
    if task.type in STAFF_DELIVERIES:
        return staff_deliveries.ended_empty(task, FAILED, reason, via)
    steps = steps_to(task, FAILED, via=via, reason=reason)
    if task.type is TaskType.STUDENT_DELIVERY:
        return Decision(steps, request=RequestChange(RequestStatus.APPROVED, reason, needs_attention=True))
    return Decision(steps, book_return=ReturnChange(ReturnStatus.CANCELLED, reason))
