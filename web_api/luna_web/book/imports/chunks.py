"""A file that lies in the database in pieces, read as if it were one."""

import io
from collections.abc import Callable
from typing import BinaryIO, cast

CHUNK = 1 << 20
"""Bytes in each piece but the last."""
KEPT = 4

Fetch = Callable[[int], bytes]


class ChunkFile(io.RawIOBase):
    """Readable and seekable over pieces that `fetch` brings by number; a few of them stay in memory."""

    def __init__(self, fetch: Fetch, size: int) -> None:
        self._fetch = fetch
        self._size = size
        self._at = 0
        self._kept: dict[int, bytes] = {}

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: object) -> int:
        target = memoryview(cast(bytearray, buffer))
        if self._at >= self._size:
            return 0
        number, start = divmod(self._at, CHUNK)
        part = self._piece(number)[start : start + len(target)]
        target[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _piece(self, number: int) -> bytes:
        if number not in self._kept:
            while len(self._kept) >= KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[number] = self._fetch(number)
        return self._kept[number]


def open_chunks(fetch: Fetch, size: int) -> BinaryIO:
    """The same with a buffer, for readers that ask for a few bytes at a time."""
    return cast(BinaryIO, io.BufferedReader(ChunkFile(fetch, size), 1 << 16))
