"""HTTP of the catalog."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request
from starlette.responses import Response

from luna_web.book import service
from luna_web.book.domain import BookStatus
from luna_web.book.errors import BookNotFound, IsbnInvalid
from luna_web.book.schemas import AvailabilityOut, BookOut
from luna_web.book.search import Filters
from luna_web.shared.database import DbSession
from luna_web.shared.envelope import ok, page
from luna_web.shared.fields import ShortText
from luna_web.shared.paging import Paging
from luna_web.shared.principal import any_user
from luna_web.shared.routing import LunaRouter

router = LunaRouter(prefix="/api/v1/books", tags=["books"])
Year = Annotated[int | None, Query(ge=0, le=9999)]
Words = Annotated[ShortText | None, Query()]


def book_filters(
    q: Words = None,
    author: Words = None,
    title: Words = None,
    isbn: Words = None,
    publisher: Words = None,
    year_from: Year = None,
    year_to: Year = None,
    status: BookStatus | None = None,
    shelf_location: Words = None,
) -> Filters:
    """`q` searches everywhere; the other words in their field alone."""
    isbn13 = service.checked_isbn(isbn) if isbn else None
    return Filters(q, author, title, publisher, isbn13, year_from, year_to, status, shelf_location)


@router.get("", rule=any_user, items=BookOut, errors=(IsbnInvalid,))
def list_books(
    session: DbSession, filters: Annotated[Filters, Depends(book_filters)], paging: Paging, request: Request
) -> Response:
    """Search and list.

    Sorts: relevance (default with `q`), title (default without it), author, publication_year, created_at.
    """
    found = service.list_titles(session, filters, paging)
    return page(found.items, found.pagination, request=request)


@router.get("/isbn/{isbn}", rule=any_user, data=BookOut, errors=(BookNotFound, IsbnInvalid))
def get_book_by_isbn(isbn: ShortText, session: DbSession, request: Request) -> Response:
    """A title by its ISBN-10 or ISBN-13 in any spelling."""
    return _book(service.get_title_by_isbn(session, isbn), request)


@router.get("/{book_id}", rule=any_user, data=BookOut, errors=(BookNotFound,))
def get_book(book_id: UUID, session: DbSession, request: Request) -> Response:
    """One title. The ETag covers the record, not its availability."""
    return _book(service.get_title(session, book_id), request)


@router.get("/{book_id}/availability", rule=any_user, data=AvailabilityOut, errors=(BookNotFound,))
def get_availability(book_id: UUID, session: DbSession, request: Request) -> Response:
    """How many copies there are and how many are free, at this moment."""
    return ok(service.availability(session, book_id), request=request)


def _book(book: BookOut, request: Request) -> Response:
    return ok(book, request=request, headers={"ETag": f'"{book.version}"'})
