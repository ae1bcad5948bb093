"""What the bare server writes; no migration makes it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from luna_web.shared.database import Base

CREATE = """
CREATE TABLE IF NOT EXISTS bench_requests (
    LIKE book_requests INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES
)
"""
"""A table like that of requests: its columns, checks and indexes, but no references to others."""


class BareRequest(Base):
    __tablename__ = "bench_requests"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    user_id: Mapped[UUID]
    book_id: Mapped[UUID]
    copy_id: Mapped[UUID]
    waypoint_id: Mapped[UUID]
    book_title: Mapped[str]
    request_location: Mapped[str]
    priority: Mapped[str]
    status: Mapped[str]
    needs_attention: Mapped[bool]
    requested_at: Mapped[datetime]
