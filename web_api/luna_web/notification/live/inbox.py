"""A person's notifications as the snapshot of `me` shows them."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.notification import repository
from luna_web.notification.models import Notification
from luna_web.notification.schemas import NotificationOut

SHOWN = 20


def newest(session: Session, user_id: UUID) -> dict[str, Any]:
    """How many are unread in all, and the newest twenty."""
    rows = repository.of_user(user_id, None, None).order_by(Notification.created_at.desc(), Notification.id)
    return {
        "unread_count": repository.unread(session, user_id),
        "notifications": [NotificationOut.model_validate(row) for row in session.scalars(rows.limit(SHOWN))],
    }
