"""Mixins of all tables, and the tables that belong to no service."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, FetchedValue, Identity, Integer, SmallInteger, func, text
from sqlalchemy.dialects.postgresql import INET, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from luna_web.shared.database import Base
from luna_web.shared.ids import new_id


class UuidKey:
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)


class Timestamps:
    """`updated_at` is kept by a trigger of the table (`touch_updated_at`)."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), server_onupdate=FetchedValue())


class Versioned:
    """`version` grows with each change; an update of an older version fails (`StaleDataError`)."""

    version: Mapped[int] = mapped_column(Integer, default=1)


class Outbox(Base):
    """Events, written with the change that causes them. Inserting wakes the relay (`NOTIFY luna_outbox`)."""

    __tablename__ = "outbox"

    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    event_id: Mapped[UUID] = mapped_column(default=new_id)
    event_type: Mapped[str]
    source: Mapped[str]
    aggregate: Mapped[str]
    aggregate_seq: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(SmallInteger, default=1)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    trace_id: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    published_at: Mapped[datetime | None]


class ConsumerOffset(Base):
    """How far a consumer has handled an aggregate's events: the highest `aggregate_seq` done."""

    __tablename__ = "consumer_offsets"

    consumer: Mapped[str] = mapped_column(primary_key=True)
    aggregate: Mapped[str] = mapped_column(primary_key=True)
    last_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), server_onupdate=FetchedValue())


class DeadLetter(Base):
    """An event that a consumer gave up on after all its attempts; `replay_asked_at`: it is to have it once more."""

    __tablename__ = "dead_letters"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    consumer: Mapped[str]
    event_id: Mapped[UUID]
    aggregate: Mapped[str]
    aggregate_seq: Mapped[int] = mapped_column(BigInteger)
    error: Mapped[str]
    attempts: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    replay_asked_at: Mapped[datetime | None]
    replayed_at: Mapped[datetime | None]


class Job(Base):
    """Periodic work, claimed by whichever worker is first. `every_seconds` counts from the claim.

    `last_handled`, `last_error`: what the last run came to; `failures` counts those in a row.
    """

    __tablename__ = "jobs"

    name: Mapped[str] = mapped_column(primary_key=True)
    every_seconds: Mapped[int]
    next_run_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_started_at: Mapped[datetime | None]
    last_finished_at: Mapped[datetime | None]
    last_handled: Mapped[int | None] = mapped_column(BigInteger)
    last_error: Mapped[str | None]
    failures: Mapped[int] = mapped_column(default=0)


class IdempotencyKey(Base):
    """The first answer to a request that carried an Idempotency-Key."""

    __tablename__ = "idempotency_keys"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    body_hash: Mapped[bytes]
    status: Mapped[int] = mapped_column(SmallInteger)
    location: Mapped[str | None]
    data: Mapped[Any] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(server_default=text("now() + interval '24 hours'"))


class AuditLog(Base):
    """Who did what. Append only: the application's role may insert and read, nothing else. Monthly partitions."""

    __tablename__ = "audit_logs"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(primary_key=True, server_default=func.clock_timestamp())
    user_id: Mapped[UUID | None]
    role: Mapped[str | None]
    action: Mapped[str]
    resource_type: Mapped[str]
    resource_id: Mapped[str | None]
    changes: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    ip_address: Mapped[str | None] = mapped_column(INET)
    trace_id: Mapped[str]


class Setting(Base):
    """A setting that administrators change at run time; its schema belongs to its name."""

    __tablename__ = "settings"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JSONB)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), server_onupdate=FetchedValue())
    updated_by: Mapped[UUID | None]
