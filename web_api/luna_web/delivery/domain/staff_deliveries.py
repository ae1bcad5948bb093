"""What the deliveries that staff send each other mean for the copy that travels.

No reader waits for them: whatever happens, the copy is in the end what it was before, where it belongs, or missing.
"""

from dataclasses import replace

from luna_web.book.domain import CopyStatus, StatusReason
from luna_web.delivery.domain.facts import CopyChange, Decision, Place, TaskFacts
from luna_web.delivery.domain.machines import AWAITING_FALLBACK_UNLOAD, AWAITING_RECOVERY, AWAITING_UNLOAD
from luna_web.delivery.domain.states import CANCELLED, COMPLETED, FAILED, Reason, TaskState, TaskType
from luna_web.delivery.domain.ways import steps_to
from luna_web.robot.ports import FALLBACK_STOP_INDEX, Cargo, Outcome, RobotError, SeenDelivery


def kept(status: CopyStatus) -> CopyStatus:
    """What a copy is while it waits for its robot: one that readers could take is held back from them."""
    return CopyStatus.RESERVED if status is CopyStatus.AVAILABLE else status


def on_board(task: TaskFacts, decision: Decision) -> Decision:
    return replace(decision, loaded=True, copy=_copy(task, CopyChange(CopyStatus.ON_ROBOT)))


def arrived(task: TaskFacts) -> Decision:
    """It was taken off at its destination, or was not there to be taken off."""
    last_word = task.said_at(Place.DROPOFF)
    if last_word is not None and last_word.cargo_present is False:
        return _missing(task, AWAITING_UNLOAD, Reason.NOT_ON_BOARD)
    return Decision(steps_to(task, COMPLETED, via=AWAITING_UNLOAD), loaded=True, copy=at_destination(task))


def at_destination(task: TaskFacts) -> CopyChange | None:
    """A transfer changes where the copy stands, work begins at a workstation, a colleague gets it as it was."""
    before = task.copy_before
    if before is None or task.type is TaskType.INTER_STAFF:
        return before
    if task.type is TaskType.TRANSFER:
        return replace(before, shelf_location=task.destination)
    return CopyChange(CopyStatus.UNAVAILABLE, StatusReason.IN_PROCESS)


def ended_empty(task: TaskFacts, state: TaskState, reason: Reason | None, via: TaskState | None = None) -> Decision:
    """It never left: the copy is what it was."""
    return Decision(steps_to(task, state, via=via, reason=reason), copy=task.copy_before)


def ended_loaded(task: TaskFacts, seen: SeenDelivery) -> Decision:
    """It travelled and did not arrive: brought back, taken off by somebody on the way, or still on board."""
    at_source = task.said_at(Place.FALLBACK)
    if at_source is not None and at_source.cargo_present is False:
        return _missing(task, AWAITING_FALLBACK_UNLOAD, Reason.NOT_ON_BOARD)
    brought_back = seen.stop_index == FALLBACK_STOP_INDEX and seen.error is not RobotError.ABANDONED
    via = AWAITING_FALLBACK_UNLOAD if brought_back else AWAITING_RECOVERY
    if not brought_back and seen.cargo is not Cargo.ABSENT:
        return _missing(task, via, Reason.ABANDONED)
    if task.cancel is not None:
        steps = steps_to(task, CANCELLED, via=via, reason=task.cancel.reason)
    else:
        steps = steps_to(task, FAILED, via=via, reason=_why(seen) if brought_back else Reason.ABANDONED)
    return Decision(steps, loaded=True, copy=task.copy_before)


def _why(seen: SeenDelivery) -> Reason:
    if seen.outcome is Outcome.CANCELLED:
        return Reason.CANCELLED_AT_ROBOT
    return Reason.BATTERY_LOW if seen.error is RobotError.BATTERY_LOW else Reason.NAVIGATION_FAILED


def _missing(task: TaskFacts, via: TaskState, reason: Reason) -> Decision:
    missing = CopyChange(CopyStatus.UNAVAILABLE, StatusReason.MISSING)
    return Decision(steps_to(task, FAILED, via=via, reason=reason), loaded=True, copy=_copy(task, missing))


def _copy(task: TaskFacts, change: CopyChange) -> CopyChange | None:
    return change if task.copy_before is not None else None
