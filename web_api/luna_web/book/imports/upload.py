"""Taking a file in, piece by piece, into the database: no service keeps it in memory or on a disk."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import PurePosixPath
from urllib.parse import unquote
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from luna_web.book.imports import service
from luna_web.book.imports.chunks import CHUNK
from luna_web.book.imports.errors import UploadIncomplete, UploadTooLarge
from luna_web.book.imports.multipart import FilePart, boundary_of
from luna_web.book.imports.service import Uploaded
from luna_web.book.imports.sniffing import LOOKED_AT
from luna_web.shared.database import SessionFactory, transaction

SILENCE_SECONDS = 30.0
"""How long an upload may send nothing."""
_MAX_NAME = 255
_OVERHEAD = 128 << 10
"""Bytes that a multipart body may have beside its file."""


class Upload:
    """One upload. Each piece is stored in a transaction of its own, so that a slow client holds none open."""

    def __init__(self, request: Request, factory: SessionFactory, job_id: UUID, limit: int) -> None:
        self._request = request
        self._factory = factory
        self._job_id = job_id
        self._limit = limit

    async def receive(self) -> Uploaded:
        """Store the whole file. Raises UploadTooLarge, UploadIncomplete, ValidationFailed; then nothing is kept."""
        try:
            self._check_length()
            return await self._store(*await self._opened())
        except BaseException:
            with suppress(SQLAlchemyError):
                await run_in_threadpool(self._forget)
            raise

    def _check_length(self) -> None:
        length = self._request.headers.get("content-length", "")
        if length.isdigit() and int(length) > self._limit + _OVERHEAD:
            raise UploadTooLarge(self._limit)

    async def _opened(self) -> tuple[AsyncIterator[bytes], str | None, str | None]:
        """(bytes of the file, its name, its type)."""
        content_type = self._request.headers.get("content-type", "")
        if not content_type.lower().startswith("multipart/"):
            return self._body(), _sent_name(self._request), content_type or None
        part = FilePart(self._body(), boundary_of(content_type))
        await part.open()
        return aiter(part), part.file_name, part.content_type

    async def _store(self, file: AsyncIterator[bytes], name: str | None, content_type: str | None) -> Uploaded:
        digest, size, number, head, held = hashlib.sha256(), 0, 0, b"", bytearray()
        async for block in file:
            size += len(block)
            if size > self._limit:
                raise UploadTooLarge(self._limit)
            head = head + block[: LOOKED_AT - len(head)] if len(head) < LOOKED_AT else head
            held += block
            while len(held) >= CHUNK:
                number = await self._store_piece(number, held, digest.update)
        if held:
            await self._store_piece(number, held, digest.update)
        return Uploaded(size, digest.digest(), head, _bare_name(name), content_type)

    async def _store_piece(self, number: int, held: bytearray, hash_: Callable[[bytes], None]) -> int:
        piece = bytes(held[:CHUNK])
        del held[:CHUNK]

        def store() -> None:
            hash_(piece)
            with transaction(self._factory) as session:
                service.store_piece(session, self._job_id, number, piece)

        await run_in_threadpool(store)
        return number + 1

    async def _body(self) -> AsyncIterator[bytes]:
        """The body as it comes. UploadIncomplete when it falls silent or breaks off."""
        stream = self._request.stream()
        try:
            while True:
                async with asyncio.timeout(SILENCE_SECONDS):
                    block = await anext(stream, None)
                if block is None:
                    return
                if block:
                    yield block
        except TimeoutError:
            raise UploadIncomplete(f"The upload sent nothing for {SILENCE_SECONDS:.0f} s; nothing was kept") from None
        except ClientDisconnect:
            raise UploadIncomplete() from None

    def _forget(self) -> None:
        with transaction(self._factory) as session:
            service.give_up(session, self._job_id)


def _sent_name(request: Request) -> str | None:
    """`?file_name=`, or what a Content-Disposition says."""
    asked = request.query_params.get("file_name")
    if asked:
        return asked
    for part in request.headers.get("content-disposition", "").split(";"):
        key, _, value = part.strip().partition("=")
        if key.lower() == "filename":
            return value.strip('"')
        if key.lower() == "filename*":
            return unquote(value.rpartition("'")[2])
    return None


def _bare_name(name: str | None) -> str | None:
    """Without folders and what cannot be shown or stored."""
    if not name:
        return None
    last = PurePosixPath(name.replace("\\", "/")).name
    return "".join(char for char in last if char.isprintable())[:_MAX_NAME].strip() or None
