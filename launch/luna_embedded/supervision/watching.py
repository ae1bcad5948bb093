"""A process's end and its output, each seen as it comes.

asyncio's own subprocesses report an end only when every pipe is closed, and a child of the part may hold one open.
"""

from __future__ import annotations

import asyncio
import os
import subprocess

from luna_embedded.supervision.logs import BoundedLog

CHUNK = 65536


async def exit_code(process: subprocess.Popen[bytes]) -> int:
    """Wait for the process itself, whoever holds its pipes (pidfd_open(2)). Negative: the signal that killed it."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    descriptor = os.pidfd_open(process.pid)
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return process.wait()


class OutputPipe:
    """Copies what comes out of a pipe into a log."""

    def __init__(self, reading: int, log: BoundedLog) -> None:
        os.set_blocking(reading, False)
        self._reading, self._log = reading, log
        self._end = asyncio.Event()
        asyncio.get_running_loop().add_reader(reading, self._read)

    async def drained(self, patience: float) -> None:
        """Wait until nobody writes any more, or for ``patience`` seconds."""
        try:
            await asyncio.wait_for(self._end.wait(), patience)
        except TimeoutError:
            return

    def close(self) -> None:
        """Stop reading."""
        asyncio.get_running_loop().remove_reader(self._reading)
        os.close(self._reading)

    def _read(self) -> None:
        try:
            data = os.read(self._reading, CHUNK)
        except BlockingIOError:
            return
        if data:
            self._log.write(data)
        else:
            asyncio.get_running_loop().remove_reader(self._reading)
            self._end.set()
