"""Events of notifications: a person's screens learn at once of what is new, and of what was done on another."""

from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.notification.models import Notification
from luna_web.notification.schemas import NotificationOut
from luna_web.shared.ids import new_id
from luna_web.shared.outbox import record_event

SOURCE = "notification-service"
CREATED, READ, DELETED = 1, 2, 3
"""The versions of a notification: it is told, then read, then deleted, or deleted unread."""


def created(session: Session, row: Notification, *, trace_id: str) -> None:
    _record(session, row, "notification.created", CREATED, trace_id)


def read(session: Session, row: Notification) -> None:
    _record(session, row, "notification.read", READ, None)


def deleted(session: Session, row: Notification) -> None:
    """What it said is gone; `was_read` tells whether it counted as unread."""
    record_event(
        session,
        type="notification.deleted",
        source=SOURCE,
        aggregate=f"notification:{row.id}",
        aggregate_seq=DELETED,
        payload={"user_id": row.user_id, "notification_id": row.id, "was_read": row.is_read, "version": DELETED},
    )


def all_read(session: Session, user_id: UUID, marked: int) -> None:
    """Each is an aggregate of its own: nothing follows on it."""
    record_event(
        session,
        type="notification.all_read",
        source=SOURCE,
        aggregate=f"inbox:{new_id()}",
        aggregate_seq=1,
        payload={"user_id": user_id, "marked": marked},
    )


def _record(session: Session, row: Notification, event_type: str, version: int, trace_id: str | None) -> None:
    shown = NotificationOut.model_validate(row).model_dump(mode="json")
    record_event(
        session,
        type=event_type,
        source=SOURCE,
        aggregate=f"notification:{row.id}",
        aggregate_seq=version,
        payload={"user_id": row.user_id, "notification": shown, "version": version},
        trace_id=trace_id,
    )
