"""Events of the delivery service: written with the change that causes them, numbered by the row's version."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.delivery.models import BookRequest, BookReturn, DeliveryTask, Hold, Loan
from luna_web.shared.outbox import notify, record_event

SOURCE = "delivery-service"
WANTED_CHANNEL = "luna_wanted"
ANY_ROBOT = "*"


def wake_controller(session: Session, robot_id: UUID | None) -> None:
    """Tell the robot's controller, or all of them, that something else is wanted. Heard once this commits."""
    notify(session, WANTED_CHANNEL, str(robot_id) if robot_id else ANY_ROBOT)


def task_event(
    session: Session,
    task: DeliveryTask,
    what: str,
    *,
    user_id: UUID | None,
    robot_at: str | None,
    trace_id: str,
    more: Mapping[str, bool],
) -> None:
    """`delivery.task.<what>`; `user_id` is the reader that the task serves, `robot_at` where a robot needs a person."""
    payload = {
        "task_id": str(task.id),
        "task_type": task.task_type,
        "status": task.status,
        "phase": task.phase,
        "reason": task.reason,
        "priority": task.priority,
        "attempt": task.attempt,
        "request_id": _text(task.request_id),
        "return_id": _text(task.return_id),
        "robot_id": _text(task.assigned_robot_id),
        "user_id": _text(user_id),
        "book_title": task.item_description,
        "source_location": task.source_location,
        "destination_location": task.destination_location,
        "robot_lost_since": _text(task.robot_lost_since),
        "robot_at": robot_at,
        "version": task.version,
        **more,
    }
    _record(session, f"delivery.task.{what.lower()}", f"task:{task.id}", task.version, payload, trace_id)


def request_event(session: Session, request: BookRequest, what: str, *, trace_id: str) -> None:
    """`delivery.request.<what>`."""
    payload = {
        "request_id": str(request.id),
        "user_id": _text(request.user_id),
        "book_id": str(request.book_id),
        "book_title": request.book_title,
        "status": request.status,
        "closed_reason": request.closed_reason,
        "needs_attention": request.needs_attention,
        "request_location": request.request_location,
        "version": request.version,
    }
    _record(session, f"delivery.request.{what.lower()}", f"request:{request.id}", request.version, payload, trace_id)


def return_event(session: Session, book_return: BookReturn, what: str, *, trace_id: str) -> None:
    """`delivery.return.<what>`."""
    payload = {
        "return_id": str(book_return.id),
        "user_id": _text(book_return.user_id),
        "book_id": str(book_return.book_id),
        "loan_id": str(book_return.loan_id),
        "book_title": book_return.book_title,
        "status": book_return.status,
        "closed_reason": book_return.closed_reason,
        "pickup_location": book_return.pickup_location,
        "version": book_return.version,
    }
    _record(
        session, f"delivery.return.{what.lower()}", f"return:{book_return.id}", book_return.version, payload, trace_id
    )


def loan_event(session: Session, loan: Loan, what: str, *, trace_id: str) -> None:
    """`delivery.loan.<what>`: opened, renewed, closed, flagged, lost, found, and the notices of its due date."""
    payload = {
        "loan_id": str(loan.id),
        "user_id": _text(loan.user_id),
        "book_id": str(loan.book_id),
        "copy_id": str(loan.copy_id),
        "book_title": loan.book_title,
        "opened_at": _text(loan.opened_at),
        "due_at": _text(loan.due_at),
        "closed_at": _text(loan.closed_at),
        "renewals": loan.renewals,
        "status": loan.status,
        "flagged": loan.flagged,
        "version": loan.version,
    }
    _record(session, f"delivery.loan.{what.lower()}", f"loan:{loan.id}", loan.version, payload, trace_id)


def hold_event(session: Session, hold: Hold, what: str, *, trace_id: str) -> None:
    """`delivery.hold.<what>`: where a reader stands in the queue for a title."""
    payload = {
        "hold_id": str(hold.id),
        "user_id": str(hold.user_id),
        "book_id": str(hold.book_id),
        "book_title": hold.book_title,
        "status": hold.status,
        "copy_id": _text(hold.offered_copy_id),
        "offered_until": _text(hold.offered_until),
        "closed_reason": hold.closed_reason,
        "version": hold.version,
    }
    _record(session, f"delivery.hold.{what.lower()}", f"hold:{hold.id}", hold.version, payload, trace_id)


def _record(session: Session, kind: str, aggregate: str, seq: int, payload: dict[str, Any], trace_id: str) -> None:
    record_event(
        session, type=kind, source=SOURCE, aggregate=aggregate, aggregate_seq=seq, payload=payload, trace_id=trace_id
    )


def _text(value: UUID | datetime | None) -> str | None:
    return value.isoformat() if isinstance(value, datetime) else str(value) if value else None
