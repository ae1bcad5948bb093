"""The catalog as a file: one record as CSV or JSON. Pure.

The names of the columns are those that an import reads, so that an export goes back in.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from luna_web.book.isbn import hyphenated
from luna_web.shared.csv_cells import defused

COLUMNS = (
    "id", "title", "title_romanized", "author", "author_romanized", "isbn", "isbns_other", "isbns_invalid",
    "control_number", "publisher", "publication_year", "language", "call_number", "description", "cover_image_url",
    "copies", "copies_available", "status", "shelf_location",
)  # fmt: skip
BETWEEN = "; "
"""What stands between several values in one cell."""
BYTE_ORDER_MARK = "\ufeff"


class ExportFormat(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True)
class Writing:
    """How a format is written: what it begins with, and a batch of records."""

    media_type: str
    head: Callable[[], str]
    batch: Callable[[Iterable[Mapping[str, Any]]], str]


def exported(row: Any) -> dict[str, Any]:
    """A row of `repository.exporting` as a record, in the order of `COLUMNS`."""
    values = {
        **row._asdict(),
        "id": str(row.id),
        "isbn": hyphenated(row.isbn13) if row.isbn13 else None,
        "isbns_other": [hyphenated(isbn13) for isbn13 in row.isbns_other],
    }
    return {name: values["available" if name == "copies_available" else name] for name in COLUMNS}


def csv_batch(records: Iterable[Mapping[str, Any]]) -> str:
    """Lines as RFC 4180 has them; no cell is a formula."""
    sink = io.StringIO()
    csv.writer(sink).writerows([_cell(record[name]) for name in COLUMNS] for record in records)
    return sink.getvalue()


def csv_head() -> str:
    """The names of the columns, after a byte order mark: without it Excel does not take UTF-8 for UTF-8."""
    return BYTE_ORDER_MARK + ",".join(COLUMNS) + "\r\n"


def jsonl_batch(records: Iterable[Mapping[str, Any]]) -> str:
    """One JSON object a line, without what is empty."""
    kept = ({name: value for name, value in record.items() if value not in (None, [])} for record in records)
    return "".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) + "\n" for one in kept)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return defused(BETWEEN.join(value) if isinstance(value, list) else str(value))


WRITING = {
    ExportFormat.CSV: Writing("text/csv; charset=utf-8", csv_head, csv_batch),
    ExportFormat.JSONL: Writing("application/x-ndjson; charset=utf-8", str, jsonl_batch),
}
