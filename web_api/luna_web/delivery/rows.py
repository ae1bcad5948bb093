"""Rows to facts and back: the only place where a task's row becomes a value that decisions understand."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from luna_web.book.domain import CopyStatus, StatusReason
from luna_web.delivery.domain.facts import (
    CancelAsked,
    CopyChange,
    Place,
    RecoveryAction,
    RecoveryAsked,
    Said,
    TaskFacts,
)
from luna_web.delivery.domain.states import Reason, TaskPhase, TaskState, TaskStatus, TaskType
from luna_web.delivery.models import DeliveryTask
from luna_web.robot.ports import Handover


def facts_of(task: DeliveryTask) -> TaskFacts:
    return TaskFacts(
        type=TaskType(task.task_type),
        state=state_of(task),
        attempt=task.attempt,
        loaded=task.loaded_at is not None,
        handover_seq=task.handover_seq,
        said=tuple(said_from_json(word) for word in task.said),
        cancel=cancel_from_json(task.cancel_asked) if task.cancel_asked else None,
        not_loaded=task.not_loaded,
        unreached=task.unreached,
        destination=task.destination_location,
        has_fallback=task.fallback is not None,
        copy_before=copy_before(task),
        robot_lost=task.robot_lost_since is not None,
        recovery=recovery_from_json(task.recovery_asked) if task.recovery_asked else None,
        recovery_seen_at=task.recovery_seen_at,
        left_on_board=left_on_board(task),
        overdue=task.phase == TaskPhase.AWAITING_RECOVERY and task.reason == Reason.NOT_UNLOADED,
    )


def left_on_board(task: DeliveryTask) -> bool:
    """Whether its robot still has the item of a delivery that is over, as far as anybody has said."""
    return bool(task.metadata_.get("left_on_board")) and "recovered" not in task.metadata_


def copy_before(task: DeliveryTask) -> CopyChange | None:
    """What the copy of a staff delivery was before it."""
    if task.copy_status_before is None:
        return None
    reason = StatusReason(task.copy_reason_before) if task.copy_reason_before else None
    return CopyChange(CopyStatus(task.copy_status_before), reason)


def state_of(task: DeliveryTask) -> TaskState:
    return TaskState(TaskStatus(task.status), TaskPhase(task.phase) if task.phase else None)


def said_to_json(said: Said) -> dict[str, Any]:
    return {
        "handover": said.handover.value,
        "place": said.place.value,
        "attempt": said.attempt,
        "handover_seq": said.handover_seq,
        "cargo_present": said.cargo_present,
        "by": said.by,
        "by_name": said.by_name,
        "at": said.at.isoformat(),
    }


def said_from_json(data: Mapping[str, Any]) -> Said:
    return Said(
        handover=Handover(data["handover"]),
        place=Place(data["place"]),
        attempt=data["attempt"],
        handover_seq=data["handover_seq"],
        cargo_present=data["cargo_present"],
        by=data["by"],
        by_name=data["by_name"],
        at=datetime.fromisoformat(data["at"]),
    )


def cancel_to_json(cancel: CancelAsked) -> dict[str, Any]:
    return {
        "reason": cancel.reason.value,
        "by": cancel.by,
        "by_name": cancel.by_name,
        "at": cancel.at.isoformat(),
        "note": cancel.note,
    }


def cancel_from_json(data: Mapping[str, Any]) -> CancelAsked:
    return CancelAsked(
        Reason(data["reason"]), data["by"], data["by_name"], datetime.fromisoformat(data["at"]), data["note"]
    )


def recovery_to_json(asked: RecoveryAsked) -> dict[str, Any]:
    return {
        "action": asked.action.value,
        "changed_at": asked.changed_at,
        "by": asked.by,
        "by_name": asked.by_name,
        "at": asked.at.isoformat(),
    }


def recovery_from_json(data: Mapping[str, Any]) -> RecoveryAsked:
    at = datetime.fromisoformat(data["at"])
    return RecoveryAsked(RecoveryAction(data["action"]), data["changed_at"], data["by"], data["by_name"], at)
