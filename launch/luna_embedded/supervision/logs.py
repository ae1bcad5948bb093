"""Log files of bounded size, and reading them from the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

LIMIT_BYTES = 10_000_000
KEPT = 3
TAIL_BYTES = 400


class BoundedLog:
    """A log file that is moved aside when full; of old ones ``kept`` stay. Remembers its last words."""

    def __init__(self, path: Path, limit: int = LIMIT_BYTES, kept: int = KEPT) -> None:
        self._path, self._limit, self._kept = path, limit, kept
        self._file = path.open("ab")
        self._tail = b""

    def write(self, data: bytes) -> None:
        """Append; a full disk must not stop the part, so what cannot be written is let go."""
        self._tail = (self._tail + data)[-TAIL_BYTES:]
        try:
            self._file.write(data)
            self._file.flush()
            if self._file.tell() >= self._limit:
                self._rotate()
        except OSError:
            self._reopen()

    @property
    def last_line(self) -> str:
        """The last line that is not empty."""
        lines = [line.strip() for line in self._tail.decode(errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else ""

    def forget(self) -> None:
        """A new process begins: what the last one said is no longer its last line."""
        self._tail = b""

    def close(self) -> None:
        self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        for number in range(self._kept, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            newer = self._path.with_name(f"{self._path.name}.{number - 1}") if number > 1 else self._path
            if newer.exists():
                newer.replace(older)
        self._file = self._path.open("ab")

    def _reopen(self) -> None:
        self._file.close()
        self._file = self._path.open("ab")


def last_lines(path: Path, count: int) -> list[str]:
    """The last ``count`` lines of a log, the one before it included where this one is short."""
    lines: list[str] = []
    for file in (path, path.with_name(f"{path.name}.1")):
        if len(lines) >= count or not file.exists():
            break
        lines = file.read_text(errors="replace").splitlines() + lines
    return lines[-count:] if count > 0 else []


def follow(path: Path, pause: float = 0.2) -> Iterator[str]:
    """New text of a log as it comes, for ever, across rotation."""
    file = path.open(errors="replace")
    file.seek(0, 2)
    while True:
        if text := file.read():
            yield text
            continue
        if path.exists() and path.stat().st_ino != Path(f"/proc/self/fd/{file.fileno()}").stat().st_ino:
            file.close()
            file = path.open(errors="replace")
            continue
        time.sleep(pause)
