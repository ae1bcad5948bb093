"""One read for many who ask at the same time, never an older one than each of them may be given."""

import asyncio
from collections.abc import Awaitable, Callable


class SharedReads:
    """Whoever asks while a read of the same key runs gets the next one, which begins after they asked.

    So after a resync a thousand subscribers of a channel cost two snapshots.
    """

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[str]] = {}
        self._next: dict[str, asyncio.Task[str]] = {}

    async def get(self, key: str, read: Callable[[], Awaitable[str]]) -> str:
        """What a read gave that began after this call. Raises what the read raises."""
        running = self._running.get(key)
        if running is None:
            return await asyncio.shield(self._start(key, read))
        following = self._next.get(key)
        if following is None:
            following = self._next[key] = asyncio.create_task(self._after(running, key, read))
        return await asyncio.shield(following)

    def _start(self, key: str, read: Callable[[], Awaitable[str]]) -> asyncio.Task[str]:
        async def run() -> str:
            try:
                return await read()
            finally:
                del self._running[key]

        task = self._running[key] = asyncio.create_task(run())
        task.add_done_callback(_retrieve)
        return task

    async def _after(self, running: asyncio.Task[str], key: str, read: Callable[[], Awaitable[str]]) -> str:
        while running is not None:
            await asyncio.wait([running])
            running = self._running.get(key)  # type: ignore[assignment]  # another may have been quicker
        del self._next[key]
        return await self._start(key, read)


def _retrieve(task: asyncio.Task[str]) -> None:
    """Nobody may be left who waits for it; its error is not to be reported as lost."""
    if not task.cancelled():
        task.exception()
