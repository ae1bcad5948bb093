"""What crosses HTTP."""

from datetime import datetime
from typing import Any
from uuid import UUID

from luna_web.notification.domain import NotificationType
from luna_web.shared.fields import Input, Output


class NotificationOut(Output):
    id: UUID
    notification_type: NotificationType
    title: str
    message: str
    payload: dict[str, Any]
    is_read: bool
    read_at: datetime | None
    created_at: datetime


class ReadAll(Output):
    """How many were unread before."""

    marked: int


class Empty(Input):
    """No fields."""
