"""Events of the catalog."""

from sqlalchemy.orm import Session

from luna_web.book.models import Copy
from luna_web.shared.outbox import record_event

SOURCE = "book-service"


def copy_status_changed(session: Session, copy: Copy, before: str) -> None:
    """The copy's version must have been raised already: it is the event's place in the copy's story."""
    record_event(
        session,
        type="catalog.book.copy_status_changed",
        source=SOURCE,
        aggregate=f"copy:{copy.id}",
        aggregate_seq=copy.version,
        payload={
            "copy_id": copy.id,
            "book_id": copy.book_id,
            "barcode": copy.barcode,
            "from": before,
            "status": copy.status,
            "status_reason": copy.status_reason,
            "version": copy.version,
        },
    )
