"""Tables of the delivery service. Their rules (foreign keys, CHECKs, partial unique indexes) are in the migrations.

Whose a loan, request or return was is None once that is forgotten.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Double, Identity
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from luna_web.delivery.domain.states import ClosedHow, LoanStatus
from luna_web.shared.database import Base
from luna_web.shared.models import Timestamps, UuidKey, Versioned

SHOWN_AT_ONCE: dict[str, Any] = {"eager_defaults": True}
"""What a trigger sets comes back with the UPDATE: who changes a row shows it, and would have to read it again."""


class BookRequest(UuidKey, Versioned, Timestamps, Base):
    """A reader's wish for a title, with the copy that is kept for it."""

    __tablename__ = "book_requests"
    __mapper_args__ = SHOWN_AT_ONCE

    user_id: Mapped[UUID | None]
    book_id: Mapped[UUID]
    copy_id: Mapped[UUID]
    book_title: Mapped[str]
    book_author: Mapped[str | None]
    request_location: Mapped[str]
    waypoint_id: Mapped[UUID]
    priority: Mapped[str]
    status: Mapped[str]
    closed_reason: Mapped[str | None]
    needs_attention: Mapped[bool] = mapped_column(default=False)
    notes: Mapped[str | None]
    requested_at: Mapped[datetime]
    approved_by: Mapped[UUID | None]
    approved_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]


class Loan(UuidKey, Versioned, Timestamps, Base):
    """A copy that a reader has; open until `closed_at` is set.

    `notice`: the last one that was given of the present due date. `forgotten_at`: since then nobody knows whose it was.
    """

    __tablename__ = "loans"

    user_id: Mapped[UUID | None]
    copy_id: Mapped[UUID]
    book_id: Mapped[UUID]
    book_title: Mapped[str]
    book_author: Mapped[str | None]
    request_id: Mapped[UUID | None]
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    renewals: Mapped[int] = mapped_column(default=0)
    closed_at: Mapped[datetime | None]
    flagged: Mapped[bool] = mapped_column(default=False)
    opened_how: Mapped[str]
    closed_how: Mapped[str | None]
    notice: Mapped[str | None]
    forgotten_at: Mapped[datetime | None]

    @property
    def status(self) -> LoanStatus:
        if self.closed_at is None:
            return LoanStatus.OPEN
        return LoanStatus.LOST if self.closed_how == ClosedHow.LOST else LoanStatus.RETURNED


class Hold(UuidKey, Versioned, Timestamps, Base):
    """A reader's place in the queue for a title; the copy that is kept for them once it is their turn."""

    __tablename__ = "holds"

    user_id: Mapped[UUID]
    book_id: Mapped[UUID]
    book_title: Mapped[str]
    book_author: Mapped[str | None]
    status: Mapped[str]
    placed_at: Mapped[datetime]
    offered_copy_id: Mapped[UUID | None]
    offered_at: Mapped[datetime | None]
    offered_until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    closed_reason: Mapped[str | None]


class BookReturn(UuidKey, Versioned, Timestamps, Base):
    """A reader's wish to have a book collected."""

    __tablename__ = "book_returns"
    __mapper_args__ = SHOWN_AT_ONCE

    user_id: Mapped[UUID | None]
    book_id: Mapped[UUID]
    loan_id: Mapped[UUID]
    copy_id: Mapped[UUID]
    book_title: Mapped[str]
    book_author: Mapped[str | None]
    pickup_location: Mapped[str]
    waypoint_id: Mapped[UUID]
    status: Mapped[str]
    closed_reason: Mapped[str | None]
    notes: Mapped[str | None]
    initiated_at: Mapped[datetime]
    picked_up_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]


class DeliveryTask(UuidKey, Versioned, Timestamps, Base):
    """One trip of a robot, over as many attempts as it takes. `stops` keeps the poses as they were when planned.

    `recovery_asked` is what a person wants a waiting robot to do, `settlement` their word that ended the task and
    that its robot has not been told yet. `offered_at`: since then it is left to a robot that is nearer.
    `waits_since` and `alerts` belong to a robot that nobody comes to.
    """

    __tablename__ = "delivery_tasks"
    __mapper_args__ = SHOWN_AT_ONCE

    task_type: Mapped[str]
    priority: Mapped[str]
    priority_rank: Mapped[int]
    queued_at: Mapped[datetime | None]
    queue_key: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    status: Mapped[str]
    phase: Mapped[str | None]
    reason: Mapped[str | None]
    request_id: Mapped[UUID | None]
    return_id: Mapped[UUID | None]
    book_id: Mapped[UUID | None]
    copy_id: Mapped[UUID | None]
    item_description: Mapped[str]
    source_location: Mapped[str | None]
    destination_location: Mapped[str]
    stops: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    fallback: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    recipient_id: Mapped[UUID | None]
    created_by: Mapped[UUID | None]
    assigned_robot_id: Mapped[UUID | None]
    attempt: Mapped[int] = mapped_column(default=1)
    not_loaded: Mapped[int] = mapped_column(default=0)
    unreached: Mapped[int] = mapped_column(default=0)
    retry_of: Mapped[UUID | None]
    said: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    cancel_asked: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    handover_seq: Mapped[int] = mapped_column(default=0)
    loaded_at: Mapped[datetime | None]
    observed_journal_id: Mapped[str | None]
    observed_journal_seq: Mapped[int | None] = mapped_column(BigInteger)
    robot_lost_since: Mapped[datetime | None]
    notes: Mapped[str | None]
    copy_status_before: Mapped[str | None]
    copy_reason_before: Mapped[str | None]
    recovery_asked: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    recovery_seen_at: Mapped[float | None] = mapped_column(Double)
    settlement: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    offered_at: Mapped[datetime | None]
    waits_since: Mapped[datetime | None]
    wait_looked_at: Mapped[datetime | None]
    alerts: Mapped[int] = mapped_column(default=0)
    trace_id: Mapped[str]
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", JSONB, default=dict)
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]


class TaskStatusHistory(Base):
    """One row for each transition of a task and of the request or return it serves. Append only, by the grants."""

    __tablename__ = "task_status_history"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    task_id: Mapped[UUID]
    subject: Mapped[str]
    at: Mapped[datetime]
    from_status: Mapped[str | None]
    from_phase: Mapped[str | None]
    to_status: Mapped[str]
    phase: Mapped[str | None]
    attempt: Mapped[int]
    robot_id: Mapped[UUID | None]
    actor_id: Mapped[UUID | None]
    actor_forgotten: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str | None]
    trace_id: Mapped[str]
