"""One WebSocket: who it is, what it asks for, what it is sent. What is decided is in the pure modules beside it."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from pydantic import ValidationError
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from starlette.websockets import WebSocket, WebSocketDisconnect

from luna_web.notification.live import frames
from luna_web.notification.live.channels import Channel, UnknownChannel
from luna_web.notification.live.cursors import BadCursor, Cursor
from luna_web.notification.live.frames import CloseCode
from luna_web.notification.live.hub import Read
from luna_web.notification.live.liveness import Allowance, Liveness, Sign
from luna_web.notification.live.outgoing import Outgoing, Overflow
from luna_web.notification.live.subscription import Subscription
from luna_web.shared.errors import ErrorCode, LunaError, NotFound
from luna_web.shared.principal import Principal
from luna_web.shared.websocket import ABORT

if TYPE_CHECKING:
    from luna_web.notification.live.live import Live

log = structlog.get_logger(__name__)
LONGEST_MESSAGE = 32_768
MESSAGES_A_SECOND = 10.0
MESSAGES_AT_ONCE = 100.0
OPENING_DEADLINE_S = 30.0
"""How long a subscription waits for Redis or PostgreSQL; then the client is sent away to come again."""
RETRY_S = 0.25
CLOSING_DEADLINE_S = 30.0
"""How long a reader that is behind is given to read that it was closed."""
TRY_AGAIN_LATER = 1013
YIELD_EVERY = 32


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a connection is over; None = the client went."""

    code: int | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """An accepted token: whose, and until when."""

    principal: Principal
    expires_at: datetime


