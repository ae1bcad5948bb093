"""Titles over HTTP: lists, single ones, and what librarians do to them."""

from typing import Annotated
from uuid import UUID

from fastapi import Header, Query, Request
from starlette.responses import Response

from luna_web.book.errors import BookInUse, BookNotFound, IsbnInvalid, IsbnTaken
from luna_web.book.routes.calling import Cataloguing, Narrowed, Reading
from luna_web.book.schemas import (
    AvailabilityOut,
    BookOut,
    DeletedOut,
    NewTitle,
    StatsOut,
    SuggestionOut,
    TitleChange,
)
from luna_web.book.service import suggesting, titles
from luna_web.shared.envelope import created, ok, page
from luna_web.shared.errors import PreconditionFailed
from luna_web.shared.etags import etag, if_none_match_names
from luna_web.shared.fields import ShortText
from luna_web.shared.page_query import Paging
from luna_web.shared.preconditions import IfMatchHeader
from luna_web.shared.principal import any_user, staff
from luna_web.shared.routing import LunaRouter

PREFIX = "/api/v1/books"
# The record's ETag says nothing of its availability, so no browser may take an answer of its own for a fresh one.
FRESH = {"Cache-Control": "no-store"}
router = LunaRouter(prefix=PREFIX, tags=["books"])
Seen = Annotated[str | None, Header(alias="If-None-Match", max_length=500)]


@router.get("", rule=any_user, items=BookOut, errors=(IsbnInvalid,))
def list_books(reader: Reading, filters: Narrowed, paging: Paging, request: Request) -> Response:
    """Search and list.

    Sorts: relevance (default with `q`), title (default without it), author, publication_year, created_at. Where nothing
    has what was typed, `meta.corrected_query` says what was searched for instead.
    """
    listed = reader.listed(filters, paging)
    meta = {"corrected_query": listed.corrected_query} if listed.corrected_query else None
    return page(listed.page.items, listed.page.pagination, request=request, meta=meta)


@router.get("/suggestions", rule=any_user, data=list[SuggestionOut])
def suggest(q: Annotated[ShortText, Query(min_length=1)], reader: Reading, request: Request) -> Response:
    """Up to ten completions of what is being typed: what begins with it first, then what has its words."""
    return ok(suggesting.suggestions(reader.session, q), request=request)


@router.get("/stats", rule=any_user, data=StatsOut)
def get_stats(reader: Reading, request: Request) -> Response:
    """Figures of the whole catalog, at most a minute old."""
    return ok(reader.stats(request.app.state.luna.clock.now()), request=request)


@router.get("/isbn/{isbn}", rule=any_user, data=BookOut, errors=(BookNotFound, IsbnInvalid))
def get_book_by_isbn(isbn: ShortText, reader: Reading, request: Request) -> Response:
    """A title by its ISBN-10 or ISBN-13 in any spelling."""
    return _book(reader.title_by_isbn(isbn), request)


@router.get(
    "/{book_id}",
    rule=any_user,
    data=BookOut,
    also={304: "The record is the one that If-None-Match names"},
    errors=(BookNotFound,),
)
def get_book(book_id: UUID, reader: Reading, request: Request, seen: Seen = None) -> Response:
    """One title. The ETag covers the record, not its availability, and so does a 304: ask for that by itself."""
    book = reader.title(book_id)
    if if_none_match_names(seen, book.version):
        return Response(status_code=304, headers={"ETag": etag(book.version), **FRESH})
    return _book(book, request)


@router.get("/{book_id}/availability", rule=any_user, data=AvailabilityOut, errors=(BookNotFound,))
def get_availability(book_id: UUID, reader: Reading, request: Request) -> Response:
    """How many copies there are and how many are free, at this moment; what to expect where none is."""
    return ok(reader.availability(book_id), request=request)


@router.post("", rule=staff, data=BookOut, status=201, errors=(IsbnInvalid, IsbnTaken), idempotent=True)
def create_book(wish: NewTitle, desk: Cataloguing, request: Request) -> Response:
    """A title with its copies, which get fresh barcodes."""
    book = titles.create(desk, wish)
    answer = created(book, request=request, location=f"{PREFIX}/{book.id}")
    answer.headers["ETag"] = etag(book.version)
    return answer


@router.put(
    "/{book_id}",
    rule=staff,
    data=BookOut,
    errors=(BookNotFound, IsbnInvalid, IsbnTaken, PreconditionFailed),
)
def change_book(
    book_id: UUID, wish: TitleChange, desk: Cataloguing, request: Request, if_match: IfMatchHeader
) -> Response:
    """Change what is sent and nothing else. With `If-Match` only the version that the caller has seen."""
    return _book(titles.change(desk, book_id, wish, if_match), request)


@router.delete("/{book_id}", rule=staff, data=DeletedOut, errors=(BookNotFound, BookInUse, PreconditionFailed))
def delete_book(book_id: UUID, desk: Cataloguing, request: Request, if_match: IfMatchHeader) -> Response:
    """Take a title and its copies out of the catalog, unless somebody has or awaits one."""
    return ok(titles.delete(desk, book_id, request.app.state.luna.clock.now(), if_match), request=request)


def _book(book: BookOut, request: Request) -> Response:
    return ok(book, request=request, headers={"ETag": etag(book.version), **FRESH})
