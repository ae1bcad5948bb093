"""Rows as values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from luna_web.book.domain import CopyStatus, Holdings, StatusReason
from luna_web.book.isbn import hyphenated
from luna_web.book.models import Book, Copy
from luna_web.book.schemas import BookOut, CopyOut

Described = Book | Row[Any]
"""What describes a title: the row as an entity, or its columns by their names."""


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


def shown(title: Described, held: Holdings) -> BookOut:
    """A title as clients see it. What comes from the database is right already, and is not checked once more."""
    return BookOut(
        id=title.id,
        title=title.title,
        title_romanized=title.title_romanized,
        author=title.author,
        author_romanized=title.author_romanized,
        isbn=hyphenated(title.isbn13) if title.isbn13 else None,
        isbns_other=[hyphenated(isbn13) for isbn13 in title.isbns_other],
        publisher=title.publisher,
        publication_year=title.publication_year,
        description=title.description,
        cover_image_url=title.cover_image_url,
        language=title.language,
        call_number=title.call_number,
        version=title.version,
        created_at=title.created_at,
        updated_at=title.updated_at,
        status=held.status,
        shelf_location=held.shelf_location,
        copies_total=held.total,
        copies_available=held.available,
    )


def held_by(copies: Sequence[Copy]) -> Holdings:
    """What these copies of a title come to, if they are all that it has."""
    free = sorted((copy for copy in copies if copy.status == CopyStatus.AVAILABLE), key=lambda copy: copy.barcode)
    statuses = frozenset(CopyStatus(copy.status) for copy in copies)
    return Holdings(len(copies), len(free), statuses, free[0].shelf_location if free else None)
