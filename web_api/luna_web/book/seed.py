"""Putting the seed catalog on the shelves: the same titles, copies and barcodes in every LUNA."""

import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from luna_web.book.barcodes import item_barcode
from luna_web.book.domain import CopyStatus
from luna_web.book.models import Book, Copy
from luna_web.shared.ids import new_id
from luna_web.shared.models import Setting

SEED = Path(__file__).resolve().parents[2] / "catalog_seed" / "titles.jsonl"
SETTING = "catalog.seed"
MOST_COPIES = 3
DESK_BY_CLASS = (("L", "DESK-1"), ("Z", "DESK-2"))
"""Last class of the Library of Congress classification whose shelves a desk serves."""
_FIELDS = (
    "title", "title_romanized", "author", "author_romanized", "isbn13", "isbn_given", "control_number", "publisher",
    "publication_year", "description", "language", "call_number",
)  # fmt: skip

_ALIKE = {"render_nulls": True}
"""SQLAlchemy else leaves out what is NULL, and begins a statement with each row in which that is something else."""


def seed_catalog(session: Session, path: Path = SEED) -> int | None:
    """Load the titles that are not there yet, with their copies; returns how many. None: this file was loaded before.

    A title that somebody deleted since is not brought back.
    """
    content = path.read_bytes()
    checksum = hashlib.sha256(content).hexdigest()
    if session.scalar(select(Setting.value).where(Setting.name == SETTING)) == {"sha256": checksum}:
        return None
    rows = [json.loads(line) for line in content.splitlines()]
    added = _add_titles(session, rows)
    copies = [copy for number, row in enumerate(rows) for copy in _copies(number, row, added)]
    if copies:
        session.execute(insert(Copy).on_conflict_do_nothing(), copies, execution_options=_ALIKE)
    _remember(session, {"sha256": checksum})
    return len(added)


def _add_titles(session: Session, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Insert; returns the ids of those that are new, by control number."""
    values = [
        {"id": new_id(), "isbns_invalid": row.get("isbns_invalid", []), **{name: row.get(name) for name in _FIELDS}}
        for row in rows
    ]
    query = insert(Book).on_conflict_do_nothing().returning(Book.control_number, Book.id)
    made = session.execute(query, values, execution_options=_ALIKE)
    return {number: book_id for number, book_id in made if number is not None}


def _copies(number: int, row: dict[str, Any], added: dict[str, Any]) -> Iterator[dict[str, Any]]:
    book_id = added.get(row["control_number"])
    if book_id is None:
        return
    for copy in range(copies_of(row["control_number"])):
        yield {
            "id": new_id(),
            "book_id": book_id,
            "barcode": item_barcode(number * 10 + copy + 1),
            "status": CopyStatus.AVAILABLE,
            "shelf_location": row.get("call_number"),
            "home_desk": desk_of(row.get("call_number")),
        }


def copies_of(control_number: str) -> int:
    """How many copies a title gets: one for six in ten, two for three, three for one."""
    return 1 + (zlib.crc32(control_number.encode()) % 10 > 5) + (zlib.crc32(control_number.encode()) % 10 > 8)


def desk_of(call_number: str | None) -> str:
    """The desk next to the shelf of a call number; the first desk where there is none."""
    letter = (call_number or "A")[0].upper()
    return next((desk for last, desk in DESK_BY_CLASS if letter <= last), DESK_BY_CLASS[0][1])


def _remember(session: Session, value: dict[str, str]) -> None:
    query = insert(Setting).values(name=SETTING, value=value)
    session.execute(query.on_conflict_do_update(index_elements=[Setting.name], set_={"value": value}))
