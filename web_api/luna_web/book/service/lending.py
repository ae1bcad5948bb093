"""Copies, for those who lend and carry them."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.book import events
from luna_web.book.domain import TRANSITIONS, CopyStatus, StatusReason, allowed_from
from luna_web.book.errors import BookNotAvailable, BookNotFound, CopyNotFound
from luna_web.book.models import Copy
from luna_web.book.repository import copies as rows
from luna_web.book.repository import titles
from luna_web.book.service.views import CopyView, copy_view
from luna_web.shared.errors import IllegalTransition


def get_copy(session: Session, copy_id: UUID) -> CopyView:
    """A copy; CopyNotFound if there is none."""
    return copy_view(found(rows.get_copy(session, copy_id)))


def lock_copy(session: Session, copy_id: UUID) -> CopyView:
    """A copy as it is now; nobody else moves it before this transaction ends. Raises CopyNotFound."""
    return copy_view(found(rows.lock_copy(session, copy_id)))


def get_copy_by_barcode(session: Session, barcode: str) -> CopyView | None:
    """The copy that carries this barcode, if there is one."""
    copy = rows.get_copy_by_barcode(session, barcode.strip())
    return copy_view(copy) if copy else None


def list_copies(session: Session, book_id: UUID) -> Sequence[CopyView]:
    """The living copies of a title, by barcode."""
    return [copy_view(copy) for copy in rows.list_copies(session, book_id)]


def reserve_copy(session: Session, book_id: UUID) -> CopyView:
    """Take a free copy of a title: it is RESERVED when this transaction commits.

    Raises BookNotAvailable with the title's status, BookNotFound.
    """
    copy = reserve_if_free(session, book_id)
    if copy is None:
        title = titles.title_by_id(session, book_id)
        if title is None:
            raise BookNotFound()
        raise BookNotAvailable(title.holdings.status)
    return copy


def reserve_if_free(session: Session, book_id: UUID) -> CopyView | None:
    """As `reserve_copy`; None if no copy is free."""
    copy = rows.take_available_copy(session, book_id)
    if copy is None:
        return None
    events.copy_status_changed(session, copy, CopyStatus.AVAILABLE)
    return copy_view(copy)


def titles_with_free_copies(session: Session, book_ids: Collection[UUID]) -> frozenset[UUID]:
    """Those of these titles that have a copy on the shelf."""
    return rows.titles_with_free_copies(session, book_ids)


def removed_titles(session: Session, book_ids: Collection[UUID]) -> frozenset[UUID]:
    """Those of these titles that were taken out of the catalog."""
    return titles.removed(session, book_ids)


def set_copy_status(
    session: Session,
    copy_id: UUID,
    from_statuses: Collection[CopyStatus],
    to_status: CopyStatus,
    reason: StatusReason | None = None,
) -> CopyView:
    """Move a copy that is in one of `from_statuses`; one that is there already stays, which is no error.

    `reason` belongs to UNAVAILABLE and only to it. Raises IllegalTransition, CopyNotFound.
    """
    copy = found(rows.lock_copy(session, copy_id))
    current = CopyStatus(copy.status)
    if current is to_status and copy.status_reason == reason:
        return copy_view(copy)
    if current not in from_statuses or (to_status not in TRANSITIONS[current] and current is not to_status):
        raise IllegalTransition("copy", current, to_status, allowed_from(current))
    return move(session, copy, to_status, reason)


def set_shelf_location(session: Session, copy_id: UUID, shelf_location: str) -> CopyView:
    """Where a copy stands from now on. Raises CopyNotFound."""
    copy = found(rows.lock_copy(session, copy_id))
    if copy.shelf_location != shelf_location:
        copy.shelf_location = shelf_location
        copy.version += 1
        session.flush()
        events.copy_event(session, copy, "copy_updated")
    return copy_view(copy)


def move(session: Session, copy: Copy, status: CopyStatus, reason: StatusReason | None) -> CopyView:
    """Give a locked copy another status, with its event."""
    before, copy.status = copy.status, status
    copy.status_reason = reason
    copy.version += 1
    session.flush()
    events.copy_status_changed(session, copy, before)
    return copy_view(copy)


def found(copy: Copy | None) -> Copy:
    if copy is None:
        raise CopyNotFound()
    return copy
