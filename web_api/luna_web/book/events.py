"""Events of the catalog. A row's version must have been raised already: it is the event's place in its story."""

from typing import Any

from sqlalchemy.orm import Session

from luna_web.book.models import Book, Copy
from luna_web.shared.outbox import record_event

SOURCE = "book-service"


def title_event(session: Session, book: Book, what: str) -> None:
    """`catalog.book.created`, `updated` or `deleted`."""
    payload = {
        "book_id": book.id,
        "title": book.title,
        "author": book.author,
        "isbn": book.isbn13,
        "version": book.version,
    }
    _record(session, f"catalog.book.{what}", f"book:{book.id}", book.version, payload)


def copy_event(session: Session, copy: Copy, what: str) -> None:
    """`catalog.book.copy_added`, `copy_updated` or `copy_removed`."""
    _record(session, f"catalog.book.{what}", f"copy:{copy.id}", copy.version, _copy(copy))


def copy_status_changed(session: Session, copy: Copy, before: str) -> None:
    payload = {**_copy(copy), "from": before}
    _record(session, "catalog.book.copy_status_changed", f"copy:{copy.id}", copy.version, payload)


def _copy(copy: Copy) -> dict[str, Any]:
    return {
        "copy_id": copy.id,
        "book_id": copy.book_id,
        "barcode": copy.barcode,
        "status": copy.status,
        "status_reason": copy.status_reason,
        "version": copy.version,
    }


def _record(session: Session, kind: str, aggregate: str, seq: int, payload: dict[str, Any]) -> None:
    record_event(session, type=kind, source=SOURCE, aggregate=aggregate, aggregate_seq=seq, payload=payload)
