"""What one process runs of the live channel: the feed, the hub, the ticks, its sockets and their limits."""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

import structlog
from pydantic import ValidationError
from pydantic_core import to_json
from sqlalchemy.exc import SQLAlchemyError
from starlette.websockets import WebSocket, WebSocketDisconnect

from luna_web.notification.live import frames
from luna_web.notification.live.channels import OF_ONE_THING, Channel, Kind
from luna_web.notification.live.connection import (
    TRY_AGAIN_LATER,
    Connection,
    Ending,
    Entry,
    Unfit,
    close,
    receive_text,
)
from luna_web.notification.live.feed import TIMEOUT_S, Feed
from luna_web.notification.live.frames import CloseCode
from luna_web.notification.live.hub import Hub
from luna_web.notification.live.leading import LeadingPositions
from luna_web.notification.live.ports import LIVE_VIEWS
from luna_web.notification.live.positions import PHASES, Position, Positions
from luna_web.notification.live.shared_read import SharedReads
from luna_web.notification.live.streams import Streams, kept_of
from luna_web.shared.config import Settings
from luna_web.shared.database import transaction
from luna_web.shared.errors import LunaError
from luna_web.shared.principal import Principal, authenticate
from luna_web.shared.runtime import Port, Runtime

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = structlog.get_logger(__name__)
T = TypeVar("T")
READING_THREADS = 4
LOOK_S = 0.25
FIRST_MESSAGE_S = 10.0
PERSONAL = frozenset({Kind.ME, Kind.DELIVERY})
"""Channels whose snapshot depends on who asks."""


@dataclass(frozen=True, slots=True)
class Limits:
    tick: float
    """Seconds between two frames of positions."""
    channels_per_socket: int
    sockets_per_user: int
    sockets: int
    buffer_frames: int
    buffer_bytes: int

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        return cls(
            tick=settings.live_tick_seconds,
            channels_per_socket=settings.live_channels_per_socket,
            sockets_per_user=settings.live_sockets_per_user,
            sockets=settings.live_sockets,
            buffer_frames=settings.live_buffer_events,
            buffer_bytes=settings.live_buffer_bytes,
        )


