"""What clients see of the catalog."""

from datetime import datetime
from uuid import UUID

from luna_web.book.domain import BookStatus
from luna_web.shared.fields import Output


class BookOut(Output):
    """A title with what its copies come to at this moment."""

    id: UUID
    title: str
    title_romanized: str | None
    author: str | None
    author_romanized: str | None
    isbn: str | None
    publisher: str | None
    publication_year: int | None
    description: str | None
    cover_image_url: str | None
    language: str | None
    call_number: str | None
    status: BookStatus
    shelf_location: str | None
    copies_total: int
    copies_available: int
    version: int
    created_at: datetime
    updated_at: datetime


class AvailabilityOut(Output):
    book_id: UUID
    status: BookStatus
    copies_total: int
    copies_available: int
