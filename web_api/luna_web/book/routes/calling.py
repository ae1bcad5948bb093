"""What the catalog's routes share: who reads, who catalogues, what a list is narrowed to."""

from typing import Annotated

from fastapi import Depends, Query, Request

from luna_web.book.domain import BookStatus
from luna_web.book.ports import CIRCULATION, Circulation
from luna_web.book.search import Filters
from luna_web.book.service import checked_isbn
from luna_web.book.service.cataloguing import Cataloguer
from luna_web.book.service.reading import Reader
from luna_web.shared.cache import Cache
from luna_web.shared.fields import ShortText
from luna_web.shared.guards import CurrentPrincipal
from luna_web.shared.request_meta import Meta
from luna_web.shared.runtime import Runtime
from luna_web.shared.transactions import DbSession

# Those that ask nobody are `async`: on the event loop they cost no change of thread.
Year = Annotated[int | None, Query(ge=0, le=9999)]
Words = Annotated[ShortText | None, Query()]


async def book_filters(
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
    """`q` searches everywhere; the other words in their field alone. What is empty asks for nothing."""
    isbn13 = checked_isbn(isbn) if isbn else None
    return Filters(
        q or None, author or None, title or None, publisher or None, isbn13, year_from, year_to, status,
        shelf_location or None,
    )  # fmt: skip


Narrowed = Annotated[Filters, Depends(book_filters)]


def circulation(runtime: Runtime) -> Circulation:
    return runtime.get(CIRCULATION)


async def _reader(session: DbSession, request: Request) -> Reader:
    runtime: Runtime = request.app.state.luna
    return Reader(session, Cache.of(runtime), circulation(runtime))


Reading = Annotated[Reader, Depends(_reader)]


async def _cataloguer(session: DbSession, principal: CurrentPrincipal, meta: Meta, request: Request) -> Cataloguer:
    return Cataloguer(session, principal, meta, circulation(request.app.state.luna))


Cataloguing = Annotated[Cataloguer, Depends(_cataloguer)]
