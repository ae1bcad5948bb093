"""The copies of a title over HTTP, for librarians."""

from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from luna_web.book.errors import BarcodeTaken, BookInUse, BookNotFound, CopyNotFound
from luna_web.book.routes.calling import Cataloguing
from luna_web.book.schemas import CopyChange, CopyOut, DeletedOut, NewCopy
from luna_web.book.service import copies
from luna_web.shared.envelope import created, ok
from luna_web.shared.errors import IllegalTransition, PreconditionFailed
from luna_web.shared.etags import etag
from luna_web.shared.preconditions import IfMatchHeader
from luna_web.shared.principal import staff
from luna_web.shared.routing import LunaRouter

PREFIX = "/api/v1/books"
router = LunaRouter(prefix=PREFIX, tags=["books"])


@router.get("/{book_id}/copies", rule=staff, data=list[CopyOut], errors=(BookNotFound,))
def list_copies(book_id: UUID, desk: Cataloguing, request: Request) -> Response:
    """All copies of a title, by barcode."""
    return ok(copies.of_title(desk.session, book_id), request=request)


@router.post(
    "/{book_id}/copies", rule=staff, data=CopyOut, status=201, errors=(BookNotFound, BarcodeTaken), idempotent=True
)
def add_copy(book_id: UUID, wish: NewCopy, desk: Cataloguing, request: Request) -> Response:
    """One more copy; without a barcode of yours it gets a fresh one."""
    copy = copies.add(desk, book_id, wish)
    answer = created(copy, request=request, location=f"{PREFIX}/{book_id}/copies")
    answer.headers["ETag"] = etag(copy.version)
    return answer


@router.put(
    "/{book_id}/copies/{copy_id}",
    rule=staff,
    data=CopyOut,
    errors=(CopyNotFound, BarcodeTaken, BookInUse, IllegalTransition, PreconditionFailed),
)
def change_copy(
    book_id: UUID, copy_id: UUID, wish: CopyChange, desk: Cataloguing, request: Request, if_match: IfMatchHeader
) -> Response:
    """Change what is sent. By hand a copy goes from AVAILABLE to UNAVAILABLE, with a reason, and back."""
    copy = copies.change(desk, book_id, copy_id, wish, if_match)
    return ok(copy, request=request, headers={"ETag": etag(copy.version)})


@router.delete(
    "/{book_id}/copies/{copy_id}",
    rule=staff,
    data=DeletedOut,
    errors=(CopyNotFound, BookInUse, PreconditionFailed),
)
def delete_copy(book_id: UUID, copy_id: UUID, desk: Cataloguing, request: Request, if_match: IfMatchHeader) -> Response:
    """Take one copy out of the catalog, unless somebody has or awaits it."""
    return ok(copies.delete(desk, book_id, copy_id, request.app.state.luna.clock.now(), if_match), request=request)
