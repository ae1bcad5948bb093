"""Rows as values."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from luna_web.book.domain import BookStatus, CopyStatus, Holdings, StatusReason
from luna_web.book.isbn import hyphenated
from luna_web.book.models import Book, Copy
from luna_web.book.schemas import BookOut, BookRecord, CopyOut


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


@dataclass(frozen=True, slots=True)
class TitleView:
    """A title as other services see it."""

    id: UUID
    title: str
    author: str | None


def copy_view(copy: Copy) -> CopyView:
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


def shown_copy(copy: Copy) -> CopyOut:
    return CopyOut.model_validate(copy)


def record_of(book: Book) -> BookRecord:
    return BookRecord(
        id=book.id,
        title=book.title,
        title_romanized=book.title_romanized,
        author=book.author,
        author_romanized=book.author_romanized,
        isbn=hyphenated(book.isbn13) if book.isbn13 else None,
        isbns_other=[hyphenated(isbn13) for isbn13 in book.isbns_other],
        publisher=book.publisher,
        publication_year=book.publication_year,
        description=book.description,
        cover_image_url=book.cover_image_url,
        language=book.language,
        call_number=book.call_number,
        version=book.version,
        created_at=book.created_at,
        updated_at=book.updated_at,
    )


def held_by(copies: Sequence[Copy]) -> Holdings:
    """What these copies of a title come to, if they are all that it has."""
    free = sorted((copy for copy in copies if copy.status == CopyStatus.AVAILABLE), key=lambda copy: copy.barcode)
    statuses = frozenset(CopyStatus(copy.status) for copy in copies)
    return Holdings(len(copies), len(free), statuses, free[0].shelf_location if free else None)


def with_holdings(record: BookRecord, held: Holdings) -> BookOut:
    return BookOut(
        **dict(record),
        status=BookStatus(held.status),
        shelf_location=held.shelf_location,
        copies_total=held.total,
        copies_available=held.available,
    )
