"""HTTP of bulk import."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Depends, Header, Query, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from luna_web.book.imports import report, service
from luna_web.book.imports.domain import FileFault, ImportFormat, ImportOptions, ImportState, Severity
from luna_web.book.imports.errors import (
    ImportNotFound,
    TooManyImports,
    UnknownFileKind,
    UploadIncomplete,
    UploadTooLarge,
)
from luna_web.book.imports.readers.marc_reader import marc_codec
from luna_web.book.imports.readers.text import separator_named
from luna_web.book.imports.schemas import ImportErrorOut, ImportOut
from luna_web.book.imports.service import Uploaded, Wanted
from luna_web.book.imports.tabular import mapping_faults
from luna_web.book.imports.upload import Upload
from luna_web.shared.audit import RequestMeta
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.envelope import EnvelopeResponse, ok, page
from luna_web.shared.errors import (
    IdempotencyKeyReused,
    IllegalTransition,
    RequestInProgress,
    ValidationFailed,
)
from luna_web.shared.fields import ShortText
from luna_web.shared.guards import CurrentPrincipal
from luna_web.shared.idempotency import KeyedRequest, checked_key
from luna_web.shared.page_query import Paging
from luna_web.shared.principal import Principal, staff
from luna_web.shared.request_meta import Meta
from luna_web.shared.routing import LunaRouter
from luna_web.shared.runtime import Runtime
from luna_web.shared.transactions import DbSession

T = TypeVar("T")
PREFIX = "/api/v1/books"
UPLOAD_PATH = f"{PREFIX}/bulk-import"
MOST_COPIES = 100
router = LunaRouter(prefix=PREFIX, tags=["imports"])

_KINDS = (
    "application/marc",
    "application/marcxml+xml",
    "text/csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/x-ndjson",
    "application/octet-stream",
)
_FILE = {"schema": {"type": "string", "format": "binary"}}
_FORM = {"schema": {"type": "object", "required": ["file"], "properties": {"file": _FILE["schema"]}}}
BODY = {"requestBody": {"required": True, "content": {"multipart/form-data": _FORM, **dict.fromkeys(_KINDS, _FILE)}}}
_MAPPING = "`COLUMN:FIELD`, as often as there are columns to be named; `COLUMN:-` leaves one out"


def wanted(
    dry_run: Annotated[bool, Query(description="Read and count everything, change nothing")] = False,
    format: Annotated[ImportFormat | None, Query(description="Default: what the file looks like")] = None,  # noqa: A002
    encoding: Annotated[ShortText | None, Query(max_length=40, description="Default: found out")] = None,
    separator: Annotated[ShortText | None, Query(max_length=12, description="One character or its name")] = None,
    mapping: Annotated[list[ShortText] | None, Query(max_length=100, description=_MAPPING)] = None,
    sheet: Annotated[ShortText | None, Query(max_length=100, description="Of a workbook; default: the first")] = None,
    copies: Annotated[int, Query(ge=0, le=MOST_COPIES, description="Of a new title that comes without any")] = 0,
    file_name: Annotated[ShortText | None, Query(max_length=255)] = None,
) -> Wanted:
    """What is asked for beside the file. Raises ValidationFailed."""
    told = _mapping(mapping or ())
    _checked("encoding", marc_codec, encoding)
    _checked("separator", separator_named, separator)
    options = ImportOptions(encoding=encoding, separator=separator, mapping=told, sheet=sheet, copies=copies)
    return Wanted(dry_run, format, options)


def _mapping(told: list[str] | tuple[str, ...]) -> dict[str, str]:
    pairs = [one.rpartition(":") for one in told]
    if any(not column.strip() for column, _, _ in pairs):
        raise ValidationFailed({"mapping": ["write each as COLUMN:FIELD"]})
    mapping = {column.strip(): field.strip() for column, _, field in pairs}
    if faults := mapping_faults(mapping):
        raise ValidationFailed({"mapping": faults})
    return mapping


def _checked(name: str, check: Callable[[str], object], value: str | None) -> None:
    try:
        if value is not None:
            check(value)
    except FileFault as error:
        raise ValidationFailed({name: [str(error)]}) from None


@router.post(
    "/bulk-import",
    rule=staff,
    data=ImportOut,
    status=202,
    errors=(
        UploadTooLarge, UploadIncomplete, UnknownFileKind, TooManyImports, IdempotencyKeyReused, RequestInProgress,
    ),
    openapi_extra=BODY,
)  # fmt: skip
async def bulk_import(
    request: Request,
    principal: CurrentPrincipal,
    meta: Meta,
    asked: Annotated[Wanted, Depends(wanted)],
    key: Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255)] = None,
) -> Response:
    """Take a file in and let a worker import it.

    The file is the body, or the file of a multipart body: MARC 21 (`.mrc`), MARCXML, CSV, XLSX or JSON Lines.
    An Idempotency-Key is compared when the file is whole, since its hash is made while it comes in.
    """
    key = checked_key(key)
    runtime: Runtime = request.app.state.luna
    factory = runtime.session_factory
    job_id = await run_in_threadpool(_in, factory, lambda session: service.begin(session, principal, asked))
    file = await Upload(request, factory, job_id, runtime.settings.import_max_bytes).receive()
    finish = _Finish(request, principal, meta, asked, job_id, file, key)
    return await run_in_threadpool(finish.in_a_transaction, factory)


def _in(factory: SessionFactory, act: Callable[[DbSession], T]) -> T:
    with transaction(factory) as session:
        return act(session)


class _Finish:
    """What follows when a file is whole: the job is queued, unless the same key asked for the same before."""

    def __init__(
        self,
        request: Request,
        principal: Principal,
        meta: RequestMeta,
        asked: Wanted,
        job_id: UUID,
        file: Uploaded,
        key: str | None,
    ) -> None:
        self._request, self._principal, self._meta = request, principal, meta
        self._asked, self._job_id, self._file, self._key = asked, job_id, file, key

    def in_a_transaction(self, factory: SessionFactory) -> Response:
        try:
            return _in(factory, self._answer)
        except BaseException:
            with suppress(SQLAlchemyError):
                _in(factory, lambda session: service.give_up(session, self._job_id))
            raise

    def _answer(self, session: DbSession) -> Response:
        if self._key is None:
            return self._queued(session)
        keyed = self._keyed(session, self._key)
        keyed.lock()
        earlier = keyed.earlier_answer()
        if earlier is not None:
            service.give_up(session, self._job_id)
            return earlier
        answer = self._queued(session)
        keyed.keep(answer)
        return answer

    def _keyed(self, session: DbSession, key: str) -> KeyedRequest:
        """The question belongs to what was sent: the same file with other options is another request."""
        sent = hashlib.sha256(self._file.sha256 + self._request.url.query.encode()).digest()
        return KeyedRequest(self._request, session, self._principal.user_id, key, self._request.url.path, sent)

    def _queued(self, session: DbSession) -> EnvelopeResponse:
        job = service.queue(session, self._principal, self._job_id, self._asked, self._file, self._meta)
        headers = {"Location": f"{PREFIX}/imports/{job.id}"}
        return ok(job, request=self._request, status=202, headers=headers)


@router.get("/imports", rule=staff, items=ImportOut)
def list_imports(session: DbSession, paging: Paging, request: Request, state: ImportState | None = None) -> Response:
    """All imports, the newest first. Sorts: created_at, state."""
    found = service.list_imports(session, state, paging)
    return page(found.items, found.pagination, request=request)


@router.get("/imports/{job_id}", rule=staff, data=ImportOut, errors=(ImportNotFound,))
def get_import(job_id: UUID, session: DbSession, request: Request) -> Response:
    """One import, as it stands at this moment."""
    return ok(service.get_import(session, job_id), request=request)


@router.put("/imports/{job_id}/cancel", rule=staff, data=ImportOut, errors=(ImportNotFound, IllegalTransition))
def cancel_import(
    job_id: UUID, session: DbSession, principal: CurrentPrincipal, meta: Meta, request: Request
) -> Response:
    """Stop an import. What has landed stays."""
    return ok(service.cancel(session, principal, job_id, meta), request=request)


@router.get("/imports/{job_id}/errors", rule=staff, items=ImportErrorOut, errors=(ImportNotFound,))
def list_errors(
    job_id: UUID, session: DbSession, paging: Paging, request: Request, severity: Severity | None = None
) -> Response:
    """What was rejected (REJECTED) or left out of what landed (WARNING). Sorts: number (default), record."""
    found = service.list_errors(session, job_id, severity, paging)
    return page(found.items, found.pagination, request=request)


_CSV: dict[str, Any] = {"responses": {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}}


@router.get(
    "/imports/{job_id}/errors.csv",
    rule=staff,
    errors=(ImportNotFound,),
    response_class=StreamingResponse,
    openapi_extra=_CSV,
)
def download_errors(job_id: UUID, session: DbSession, request: Request, severity: Severity | None = None) -> Response:
    """The same as a CSV file; no cell of it is a formula."""
    service.get_import(session, job_id)
    factory = request.app.state.luna.session_factory
    name = f'attachment; filename="import-{job_id}-errors.csv"'
    return StreamingResponse(
        report.as_csv(factory, job_id, severity), media_type="text/csv", headers={"Content-Disposition": name}
    )
