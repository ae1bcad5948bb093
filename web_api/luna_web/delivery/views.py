"""Rows as clients see them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from luna_web.book.service import CopyView
from luna_web.delivery.domain.states import TaskType
from luna_web.delivery.models import BookRequest, BookReturn, DeliveryTask, Hold, Loan, TaskStatusHistory
from luna_web.delivery.repository import TaskInBrief
from luna_web.delivery.rows import left_on_board
from luna_web.delivery.schemas import (
    ActivityOut,
    CancelOut,
    CopyBrief,
    DeliveryOut,
    HoldOut,
    LoanOut,
    RecoveryOut,
    RequestOut,
    ReturnOut,
    SaidOut,
    StopOut,
    TaskBrief,
)
from luna_web.shared.database import Base


def request_out(request: BookRequest, task: DeliveryTask | TaskInBrief | None, *, for_staff: bool) -> RequestOut:
    """Which of the staff accepted it only staff are told."""
    told = {} if for_staff else {"approved_by": None}
    return RequestOut.model_validate(_with_delivery(request, task) | told)


def return_out(book_return: BookReturn, task: DeliveryTask | TaskInBrief | None) -> ReturnOut:
    return ReturnOut.model_validate(_with_delivery(book_return, task))


def _with_delivery(row: BookRequest | BookReturn, task: DeliveryTask | TaskInBrief | None) -> dict[str, Any]:
    brief = TaskBrief.model_validate(task) if task else None
    return _columns(row) | {"task_id": task.id if task else None, "delivery": brief}


def loan_out(loan: Loan, now: datetime) -> LoanOut:
    overdue = loan.closed_at is None and loan.due_at < now
    return LoanOut.model_validate(_columns(loan) | {"status": loan.status, "overdue": overdue})


def hold_out(hold: Hold, position: int | None) -> HoldOut:
    return HoldOut.model_validate(_columns(hold) | {"position": position, "copy_id": hold.offered_copy_id})


def copy_brief(copy: CopyView) -> CopyBrief:
    return CopyBrief.model_validate(copy)


def delivery_out(task: DeliveryTask) -> DeliveryOut:
    return DeliveryOut.model_validate(
        _columns(task)
        | {
            "stops": [_stop(stop) for stop in task.stops],
            "fallback": _stop(task.fallback) if task.fallback else None,
            "confirmations": [SaidOut.model_validate(said) for said in task.said],
            "cancel_asked": CancelOut.model_validate(task.cancel_asked) if task.cancel_asked else None,
            "recovery_asked": RecoveryOut.model_validate(task.recovery_asked) if task.recovery_asked else None,
            "robot_to_be_told": task.settlement is not None,
            "left_on_board": left_on_board(task),
        }
    )


def _stop(stop: Mapping[str, Any]) -> StopOut:
    pose = stop["pose"]
    return StopOut.model_validate({**stop, "x": pose["x"], "y": pose["y"], "yaw": pose["yaw"]})


@dataclass(frozen=True, slots=True)
class Timeline:
    """Whose timeline it is, who looks at it, and the names of robots and persons in it, by id."""

    reader_id: UUID | None
    for_staff: bool
    task_type: TaskType
    robots: Mapping[UUID, str]
    persons: Mapping[UUID, str]

    def show(self, row: TaskStatusHistory) -> ActivityOut:
        by_reader = row.actor_forgotten or (row.actor_id is not None and row.actor_id == self.reader_id)
        by = "READER" if by_reader else "ROBOT" if row.actor_id is None else "STAFF"
        told = row.actor_id if self.for_staff or by == "READER" else None
        more = {
            "by": by,
            "task_type": self.task_type,
            "robot_name": self.robots.get(row.robot_id) if row.robot_id else None,
            "actor_id": told,
            "actor_name": self.persons.get(told) if told else None,
        }
        return ActivityOut.model_validate(_columns(row) | more)


def _columns(row: Base) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _names(type(row))}


@cache
def _names(table: type[Base]) -> tuple[str, ...]:
    """Of a table's columns. The mapper makes its list anew each time, which takes longer than reading a row."""
    return tuple(column.key for column in table.__mapper__.column_attrs)
