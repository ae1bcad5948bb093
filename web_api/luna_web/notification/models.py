"""Tables of the notification service."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from luna_web.shared.database import Base
from luna_web.shared.models import UuidKey


class Notification(UuidKey, Base):
    """What a person was told. One event tells a person at most once, by the table's own rule."""

    __tablename__ = "notifications"

    user_id: Mapped[UUID]
    event_id: Mapped[UUID]
    notification_type: Mapped[str]
    title: Mapped[str]
    message: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    is_read: Mapped[bool] = mapped_column(default=False)
    read_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