class Connection:
    """An authenticated socket. Everything happens on its event loop, except `end_soon`."""

    def __init__(self, live: "Live", websocket: WebSocket, entry: Entry, phase: int) -> None:
        self.phase = phase
        self.entry = entry
        self._live = live
        self._websocket = websocket
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._outgoing = Outgoing(live.limits.buffer_frames, live.limits.buffer_bytes)
        self._liveness = Liveness(heard_at=now, pinged_at=now)
        self._allowance = Allowance.full(MESSAGES_A_SECOND, MESSAGES_AT_ONCE, now)
        self._over: asyncio.Future[Ending] = self._loop.create_future()
        self._wake: asyncio.Future[None] | None = None
        self._room = asyncio.Event()
        self._subscriptions: dict[str, Subscription] = {}
        self._to_open: deque[Subscription] = deque()
        self._opening: Subscription | None = None
        self._opener: asyncio.Task[None] | None = None
        self._forget_session: Callable[[], None] = lambda: None

    async def run(self) -> None:
        """Serve until it is over."""
        self._watch_session()
        tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._read())]
        ending = Ending(CloseCode.GOING_AWAY)
        try:
            self._put(frames.authenticated(self.entry.principal.user_id, self.entry.principal.role,
                                           self.entry.expires_at))  # fmt: skip
            ending = await self._over
        finally:
            self._forget_session()
            for subscription in self._subscriptions.values():
                self._live.hub.leave(subscription)
            for task in (*tasks, *([self._opener] if self._opener else [])):
                task.cancel()
        await close(self._websocket, ending)

    def end(self, code: int | None, reason: str = "") -> None:
        """What was not sent yet is not sent any more."""
        if not self._over.done():
            self._over.set_result(Ending(code, reason))

    def look(self, monotonic: float, now: datetime) -> None:
        """Now and then: end it if the token has run out or the client is silent; ping it when it is time."""
        if now >= self.entry.expires_at:
            self.end(CloseCode.UNAUTHENTICATED, "the access token has expired")
            return
        sign = self._liveness.look(monotonic)
        if sign is Sign.SILENT:
            self.end(CloseCode.SILENT, "nothing was heard of you")
        elif sign is Sign.PING:
            self._put(frames.PING)

    # What the hub asks of a socket.

    def send(self, frame: str) -> None:
        self._outgoing.put(frame)
        self._wake_writer()

    def send_state(self, channel: str, frame: str) -> None:
        self._outgoing.put_state(channel, frame)
        self._wake_writer()

    def too_slow(self) -> None:
        self.end(CloseCode.TOO_SLOW, "too slow; come back with your cursors")

    def reopen(self, subscription: Subscription) -> None:
        if subscription is self._opening or subscription in self._to_open:
            return  # whoever opens it sees that it was restarted
        self._put(frames.resync(subscription.channel))
        self._open_soon(subscription)

    # Sending.

    def _put(self, frame: str) -> None:
        try:
            self.send(frame)
        except Overflow:
            self.too_slow()

    def _wake_writer(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def _write(self) -> None:
        count = 0
        send, take = self._websocket.send, self._outgoing.take
        try:
            while True:
                frame = take()
                if frame is None:
                    self._wake = self._loop.create_future()
                    await self._wake
                    continue
                await send({"type": "websocket.send", "text": frame})
                if self._outgoing.has_room:
                    self._room.set()
                count += 1
                if count % YIELD_EVERY == 0:
                    await asyncio.sleep(0)
        except WebSocketDisconnect:
            self.end(None)

    async def _wait_for_room(self) -> None:
        while not self._outgoing.has_room:
            self._room.clear()
            await self._room.wait()

    # Hearing.

    async def _read(self) -> None:
        try:
            while not self._over.done():
                message = await receive_text(self._websocket)
                self._liveness.heard(self._loop.time())
                if not self._allowance.take(self._loop.time()):
                    self.end(CloseCode.TOO_MANY, "too many messages")
                    return
                await self._take(message)
        except Unfit as unfit:
            self.end(unfit.code, unfit.reason)
        except WebSocketDisconnect:
            self.end(None)
        except Exception:
            log.exception("live_message_failed")
            self.end(1011, "something went wrong")

    async def _take(self, message: str) -> None:
        try:
            frame = frames.CLIENT_FRAME.validate_json(message)
        except ValidationError as error:
            self._put(_not_understood(error))
            return
        match frame:
            case frames.Subscribe():
                for name in frame.channels:
                    self._subscribe(name, frame.cursors.get(name))
            case frames.Unsubscribe():
                for name in frame.channels:
                    self._unsubscribe(name)
            case frames.Auth():
                await self._renew(frame.token)
            case frames.Ping():
                self._put(frames.PONG)
            case frames.Pong():
                pass

    def _subscribe(self, name: str, cursor: str | None) -> None:
        try:
            channel = Channel.named(name)
            wanted = Cursor.parse(cursor) if cursor is not None else None
        except (UnknownChannel, BadCursor) as error:
            self._put(frames.refused(ErrorCode.VALIDATION_ERROR, str(error), name))
            return
        if not channel.open_to(self.entry.principal):
            self._put(frames.refused(ErrorCode.FORBIDDEN, "Your role does not allow this", name))
            return
        self._drop(channel.name)
        if len(self._subscriptions) >= self._live.limits.channels_per_socket:
            most = self._live.limits.channels_per_socket
            self._put(frames.refused(ErrorCode.LIMIT_REACHED, f"A socket may have {most} channels", name))
            return
        topic = channel.topic(self.entry.principal.user_id)
        subscription = Subscription(channel.name, topic, wanted, self._live.limits.buffer_frames)
        self._subscriptions[channel.name] = subscription
        self._open_soon(subscription)

    def _unsubscribe(self, name: str) -> None:
        try:
            name = Channel.named(name).name
        except UnknownChannel as error:
            self._put(frames.refused(ErrorCode.VALIDATION_ERROR, str(error), name))
            return
        self._drop(name)
        self._put(frames.unsubscribed(name))

    def _drop(self, name: str) -> None:
        subscription = self._subscriptions.pop(name, None)
        if subscription is not None:
            self._live.hub.leave(subscription)
            self._outgoing.drop_state(name)

    async def _renew(self, token: str) -> None:
        """A fresh token of the same person in the same role. Anything else ends the connection."""
        try:
            entry = await self._live.admit(token)
        except LunaError as error:
            self.end(CloseCode.UNAUTHENTICATED, error.message)
            return
        except SQLAlchemyError:
            self.end(TRY_AGAIN_LATER, "try again soon")
            return
        mine = self.entry.principal
        if (entry.principal.user_id, entry.principal.role) != (mine.user_id, mine.role):
            self.end(CloseCode.UNAUTHENTICATED, "this token is another person's, or of another role")
            return
        self.entry = entry
        self._watch_session()
        self._put(frames.authenticated(mine.user_id, mine.role, entry.expires_at))

    def _watch_session(self) -> None:
        self._forget_session()
        loop = self._loop

        def ended() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: so are its sockets
                loop.call_soon_threadsafe(self.end, CloseCode.UNAUTHENTICATED, "this session has ended")

        self._forget_session = self._live.runtime.revocations.when_ended(self.entry.principal.session_id, ended)

    # Opening channels, one at a time.

    def _open_soon(self, subscription: Subscription) -> None:
        self._to_open.append(subscription)
        if self._opener is None or self._opener.done():
            self._opener = asyncio.create_task(self._open_all())

    async def _open_all(self) -> None:
        while self._to_open:
            subscription = self._opening = self._to_open.popleft()
            try:
                async with asyncio.timeout(OPENING_DEADLINE_S):
                    await self._open(subscription)
            except TimeoutError:
                self.end(TRY_AGAIN_LATER, "what you asked for cannot be read now; try again soon")
            except NotFound as error:
                self._put(frames.refused(error.code, error.message, subscription.channel))
                if self._is_wanted(subscription):
                    self._drop(subscription.channel)
            except Exception:
                log.exception("live_channel_not_opened", channel=subscription.channel)
                self.end(1011, "something went wrong")
            finally:
                self._opening = None

    def _is_wanted(self, subscription: Subscription) -> bool:
        return self._subscriptions.get(subscription.channel) is subscription

    async def _open(self, subscription: Subscription) -> None:
        """Cursor first, then snapshot, then what arrived meanwhile. Begins again whenever the channel was restarted.

        Raises NotFound for what is not there for this person.
        """
        channel = Channel.named(subscription.channel)
        begun = False
        while self._is_wanted(subscription):
            try:
                if not begun:
                    await self._live.check(self.entry.principal, channel)
                placed = await self._place(subscription)
                if placed is None:
                    return
                read, lap = placed
                resumed = read.events is not None and subscription.wanted is not None
                begun = await (self._resume(subscription, read, lap) if resumed
                               else self._begin(subscription, channel, read, lap, again=begun))  # fmt: skip
            except (SQLAlchemyError, RedisError, OSError) as error:
                log.debug("live_channel_waits", channel=subscription.channel, error=type(error).__name__)
                await asyncio.sleep(RETRY_S)
                continue
            if subscription.lap == lap:
                return

    async def _place(self, subscription: Subscription) -> tuple[Read, int] | None:
        """Read the cursor while everything that is published is heard; None if nobody wants it any more.

        Raises RedisError.
        """
        feed = self._live.feed
        while True:
            await feed.up.wait()
            generation, lap = feed.generation, subscription.lap
            if not self._is_wanted(subscription):
                return None
            topic = self._live.hub.join(subscription, self)
            read = await self._live.streams.read(subscription.topic, subscription.wanted)
            if (generation, lap) == (feed.generation, subscription.lap) and feed.up.is_set():
                topic.starts_at(read.head)
                subscription.placed(read.head)
                return read, lap

    async def _resume(self, subscription: Subscription, read: Read, lap: int) -> bool:
        """Whether anything was sent."""
        assert subscription.wanted is not None and read.events is not None  # noqa: S101 - the caller looked
        self._put(frames.subscribed(subscription.channel, subscription.wanted))
        for number, body in read.events:
            await self._wait_for_room()
            if subscription.lap != lap or not self._is_wanted(subscription):
                return True
            self._put(frames.event(subscription.channel, Cursor(read.head.run, number), body))
        self._go_live(subscription)
        return True

    async def _begin(self, subscription: Subscription, channel: Channel, read: Read, lap: int, *, again: bool) -> bool:
        await self._wait_for_room()
        snapshot = await self._live.snapshot(self.entry.principal, channel)
        if subscription.lap != lap or not self._is_wanted(subscription):
            return again
        if subscription.wanted is not None or again:
            self._put(frames.resync(subscription.channel))
        self._put(frames.subscribed(subscription.channel, read.head, snapshot))
        self._go_live(subscription)
        return True

    def _go_live(self, subscription: Subscription) -> None:
        for frame in subscription.opened():
            self._put(frame)


class Unfit(Exception):
    """A message that no client may send."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


async def receive_text(websocket: WebSocket) -> str:
    """The next message. Raises WebSocketDisconnect, Unfit."""
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code") or 1005)
    text = message.get("text")
    if text is None:
        raise Unfit(CloseCode.UNSUPPORTED, "send text")
    if len(text) > LONGEST_MESSAGE:
        raise Unfit(CloseCode.TOO_BIG, f"a message may have {LONGEST_MESSAGE} characters")
    return str(text)


async def close(websocket: WebSocket, ending: Ending) -> None:
    """Say why, to a reader that may be far behind; one that never reads it is cut off."""
    if ending.code is None:
        return
    abort = websocket.scope.get("extensions", {}).get(ABORT, {}).get("abort")
    if abort is not None:
        asyncio.get_running_loop().call_later(CLOSING_DEADLINE_S + 5, abort)
    with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(CLOSING_DEADLINE_S):
            await websocket.close(ending.code, ending.reason)


def _not_understood(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return frames.refused(ErrorCode.MALFORMED_JSON, "The message is not valid JSON")
    where = ".".join(str(part) for part in first["loc"])
    return frames.refused(ErrorCode.VALIDATION_ERROR, f"{where}: {first['msg']}" if where else first["msg"])
