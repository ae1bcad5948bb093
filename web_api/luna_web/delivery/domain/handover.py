"""Whether what a person says of a hand-over, or a cancel, can be taken now."""

from enum import StrEnum

from luna_web.delivery.domain.facts import Place, TaskFacts
from luna_web.delivery.domain.states import AFTER_LOADING, TaskPhase, TaskStatus, TaskType


class Verdict(StrEnum):
    RECORD = "RECORD"
    """Take it down; the state moves when the robot shows that it took it."""
    AT_ONCE = "AT_ONCE"
    """No robot is concerned: the state moves now."""
    ASKED = "ASKED"
    """Somebody has said so already, and the robot has not taken it yet."""
    DONE = "DONE"
    """That is how it is."""
    NOT_AT_STOP = "NOT_AT_STOP"
    """No robot waits for this hand-over."""
    CANCELLED_MEANWHILE = "CANCELLED_MEANWHILE"
    """A cancel came first: the item is to be taken off again."""
    HANDOVER_PENDING = "HANDOVER_PENDING"
    """A confirmation is on its way to the robot: neither done nor undone."""
    ROBOT_SILENT = "ROBOT_SILENT"
    """The robot cannot be told anything now, or has forgotten what this is about."""
    ILLEGAL = "ILLEGAL"
    """Never from this state."""


ENDED_OTHERWISE = frozenset({TaskStatus.FAILED, TaskStatus.CANCELLED})


def loading(task: TaskFacts) -> Verdict:
    """Somebody says that the item is on the robot."""
    if task.loaded or task.state.status is TaskStatus.COMPLETED:
        return Verdict.DONE
    if task.state.status in ENDED_OTHERWISE:
        return Verdict.ILLEGAL
    if task.place is not Place.PICKUP:
        return Verdict.NOT_AT_STOP
    if task.cancel is not None:
        return Verdict.CANCELLED_MEANWHILE
    return Verdict.ASKED if task.pending else Verdict.RECORD


def unloading(task: TaskFacts, *, at_fallback: bool) -> Verdict:
    """Somebody says that they took the item off. `at_fallback`: whether they can say so there (staff, not readers)."""
    if task.state.status is TaskStatus.COMPLETED:
        return Verdict.DONE
    if task.state.status in ENDED_OTHERWISE:
        return Verdict.ILLEGAL
    if task.place is Place.DROPOFF or (task.place is Place.FALLBACK and at_fallback):
        return _unloading_here(task)
    return Verdict.NOT_AT_STOP


def _unloading_here(task: TaskFacts) -> Verdict:
    if task.pending:
        return Verdict.ASKED
    if task.cancel is not None and task.place is Place.DROPOFF:
        return Verdict.CANCELLED_MEANWHILE
    return Verdict.RECORD


def late_claim(task: TaskFacts) -> Verdict:
    """The reader says that they took it after all, while the robot is on its way back: settled at the desk."""
    if task.state.phase not in (TaskPhase.TO_FALLBACK, TaskPhase.AWAITING_FALLBACK_UNLOAD):
        return Verdict.NOT_AT_STOP
    return Verdict.ASKED if task.said_at(Place.DROPOFF) else Verdict.RECORD


def cancelling(task: TaskFacts) -> Verdict:
    """Somebody wants the task to end. With the item on board only a student delivery can still turn back."""
    if task.state.status is TaskStatus.CANCELLED:
        return Verdict.DONE
    if task.finished:
        return Verdict.ILLEGAL
    if task.state.status in (TaskStatus.PENDING, TaskStatus.QUEUED):
        return Verdict.AT_ONCE
    if task.cancel is not None:
        return Verdict.ASKED
    if task.pending:
        return Verdict.HANDOVER_PENDING
    on_board = task.loaded or task.state.phase in AFTER_LOADING
    return Verdict.ILLEGAL if on_board and task.type is TaskType.RETURN_PICKUP else Verdict.RECORD