class Live:
    """To be used on one event loop, between `start` and `stop`."""

    def __init__(self, runtime: Runtime, redis: "Redis") -> None:
        self.runtime = runtime
        self.limits = Limits.of(runtime.settings)
        self.hub = Hub()
        self.streams = Streams(redis, kept_of(runtime.settings))
        self.feed = Feed(redis, self.streams, self.hub, self._hear)
        self._positions = Positions()
        self._shared = SharedReads()
        self._threads = ThreadPoolExecutor(READING_THREADS, thread_name_prefix="live")
        self._connections: set[Connection] = set()
        self._of_user: Counter[UUID] = Counter()
        self._entering = 0
        self._phases = itertools.cycle(range(PHASES))
        self._loop = asyncio.get_running_loop()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        jobs = {"feed": self.feed.run(), "ticks": self._tick(), "looks": self._look()}
        self._tasks = [asyncio.create_task(job, name=f"live {name}") for name, job in jobs.items()]

    async def stop(self) -> None:
        for connection in list(self._connections):
            connection.end(CloseCode.GOING_AWAY, "the server goes away")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def hear_from_thread(self, positions: Sequence[Position]) -> None:
        """What robots that are led from this process say, without the way through Redis."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: so are its sockets
            self._loop.call_soon_threadsafe(self._hear, positions)

    async def serve(self, websocket: WebSocket) -> None:
        """One connection, from its handshake to its end."""
        offered = websocket.scope.get("subprotocols", [])
        await websocket.accept(frames.SUBPROTOCOL if frames.SUBPROTOCOL in offered else None)
        if len(self._connections) + self._entering >= self.limits.sockets:
            await close(websocket, Ending(TRY_AGAIN_LATER, "this server is full"))
            return
        self._entering += 1
        try:
            entry = await self._enter(websocket, offered)
        finally:
            self._entering -= 1
        if isinstance(entry, Ending):
            await close(websocket, entry)
            return
        await self._keep(websocket, entry)

    async def _keep(self, websocket: WebSocket, entry: Entry) -> None:
        user_id = entry.principal.user_id
        if self._of_user[user_id] >= self.limits.sockets_per_user:
            most = self.limits.sockets_per_user
            await close(websocket, Ending(CloseCode.TOO_MANY, f"a user may have {most} sockets"))
            return
        connection = Connection(self, websocket, entry, next(self._phases))
        self._connections.add(connection)
        self._of_user[user_id] += 1
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)
            self._of_user -= Counter({user_id: 1})

    async def _enter(self, websocket: WebSocket, offered: Sequence[str]) -> Entry | Ending:
        """By the token among the subprotocols, else by the first message."""
        tokens = [word.removeprefix(frames.BEARER) for word in offered if word.startswith(frames.BEARER)]
        try:
            async with asyncio.timeout(FIRST_MESSAGE_S):
                return await self.admit(tokens[0] if tokens else await _first_token(websocket))
        except (LunaError, Unfit, ValidationError) as error:
            reason = error.message if isinstance(error, LunaError) else "say who you are first"
            return Ending(CloseCode.UNAUTHENTICATED, reason)
        except TimeoutError:
            return Ending(CloseCode.UNAUTHENTICATED, "say who you are first")
        except SQLAlchemyError:
            return Ending(TRY_AGAIN_LATER, "try again soon")
        except WebSocketDisconnect:
            return Ending(None)

    async def admit(self, token: str) -> Entry:
        """Raises Unauthenticated, TokenExpired, SQLAlchemyError."""
        return await self._in_thread(lambda: self._admit(token))

    def _admit(self, token: str) -> Entry:
        verified = self.runtime.tokens.verify(token, self.runtime.clock.now())
        return Entry(authenticate(self.runtime, token), verified.expires_at)

    async def check(self, principal: Principal, channel: Channel) -> None:
        """Raises NotFound for a thing that is not there for this person, SQLAlchemyError."""
        if channel.kind in OF_ONE_THING:
            await self._in_thread(lambda: self._read(principal, channel))

    async def snapshot(self, principal: Principal, channel: Channel) -> str:
        """The state of a channel as JSON, read after this call. Raises NotFound, SQLAlchemyError."""

        async def read() -> str:
            return await self._in_thread(lambda: self._read(principal, channel))

        if channel.kind in PERSONAL:
            return await read()
        return await self._shared.get(channel.name, read)

    def _read(self, principal: Principal, channel: Channel) -> str:
        with transaction(self.runtime.session_factory) as session:
            found = self.runtime.get(LIVE_VIEWS).snapshot(session, principal, channel)
        return to_json(found).decode()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._threads, work)

    def _hear(self, positions: Sequence[Position]) -> None:
        self._positions.hear(positions, self._loop.time())

    async def _tick(self) -> None:
        step = self.limits.tick / PHASES
        due = self._loop.time()
        for phase in itertools.cycle(range(PHASES)):
            # After a stall ticks are not made up for: positions that nobody saw are worth nothing.
            due = max(due + step, self._loop.time())
            await asyncio.sleep(due - self._loop.time())
            try:
                self._positions.tick(self.hub, phase, self._loop.time())
            except Exception:
                log.exception("live_tick_failed")

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            monotonic, now = self._loop.time(), self.runtime.clock.now()
            for connection in list(self._connections):
                connection.look(monotonic, now)


async def _first_token(websocket: WebSocket) -> str:
    return frames.Auth.model_validate_json(await receive_text(websocket)).token


LIVE: Port[Live] = Port("live channel")
LEADING: Port[LeadingPositions] = Port("positions of the robots led here")


@asynccontextmanager
async def lifespan(runtime: Runtime) -> AsyncIterator[None]:
    """The live channel for as long as the process serves notifications."""
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    redis = Redis.from_url(
        runtime.settings.redis_url,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
    live = Live(runtime, redis)
    runtime.provide(LIVE, live)
    runtime.once(LEADING, lambda: LeadingPositions(runtime.redis)).tell_here(live.hear_from_thread)
    live.start()
    try:
        yield
    finally:
        await live.stop()
        await redis.aclose()
