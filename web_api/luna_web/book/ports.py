"""What the catalog asks of those who lend its copies, in plain values.

The catalog knows titles and copies and nothing of readers, requests or loans. The delivery service implements
`Circulation`; `luna_web.main` wires them, also where the catalog runs alone: a copy that is lent must not be removed.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.shared.runtime import Port


@dataclass(frozen=True, slots=True)
class Outlook:
    """When the next lent copy of a title is due, and how many readers wait for one."""

    next_due_at: datetime | None = None
    queue_length: int = 0


class Circulation(Protocol):
    """Loans and requests, as far as the catalog has to know. Every call reads in the caller's transaction."""

    def outlook(self, session: Session, book_id: UUID) -> Outlook:
        """What a reader who comes now has to expect."""
        ...

    def engaged(self, session: Session, copy_ids: Collection[UUID]) -> frozenset[UUID]:
        """Those copies that an open loan, request, return or unfinished delivery holds, whatever their status."""
        ...

    def most_requested(self, session: Session, since: datetime, limit: int) -> Sequence[tuple[UUID, int]]:
        """The titles most often asked for since then, with how often; living or not."""
        ...


CIRCULATION: Port[Circulation] = Port("circulation")
"""What `luna_web.main` provides, and the catalog gets."""
