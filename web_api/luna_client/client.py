"""The connection: opened, kept alive, opened again."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from luna_client.messages import Message
from luna_client.pauses import Pauses, renewal_after
from luna_client.protocol import SUBPROTOCOL, Protocol

PATH = "/api/v1/notifications/ws"
OPEN_SECONDS = 10.0
SILENCE_SECONDS = 45.0
"""The server pings every 20 s; one that says nothing for so long is gone."""
WAITING = 1000
"""Messages that may wait for the program; with more, the server is not listened to, and closes in the end."""
UNAUTHENTICATED = 4401
REFUSED_FOR_GOOD = 3
"""Refusals of fresh tokens in a row after which it is no use."""

Token = Callable[[], Awaitable[str]]


class NotAdmitted(Exception):
    """The server takes none of our tokens."""


class LiveClient:
    """Messages of these channels, for as long as the block lasts.

    `server` is the address of LUNA (`https://luna.example.org`), or of the WebSocket itself. `token` gives a valid
    access token each time it is called; an OSError or TimeoutError of it means "later". Iterating raises NotAdmitted
    where the server takes no token any more.
    """

    def __init__(self, server: str, token: Token, channels: Iterable[str] = ()) -> None:
        self._url = websocket_url(server)
        self._token = token
        self._protocol = Protocol(channels)
        self._messages: asyncio.Queue[Message | Exception] = asyncio.Queue(WAITING)
        self._connection: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._failed: Exception | None = None
        self._refusals = 0
        self.connections = 0
        """How often a connection was opened so far."""

    @property
    def cursors(self) -> dict[str, str]:
        """Where each channel stands: everything up to here was told, or waits to be iterated over."""
        return dict(self._protocol.cursors)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def __aiter__(self) -> AsyncIterator[Message]:
        while True:
            yield await self.next()

    async def next(self) -> Message:
        """The next message. Raises NotAdmitted, and what `token` raised; from then on always that."""
        if self._failed is not None and self._messages.empty():
            raise self._failed
        message = await self._messages.get()
        if isinstance(message, Exception):
            raise message
        return message

    async def subscribe(self, *channels: str) -> None:
        """From now on, across connections."""
        await self._say(self._protocol.subscribe(channels))

    async def unsubscribe(self, *channels: str) -> None:
        await self._say(self._protocol.unsubscribe(channels))

    async def _say(self, texts: list[str]) -> None:
        connection = self._connection
        if connection is None:
            return  # said when there is one
        with contextlib.suppress(ConnectionClosed):
            for text in texts:
                await connection.send(text)

    async def _run(self) -> None:
        try:
            await self._stay_connected()
        except Exception as error:  # noqa: BLE001 - whoever iterates gets it
            # What renewing the token raised comes as a group, from the tasks of its connection.
            failed = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
            await self._messages.put(failed)
            self._failed = failed

    async def _stay_connected(self) -> None:
        """Raises NotAdmitted, and what `token` raises that is no OSError."""
        pauses = Pauses()
        while True:
            lasted, code = await self._serve()
            if self._refusals >= REFUSED_FOR_GOOD:
                raise NotAdmitted("the server takes none of our tokens")
            chance = random.random()  # noqa: S311 - so that not all come at once
            await asyncio.sleep(pauses.after(lasted, code, chance))

    async def _serve(self) -> tuple[float, int | None]:
        """One connection until it ends; for how many seconds it was of use, and with which code it was closed."""
        lasted, code = 0.0, None
        try:
            token = await self._token()
            offered = [Subprotocol(SUBPROTOCOL), Subprotocol(f"bearer.{token}")]
            async with connect(
                self._url, subprotocols=offered, open_timeout=OPEN_SECONDS, ping_interval=None, compression=None,
                max_size=None, close_timeout=1,
            ) as connection:  # fmt: skip
                self.connections += 1
                async with asyncio.TaskGroup() as group:
                    renewals = _Renewals(group, self._renew)
                    lasted = await self._hear(connection, renewals)
                    code = connection.close_code
                    renewals.stop()
        except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed):
            pass
        finally:
            self._connection = None
        return lasted, code

    async def _hear(self, connection: ClientConnection, renewals: "_Renewals") -> float:
        admitted_at: float | None = None
        loop = asyncio.get_running_loop()
        try:
            self._connection = connection
            for text in self._protocol.connected():
                await connection.send(text)
            while True:
                async with asyncio.timeout(SILENCE_SECONDS):
                    text = str(await connection.recv())
                turn = self._protocol.receive(text)
                if turn.answer is not None:
                    await connection.send(turn.answer)
                if turn.expires_in is not None:
                    admitted_at, self._refusals = admitted_at or loop.time(), 0
                    renewals.before(turn.expires_in)
                if turn.tell is not None:
                    await self._messages.put(turn.tell)
        except (ConnectionClosed, TimeoutError, ValueError):
            if connection.close_code == UNAUTHENTICATED and admitted_at is None:
                self._refusals += 1
        return loop.time() - admitted_at if admitted_at is not None else 0.0

    async def _renew(self) -> None:
        token = await self._token()
        await self._say([json.dumps({"op": "auth", "token": token})])


class _Renewals:
    """Sends a fresh token before the old one ends."""

    def __init__(self, group: asyncio.TaskGroup, renew: Callable[[], Awaitable[None]]) -> None:
        self._group = group
        self._renew = renew
        self._task: asyncio.Task[None] | None = None

    def before(self, expires_in: float) -> None:
        self.stop()
        self._task = self._group.create_task(self._wait(renewal_after(expires_in)))

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        with contextlib.suppress(OSError, TimeoutError):  # without a fresh one the server ends the connection in time
            await self._renew()


def websocket_url(server: str) -> str:
    """`https://host` → `wss://host/api/v1/notifications/ws`. Raises ValueError for an address of another kind."""
    parts = urlsplit(server)
    schemes = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
    if parts.scheme not in schemes or not parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"an address looks like https://luna.example.org, not {server!r}")
    path = parts.path if parts.path.endswith("/ws") else parts.path.rstrip("/") + PATH
    return urlunsplit((schemes[parts.scheme], parts.netloc, path, "", ""))
