"""Tables of bulk import. What a running job writes in bulk (`import_met`, `import_pins`) is in `writing`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB, REAL
from sqlalchemy.orm import Mapped, deferred, mapped_column

from luna_web.shared.database import Base
from luna_web.shared.models import Timestamps, UuidKey, Versioned


class ImportJob(UuidKey, Timestamps, Versioned, Base):
    """One file on its way into the catalog. `position`: how many of its records are done and counted."""

    __tablename__ = "import_jobs"

    created_by: Mapped[UUID | None]
    state: Mapped[str]
    format: Mapped[str | None]
    file_name: Mapped[str | None]
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    dry_run: Mapped[bool] = mapped_column(default=False)
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    detected: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    position: Mapped[int] = mapped_column(BigInteger, default=0)
    progress: Mapped[float] = mapped_column(REAL, default=0.0)
    added: Mapped[int] = mapped_column(BigInteger, default=0)
    updated: Mapped[int] = mapped_column(BigInteger, default=0)
    unchanged: Mapped[int] = mapped_column(BigInteger, default=0)
    rejected: Mapped[int] = mapped_column(BigInteger, default=0)
    warnings: Mapped[int] = mapped_column(BigInteger, default=0)
    copies_added: Mapped[int] = mapped_column(BigInteger, default=0)
    failure: Mapped[str | None]
    claimed_by: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    tried_from: Mapped[int | None] = mapped_column(BigInteger)
    trace_id: Mapped[str]
    queued_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    tidied_at: Mapped[datetime | None]


class ImportChunk(Base):
    """A piece of a file: 1 MiB, the last one less."""

    __tablename__ = "import_chunks"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("import_jobs.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes] = deferred(mapped_column(LargeBinary))


class ImportProblem(Base):
    """What was wrong with one record, or with the file as a whole."""

    __tablename__ = "import_errors"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("import_jobs.id"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    severity: Mapped[str]
    record: Mapped[int | None] = mapped_column(BigInteger)
    line: Mapped[int | None] = mapped_column(BigInteger)
    field: Mapped[str | None]
    reason: Mapped[str]
    value: Mapped[str | None]
