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

from pydantic import ValidationError
from pydantic_core import to_json
from sqlalchemy.exc import SQLAlchemyError
from starlette.websockets import WebSocket, WebSocketDisconnect

from luna_web.notification.live import frames
from luna_web.notification.live.channels import OF_ONE_THING, Channel, Kind
from luna_web.notification.live.connection import Connection, Ending, Entry, Unfit, close, receive_text
from luna_web.notification.live.feed import Feed
from luna_web.notification.live.figures import Figures, LiveCollector, Now
from luna_web.notification.live.frames import CloseCode
from luna_web.notification.live.hub import Hub
from luna_web.notification.live.leading import LeadingPositions
from luna_web.notification.live.origins import is_welcome
from luna_web.notification.live.ports import LIVE_VIEWS
from luna_web.notification.live.positions import PHASES, Position, Positions
from luna_web.notification.live.shared_read import SharedReads
from luna_web.notification.live.streams import Streams, kept_of
from luna_web.shared.config import Settings
from luna_web.shared.database import transaction
from luna_web.shared.envelope import failure
from luna_web.shared.errors import Forbidden, LunaError
from luna_web.shared.loggers import structlog
from luna_web.shared.principal import Principal, authenticate
from luna_web.shared.runtime import Port, Runtime
from luna_web.shared.websocket import text_frame

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = structlog.get_logger(__name__)
T = TypeVar("T")
READING_THREADS = 4
ADMITTING_THREADS = 2
"""Of their own, so that nobody waits at the door while snapshots are read for others."""
ADMITTING_S = 10.0
STALLED_S = 10.0
"""Without an answer to anybody for so long the database is taken to be away; while there are some, one waits."""
LOOK_S = 0.25
FIRST_MESSAGE_S = 10.0
CANCELLED_TIMES = 5
WAITING_SHARE = 10
"""One in so many sockets of a process may be one that has not yet said who it is."""
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
        self._origins = frozenset({runtime.settings.origin, *runtime.settings.live_origins})
        self.hub = Hub()
        self.streams = Streams(redis, kept_of(runtime.settings))
        self.feed = Feed(redis, self.streams, self.hub, self._hear, runtime.settings.live_redis_seconds)
        self.figures = Figures()
        self._positions = Positions()
        self._shared = SharedReads()
        self._threads = ThreadPoolExecutor(READING_THREADS, thread_name_prefix="live")
        self._door = ThreadPoolExecutor(ADMITTING_THREADS, thread_name_prefix="live-door")
        self._connections: set[Connection] = set()
        self._of_user: Counter[UUID] = Counter()
        self._entering = 0
        self._waiting = 0
        self._text, self._frame = "", text_frame("")
        self._phases = itertools.cycle(range(PHASES))
        self._loop = asyncio.get_running_loop()
        self._read_at = self._loop.time()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        jobs = {"feed": self.feed.run(), "ticks": self._tick(), "looks": self._look()}
        self._tasks = [asyncio.create_task(job, name=f"live {name}") for name, job in jobs.items()]

    async def stop(self) -> None:
        for connection in list(self._connections):
            connection.end(CloseCode.GOING_AWAY, "the server goes away")
        await _cancelled(self._tasks)
        for threads in (self._threads, self._door):
            threads.shutdown(wait=False, cancel_futures=True)

    def hear_from_thread(self, positions: Sequence[Position]) -> None:
        """What robots that are led from this process say, without the way through Redis."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: so are its sockets
            self._loop.call_soon_threadsafe(self._hear, positions)

    def now(self) -> Now:
        """How it stands; from any thread."""
        connections = list(self._connections)
        channels = sum(connection.channels for connection in connections)
        return Now(len(connections), channels, len(self.hub), self.feed.up.is_set())

    def written(self, text: str) -> bytes:
        """A frame as it goes over the wire. Written once where one socket after the other is given the same."""
        if text is not self._text:
            self._text, self._frame = text, text_frame(text)
        return self._frame

    def resumed(self) -> None:
        self.figures.resumes += 1

    async def serve(self, websocket: WebSocket) -> None:
        """One connection, from its handshake to its end."""
        headers = websocket.headers
        if not is_welcome(headers.get("Origin"), headers.get("Host"), self._origins):
            await websocket.send_denial_response(failure(Forbidden("Pages of this origin may not open it")))
            return
        offered = websocket.scope.get("subprotocols", [])
        await websocket.accept(frames.SUBPROTOCOL if frames.SUBPROTOCOL in offered else None)
        ending = await self._serve(websocket, offered)
        self.figures.closed[ending.code or NO_CODE] += 1

    async def _serve(self, websocket: WebSocket, offered: Sequence[str]) -> Ending:
        """Why it ended."""
        if len(self._connections) + self._entering >= self.limits.sockets:
            return await _refuse(websocket, Ending(CloseCode.TRY_AGAIN_LATER, "this server is full"))
        self._entering += 1
        try:
            entry = await self._enter(websocket, offered)
        finally:
            self._entering -= 1
        if isinstance(entry, Ending):
            return await _refuse(websocket, entry)
        return await self._keep(websocket, entry)

    async def _keep(self, websocket: WebSocket, entry: Entry) -> Ending:
        user_id = entry.principal.user_id
        if self._of_user[user_id] >= self.limits.sockets_per_user:
            most = self.limits.sockets_per_user
            return await _refuse(websocket, Ending(CloseCode.TOO_MANY, f"a user may have {most} sockets"))
        connection = Connection(self, websocket, entry, next(self._phases))
        self._connections.add(connection)
        self._of_user[user_id] += 1
        try:
            return await connection.run()
        finally:
            self._connections.discard(connection)
            self._of_user[user_id] -= 1
            if not self._of_user[user_id]:
                del self._of_user[user_id]

    async def _enter(self, websocket: WebSocket, offered: Sequence[str]) -> Entry | Ending:
        """By the token among the subprotocols, else by the first message."""
        tokens = [word.removeprefix(frames.BEARER) for word in offered if word.startswith(frames.BEARER)]
        token = tokens[0] if tokens else await self._first_token(websocket)
        if isinstance(token, Ending):
            return token
        try:
            return await self.admit(token)
        except LunaError as error:
            return Ending(CloseCode.UNAUTHENTICATED, error.message)
        except (SQLAlchemyError, TimeoutError):
            return Ending(CloseCode.TRY_AGAIN_LATER, "try again soon")

    async def _first_token(self, websocket: WebSocket) -> str | Ending:
        """Strangers may take so many places and no more; who has shown a token waits for none of them."""
        if self._waiting >= max(1, self.limits.sockets // WAITING_SHARE):
            return Ending(CloseCode.TRY_AGAIN_LATER, "too many wait here without a token")
        self._waiting += 1
        try:
            async with asyncio.timeout(FIRST_MESSAGE_S):
                return frames.Auth.model_validate_json(await receive_text(websocket)).token
        except (TimeoutError, Unfit, ValidationError):
            return Ending(CloseCode.UNAUTHENTICATED, "say who you are first")
        except WebSocketDisconnect:
            return Ending(None)
        finally:
            self._waiting -= 1

    async def admit(self, token: str) -> Entry:
        """Raises Unauthenticated, TokenExpired, SQLAlchemyError, TimeoutError."""
        async with asyncio.timeout(ADMITTING_S):
            return await self._loop.run_in_executor(self._door, self._admit, token)

    def _admit(self, token: str) -> Entry:
        verified = self.runtime.tokens.verify(token, self.runtime.clock.now())
        return Entry(authenticate(self.runtime, token), verified.expires_at)

    async def check(self, principal: Principal, channel: Channel) -> None:
        if channel.kind in OF_ONE_THING:
            await self._in_thread(lambda: self._read(principal, channel))

    async def snapshot(self, principal: Principal, channel: Channel) -> str:
        async def read() -> str:
            self.figures.snapshots += 1
            return await self._in_thread(lambda: self._read(principal, channel))

        if channel.kind in PERSONAL:
            return await read()
        return await self._shared.get(channel.name, read)

    def _read(self, principal: Principal, channel: Channel) -> str:
        with transaction(self.runtime.session_factory) as session:
            found = self.runtime.get(LIVE_VIEWS).snapshot(session, principal, channel)
        return to_json(found).decode()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Raises TimeoutError when nothing at all is read any more."""
        begun, future = self._loop.time(), self._loop.run_in_executor(self._threads, work)
        try:
            while not (await asyncio.wait([future], timeout=STALLED_S / 10))[0]:
                if self._loop.time() - max(begun, self._read_at) > STALLED_S:
                    raise TimeoutError("the database does not answer")
        finally:
            future.cancel()  # nobody waits for it any more: if its turn has not come, it need not
        self._read_at = self._loop.time()
        return future.result()

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
                try:
                    connection.look(monotonic, now)
                except Exception:
                    # One that cannot be looked at must not keep the others from being ended in time.
                    log.exception("live_look_failed")
                    connection.end(CloseCode.WENT_WRONG, "something went wrong")


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    """A cancellation can be lost among the time-outs of a client of Redis, so that it is said again, a few times."""
    left = set(tasks)
    for _ in range(CANCELLED_TIMES):
        for task in left:
            task.cancel()
        if left:
            _, left = await asyncio.wait(left, timeout=1.0)


async def _refuse(websocket: WebSocket, ending: Ending) -> Ending:
    await close(websocket, ending)
    return ending


NO_CODE = 1005
"""What stands for a close without a code (RFC 6455, section 7.4.1)."""
LIVE: Port[Live] = Port("live channel")
LEADING: Port[LeadingPositions] = Port("positions of the robots led here")


@asynccontextmanager
async def lifespan(runtime: Runtime) -> AsyncIterator[None]:
    """The live channel for as long as the process serves notifications."""
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    timeout = runtime.settings.live_redis_seconds / 2
    redis = Redis.from_url(
        runtime.settings.redis_url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
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


def collector(runtime: Runtime) -> LiveCollector:
    """For `/metrics` of a process that serves notifications."""

    def look() -> tuple[Figures, Now] | None:
        if not runtime.has(LIVE):
            return None
        live = runtime.get(LIVE)
        return live.figures, live.now()

    return LiveCollector(look)
