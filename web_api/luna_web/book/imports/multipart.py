"""The file of a multipart body (RFC 7578), as a stream: none of it is kept."""

import re
from collections.abc import AsyncIterator
from email.parser import BytesHeaderParser
from email.policy import HTTP

from luna_web.book.imports.errors import UploadIncomplete
from luna_web.shared.errors import ValidationFailed

MAX_HEADERS = 8 << 10
MAX_OTHER_PARTS = 64 << 10
"""Bytes of form fields before the file."""
_BOUNDARY = re.compile(r'boundary="?([^";,\s]{1,70})"?', re.IGNORECASE)
_NO_FILE = "send one part with a file name"


def boundary_of(content_type: str) -> bytes:
    """The boundary that a Content-Type names. Raises ValidationFailed."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise ValidationFailed({"Content-Type": ["a multipart body needs a boundary"]})
    return found.group(1).encode("latin-1")


class FilePart:
    """The first part that is a file: `async for` gives its bytes. `open` reads up to it."""

    def __init__(self, stream: AsyncIterator[bytes], boundary: bytes) -> None:
        self._stream = stream
        self._end = b"\r\n--" + boundary
        self._held = b"\r\n"
        self.file_name: str | None = None
        self.content_type: str | None = None

    async def open(self) -> None:
        """Raises ValidationFailed if no part is a file, UploadIncomplete if the body ends before one begins."""
        passed = 0
        while self.file_name is None:
            passed += await self._pass_over()
            if passed > MAX_OTHER_PARTS:
                raise ValidationFailed({"file": [f"{_NO_FILE}; there are {MAX_OTHER_PARTS:,} bytes before it"]})
            while len(self._held) < 2:
                await self._more()
            if self._held.startswith(b"--"):
                raise ValidationFailed({"file": [_NO_FILE]})
            self._read_headers(await self._headers())

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (place := self._held.find(self._end)) < 0:
            safe = len(self._held) - len(self._end) + 1
            if safe > 0:
                yield self._held[:safe]
                self._held = self._held[safe:]
            await self._more()
        yield self._held[:place]
        await self._read_the_rest()

    async def _read_the_rest(self) -> None:
        """What follows the file is nobody's concern, but a connection whose body is not read cannot be used again."""
        left = MAX_OTHER_PARTS
        while left > 0 and (block := await anext(self._stream, b"")):
            left -= len(block)

    async def _pass_over(self) -> int:
        """Up to behind the next boundary; how many bytes that were."""
        passed = 0
        while (place := self._held.find(self._end)) < 0:
            keep = len(self._end) - 1
            passed += max(0, len(self._held) - keep)
            if passed > MAX_OTHER_PARTS:
                return passed
            self._held = self._held[-keep:]
            await self._more()
        self._held = self._held[place + len(self._end) :]
        return passed + place

    async def _headers(self) -> bytes:
        while (place := self._held.find(b"\r\n\r\n")) < 0 and len(self._held) <= MAX_HEADERS:
            await self._more()
        if not 0 <= place <= MAX_HEADERS:
            raise ValidationFailed({"file": [f"the headers of a part have more than {MAX_HEADERS:,} bytes"]})
        headers, self._held = self._held[:place], self._held[place + 2 :]
        return headers

    def _read_headers(self, raw: bytes) -> None:
        try:
            headers = BytesHeaderParser(policy=HTTP).parsebytes(raw.lstrip(b"\r\n") + b"\r\n\r\n")
            self.file_name = headers.get_filename()
            self.content_type = headers.get_content_type() if "content-type" in headers else None
        except Exception as error:  # the parser has no class of its own for what it cannot read
            raise ValidationFailed({"file": ["the headers of a part cannot be read"]}) from error
        if self.file_name is not None:
            self._held = self._held.removeprefix(b"\r\n")

    async def _more(self) -> None:
        block = await anext(self._stream, b"")
        if not block:
            raise UploadIncomplete()
        self._held += block
