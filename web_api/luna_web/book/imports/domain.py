"""What an import is: its states, its options, and the records in it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from luna_web.book.marc import CatalogRecord  # which loads pymarc, and the worker has other processes read records

TRY_LATER = 75
"""What an importing process ends with when another may go on: EX_TEMPFAIL of sysexits.h."""


class ImportState(StrEnum):
    """UPLOADING → QUEUED → RUNNING → COMPLETED, FAILED or CANCELLED; the last three are final."""

    UPLOADING = "UPLOADING"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


UNFINISHED = frozenset({ImportState.UPLOADING, ImportState.QUEUED, ImportState.RUNNING})


class ImportFormat(StrEnum):
    """MARC is MARC 21 as ISO 2709 writes it; JSONL is one JSON object a line."""

    MARC = "MARC"
    MARCXML = "MARCXML"
    CSV = "CSV"
    XLSX = "XLSX"
    JSONL = "JSONL"

    @classmethod
    def _missing_(cls, value: object) -> "ImportFormat | None":
        """`csv` is as good as `CSV` in an address."""
        return cls.__members__.get(value.upper()) if isinstance(value, str) else None


class Severity(StrEnum):
    """REJECTED: the record did not land. WARNING: it did, without something that it said."""

    REJECTED = "REJECTED"
    WARNING = "WARNING"


class ImportOptions(BaseModel):
    """What the librarian says about a file; what is None is found out.

    `mapping` gives columns by their names in the file (a field of `fields.TABLE`, or `-` to leave one out);
    `copies`: how many copies a new title gets that comes without any.
    """

    model_config = ConfigDict(frozen=True)

    encoding: str | None = None
    separator: str | None = None
    mapping: dict[str, str] = {}
    sheet: str | None = None
    copies: int = 0


class DetectedColumn(BaseModel):
    """`field` is None where no field is called so."""

    name: str
    field: str | None


class Detected(BaseModel):
    """What was found out about a file."""

    encoding: str | None = None
    separator: str | None = None
    sheet: str | None = None
    columns: list[DetectedColumn] | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a record, or with the file where `record` is None."""

    severity: Severity
    reason: str
    record: int | None = None
    line: int | None = None
    field: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """What is wrong about a field of the record at hand."""

    field: str | None
    reason: str
    value: str | None = None


class Rejected(Exception):
    """A record that cannot become a title, and why."""

    def __init__(self, field: str | None, reason: str, value: str | None = None) -> None:
        super().__init__(reason)
        self.remark = Remark(field, reason, value)


class FileFault(Exception):
    """A file that cannot be read any further; the text says what is wrong and what would be right."""


@dataclass(frozen=True, slots=True)
class Barcoded:
    """A copy that a record names."""

    barcode: str
    shelf: str | None = None


@dataclass(frozen=True, slots=True)
class CopyWish:
    """What a record says about copies: these, and at least `count` in all; new ones without a barcode at `shelf`."""

    named: tuple[Barcoded, ...] = ()
    count: int = 0
    shelf: str | None = None


NO_WISH = CopyWish()


@dataclass(frozen=True, slots=True)
class Described:
    """A record as the catalog understands it."""

    book: "CatalogRecord"
    copies: CopyWish = NO_WISH
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A record of the file that may become a title. `number` counts records from 1."""

    number: int
    line: int | None
    described: Described
