"""Every query of the notification service."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CursorResult, Select, delete, func, select, update
from sqlalchemy.orm import Session

from luna_web.notification.models import Notification


def of_user(user_id: UUID, is_read: bool | None, notification_type: str | None) -> Select[Notification]:
    found = select(Notification).where(Notification.user_id == user_id)
    if is_read is not None:
        found = found.where(Notification.is_read.is_(is_read))
    if notification_type is not None:
        found = found.where(Notification.notification_type == notification_type)
    return found


def unread(session: Session, user_id: UUID) -> int:
    counted = select(func.count()).select_from(Notification)
    return session.scalar(counted.where(Notification.user_id == user_id, Notification.is_read.is_(False))) or 0


def get(session: Session, user_id: UUID, notification_id: UUID) -> Notification | None:
    found = select(Notification).where(Notification.id == notification_id, Notification.user_id == user_id)
    return session.scalar(found.with_for_update())


def mark_all_read(session: Session, user_id: UUID, now: datetime) -> int:
    marked = session.execute(
        update(Notification)
        .where(Notification.user_id == user_id, Notification.is_read.is_(False))
        .values(is_read=True, read_at=now)
    )
    return marked.rowcount if isinstance(marked, CursorResult) else 0


def delete_older(session: Session, before: datetime, most: int) -> int:
    """Notifications from before then, so many at a time; how many went."""
    old = select(Notification.id).where(Notification.created_at < before).limit(most).with_for_update(skip_locked=True)
    gone = session.execute(delete(Notification).where(Notification.id.in_(old)))
    return gone.rowcount if isinstance(gone, CursorResult) else 0
