"""What clients see of imports."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from luna_web.book.imports.domain import Detected, ImportFormat, ImportOptions, ImportState, Severity
from luna_web.shared.fields import Output


class ImportOut(Output):
    """An import as it stands at this moment. `rows_read` = added + updated + unchanged + rejected."""

    id: UUID
    state: ImportState
    format: ImportFormat | None
    file_name: str | None
    size_bytes: int
    dry_run: bool
    options: ImportOptions
    detected: Detected | None = Field(description="What was found out about the file; null until it was opened")
    progress: float = Field(ge=0, le=1)
    rows_read: int
    added: int
    updated: int
    unchanged: int
    rejected: int
    warnings: int
    copies_added: int
    failure: str | None = Field(description="Why the rest of the file was not read; what landed before stays")
    created_by: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class ImportErrorOut(Output):
    """`record` counts from 1; `line` is that of the file, where it has lines."""

    number: int
    severity: Severity
    record: int | None
    line: int | None
    field: str | None
    reason: str
    value: str | None
