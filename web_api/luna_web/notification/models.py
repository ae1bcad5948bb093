"""Tables of the notification service."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import FetchedValue, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from luna_web.shared.database import Base
from luna_web.shared.models import Timestamps, UuidKey


class Notification(UuidKey, Base):
    """What a person was told. One event tells a person at most once, by the table's own rule.

    One that was deleted keeps its row, without what it said, so that its event cannot bring it back.
    """

    __tablename__ = "notifications"

    user_id: Mapped[UUID]
    event_id: Mapped[UUID]
    notification_type: Mapped[str]
    title: Mapped[str]
    message: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    is_read: Mapped[bool] = mapped_column(default=False)
    read_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class NotificationPreference(Base):
    """What a person chose for one type. No row: what holds by default."""

    __tablename__ = "notification_preferences"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    notification_type: Mapped[str] = mapped_column(primary_key=True)
    in_app: Mapped[bool]
    email: Mapped[bool]
    push: Mapped[bool]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), server_onupdate=FetchedValue())


class PushSubscription(UuidKey, Timestamps, Base):
    """A browser that is to be told, in the session that subscribed it. `server_key` is ours that it was made for."""

    __tablename__ = "push_subscriptions"

    user_id: Mapped[UUID]
    session_id: Mapped[UUID]
    endpoint: Mapped[str]
    endpoint_hash: Mapped[bytes]
    p256dh: Mapped[bytes]
    auth: Mapped[bytes]
    server_key: Mapped[str]
    device: Mapped[str | None]
    expires_at: Mapped[datetime | None]
    last_success_at: Mapped[datetime | None]


class NotificationDelivery(Base):
    """One message to one person by email, or to one of their browsers. `id` follows from what it is: see `letters`."""

    __tablename__ = "notification_deliveries"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    user_id: Mapped[UUID]
    channel: Mapped[str]
    subscription_id: Mapped[UUID | None]
    notification_type: Mapped[str]
    title: Mapped[str]
    message: Mapped[str]
    topic: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="WAITING")
    reason: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    trace_id: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
