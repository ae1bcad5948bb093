"""The catalog as a file over HTTP."""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import Response, StreamingResponse

from luna_web.book.errors import IsbnInvalid
from luna_web.book.exports import WRITING, ExportFormat
from luna_web.book.routes.calling import Narrowed
from luna_web.book.service import exporting
from luna_web.shared.principal import staff
from luna_web.shared.routing import LunaRouter
from luna_web.shared.runtime import Runtime

router = LunaRouter(prefix="/api/v1/books", tags=["books"])
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file, as it is read",
        "content": {form.media_type.partition(";")[0]: {"schema": {"type": "string"}} for form in WRITING.values()},
    }
}


@router.get("/export", rule=staff, errors=(IsbnInvalid,), answers=FILE, response_class=StreamingResponse)
def export_catalog(
    filters: Narrowed,
    request: Request,
    form: Annotated[ExportFormat, Query(alias="format")] = ExportFormat.CSV,
) -> Response:
    """The catalog as CSV or JSON Lines, narrowed as a list is; an import takes it back.

    In CSV, cells that a spreadsheet would take for formulas begin with an apostrophe. A file that breaks off ends
    without the last chunk of its transfer encoding, which HTTP clients report as an error.
    """
    runtime: Runtime = request.app.state.luna
    text = exporting.text_of(runtime.session_factory, filters, form)
    name = f'attachment; filename="catalog.{form}"'
    headers = {"Content-Disposition": name, "Cache-Control": "no-store"}
    return StreamingResponse(_encoded(text), media_type=WRITING[form].media_type, headers=headers)


def _encoded(text: Iterator[str]) -> Iterator[bytes]:
    return (piece.encode() for piece in text)
