"""Rules of the catalog. Nothing here commits."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.book import events, repository
from luna_web.book.domain import TRANSITIONS, BookStatus, CopyStatus, Holdings, StatusReason, allowed_from
from luna_web.book.errors import BookNotAvailable, BookNotFound, CopyNotFound, IsbnInvalid
from luna_web.book.isbn import hyphenated, parse_isbn
from luna_web.book.models import Book, Copy
from luna_web.book.schemas import AvailabilityOut, BookOut
from luna_web.book.search import Filters
from luna_web.shared.errors import IllegalTransition
from luna_web.shared.paging import Page, PageParams


@dataclass(frozen=True, slots=True)
class CopyView:
    """A copy as other services see it."""

    id: UUID
    book_id: UUID
    barcode: str
    status: CopyStatus
    status_reason: StatusReason | None
    shelf_location: str | None
    home_desk: str | None
    version: int


def list_titles(session: Session, filters: Filters, params: PageParams) -> Page[BookOut]:
    """One page of the catalog, each title with what its copies come to now."""
    page = repository.list_books(session, filters, params)
    holdings = repository.holdings(session, [book.id for book in page.items])
    return page.map(lambda book: _shown(book, holdings[book.id]))


def get_title(session: Session, book_id: UUID) -> BookOut:
    """A title; BookNotFound if there is none or it was deleted."""
    return _with_holdings(session, repository.get_book(session, book_id))


def get_title_by_isbn(session: Session, isbn: str) -> BookOut:
    """The title of an ISBN in any spelling. Raises IsbnInvalid, BookNotFound."""
    return _with_holdings(session, repository.get_book_by_isbn(session, checked_isbn(isbn)))


def availability(session: Session, book_id: UUID) -> AvailabilityOut:
    """How many copies a title has and how many are free, read live."""
    if repository.get_book(session, book_id) is None:
        raise BookNotFound()
    held = repository.holdings(session, [book_id])[book_id]
    return AvailabilityOut(
        book_id=book_id, status=held.status, copies_total=held.total, copies_available=held.available
    )


def checked_isbn(isbn: str) -> str:
    """The 13 digits of an ISBN; IsbnInvalid if it is none."""
    isbn13 = parse_isbn(isbn)
    if isbn13 is None:
        raise IsbnInvalid()
    return isbn13


def get_copy(session: Session, copy_id: UUID) -> CopyView:
    """A copy; CopyNotFound if there is none."""
    return _copy_view(_found(repository.get_copy(session, copy_id)))


def get_copy_by_barcode(session: Session, barcode: str) -> CopyView | None:
    """The copy that carries this barcode, if there is one."""
    copy = repository.get_copy_by_barcode(session, barcode.strip())
    return _copy_view(copy) if copy else None


def list_copies(session: Session, book_id: UUID) -> Sequence[CopyView]:
    """The living copies of a title, by barcode."""
    return [_copy_view(copy) for copy in repository.list_copies(session, book_id)]


def reserve_copy(session: Session, book_id: UUID) -> CopyView:
    """Take a free copy of a title: it is RESERVED when this transaction commits.

    Raises BookNotAvailable with the title's status, BookNotFound.
    """
    copy = repository.lock_available_copy(session, book_id)
    if copy is None:
        raise BookNotAvailable(availability(session, book_id).status)
    return _move(session, copy, CopyStatus.RESERVED, None)


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
    copy = _found(repository.lock_copy(session, copy_id))
    current = CopyStatus(copy.status)
    if current is to_status and copy.status_reason == reason:
        return _copy_view(copy)
    if current not in from_statuses or (to_status not in TRANSITIONS[current] and current is not to_status):
        raise IllegalTransition("copy", current, to_status, allowed_from(current))
    return _move(session, copy, to_status, reason)


def _move(session: Session, copy: Copy, status: CopyStatus, reason: StatusReason | None) -> CopyView:
    before, copy.status = copy.status, status
    copy.status_reason = reason
    copy.version += 1
    session.flush()
    events.copy_status_changed(session, copy, before)
    return _copy_view(copy)


def _found(copy: Copy | None) -> Copy:
    if copy is None:
        raise CopyNotFound()
    return copy


def _with_holdings(session: Session, book: Book | None) -> BookOut:
    if book is None:
        raise BookNotFound()
    return _shown(book, repository.holdings(session, [book.id])[book.id])


def _shown(book: Book, held: Holdings) -> BookOut:
    return BookOut(
        id=book.id,
        title=book.title,
        title_romanized=book.title_romanized,
        author=book.author,
        author_romanized=book.author_romanized,
        isbn=hyphenated(book.isbn13) if book.isbn13 else None,
        publisher=book.publisher,
        publication_year=book.publication_year,
        description=book.description,
        cover_image_url=book.cover_image_url,
        language=book.language,
        call_number=book.call_number,
        status=BookStatus(held.status),
        shelf_location=held.shelf_location,
        copies_total=held.total,
        copies_available=held.available,
        version=book.version,
        created_at=book.created_at,
        updated_at=book.updated_at,
    )


def _copy_view(copy: Copy) -> CopyView:
    return CopyView(
        id=copy.id,
        book_id=copy.book_id,
        barcode=copy.barcode,
        status=CopyStatus(copy.status),
        status_reason=StatusReason(copy.status_reason) if copy.status_reason else None,
        shelf_location=copy.shelf_location,
        home_desk=copy.home_desk,
        version=copy.version,
    )
