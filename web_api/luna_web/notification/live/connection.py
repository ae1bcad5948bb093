"""One WebSocket: who it is, what it asks for, what it is sent. What is decided is in the pure modules beside it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.websockets import WebSocket, WebSocketDisconnect

from luna_web.notification.live import frames
from luna_web.notification.live.frames import CloseCode
from luna_web.notification.live.liveness import Allowance, Liveness, Sign
from luna_web.notification.live.openings import Openings
from luna_web.notification.live.outgoing import Outgoing, Overflow
from luna_web.notification.live.subscription import Subscription
from luna_web.shared.errors import ErrorCode, LunaError
from luna_web.shared.loggers import structlog
from luna_web.shared.principal import Principal
from luna_web.shared.websocket import ABORT, WRITE, text_of

if TYPE_CHECKING:
    from luna_web.notification.live.live import Live

log = structlog.get_logger(__name__)
LONGEST_MESSAGE = 32_768
MESSAGES_A_SECOND = 10.0
MESSAGES_AT_ONCE = 100.0
CLOSING_DEADLINE_S = 30.0
"""How long a reader that is behind is given to read that it was closed."""
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
    """An authenticated socket. Everything happens on its event loop."""

    def __init__(self, live: "Live", websocket: WebSocket, entry: Entry, phase: int) -> None:
        self.phase = phase
        self.entry = entry
        self._live = live
        self._websocket = websocket
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._outgoing: Outgoing[bytes] = Outgoing(live.limits.buffer_frames, live.limits.buffer_bytes)
        self._liveness = Liveness(heard_at=now, pinged_at=now)
        self._allowance = Allowance.full(MESSAGES_A_SECOND, MESSAGES_AT_ONCE, now)
        self._over: asyncio.Future[Ending] = self._loop.create_future()
        self._wake: asyncio.Future[None] | None = None
        self._room = asyncio.Event()
        most, waiting = live.limits.channels_per_socket, live.limits.buffer_frames
        self._openings = Openings(live, self, entry.principal, most, waiting)
        self._forget_session: Callable[[], None] = lambda: None

    @property
    def channels(self) -> int:
        """How many it has."""
        return self._openings.count

    async def run(self) -> Ending:
        """Serve until it is over, and close it; why."""
        self._watch_session()
        tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._read())]
        ending = Ending(CloseCode.GOING_AWAY)
        try:
            self._welcome()
            ending = await self._over
        finally:
            self._forget_session()
            self._openings.close()
            for task in tasks:
                task.cancel()
        await close(self._websocket, ending)
        return ending

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
            self._give_sign(frames.PING)

    # What the hub asks of a socket.

    def send(self, frame: str) -> None:
        self._outgoing.put(self._live.written(frame))
        self._wake_writer()

    def send_state(self, channel: str, frame: str) -> None:
        self._live.figures.coalesced += self._outgoing.put_state(channel, self._live.written(frame))
        self._wake_writer()

    def too_slow(self) -> None:
        self.end(CloseCode.TOO_SLOW, "too slow; come back with your cursors")

    def reopen(self, subscription: Subscription) -> None:
        self._openings.reopen(subscription)

    # Sending.

    def put(self, frame: str) -> None:
        try:
            self.send(frame)
        except Overflow:
            self.too_slow()

    def drop_state(self, channel: str) -> None:
        self._outgoing.drop_state(channel)

    async def room(self) -> None:
        while not self._outgoing.has_room:
            self._room.clear()
            await self._room.wait()

    def _give_sign(self, frame: str) -> None:
        self._outgoing.put_sign(self._live.written(frame))
        self._wake_writer()

    def _wake_writer(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def _write(self) -> None:
        count = 0
        write, take, figures = writer_of(self._websocket), self._outgoing.take, self._live.figures
        try:
            while True:
                frame = take()
                if frame is None:
                    self._wake = self._loop.create_future()
                    await self._wake
                    continue
                await write(frame)
                figures.frames += 1
                if self._outgoing.has_room:
                    self._room.set()
                count += 1
                if count % YIELD_EVERY == 0:
                    await asyncio.sleep(0)
        except OSError:
            self.end(None)

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
            self.end(CloseCode.WENT_WRONG, "something went wrong")

    async def _take(self, message: str) -> None:
        try:
            frame = frames.CLIENT_FRAME.validate_json(message)
        except ValidationError as error:
            self.put(_not_understood(error))
            return
        match frame:
            case frames.Subscribe():
                for name in frame.channels:
                    self._openings.subscribe(name, frame.cursors.get(name))
            case frames.Unsubscribe():
                for name in frame.channels:
                    self._openings.unsubscribe(name)
            case frames.Auth():
                await self._renew(frame.token)
            case frames.Ping():
                self._give_sign(frames.PONG)
            case frames.Pong():
                pass

    async def _renew(self, token: str) -> None:
        """A fresh token of the same person in the same role. Anything else ends the connection."""
        try:
            entry = await self._live.admit(token)
        except LunaError as error:
            self.end(CloseCode.UNAUTHENTICATED, error.message)
            return
        except (SQLAlchemyError, TimeoutError):
            self.end(CloseCode.TRY_AGAIN_LATER, "try again soon")
            return
        mine = self.entry.principal
        if (entry.principal.user_id, entry.principal.role) != (mine.user_id, mine.role):
            self.end(CloseCode.UNAUTHENTICATED, "this token is another person's, or of another role")
            return
        self.entry = entry
        self._watch_session()
        self._welcome()

    def _welcome(self) -> None:
        who, now = self.entry.principal, self._live.runtime.clock.now()
        self.put(frames.authenticated(who.user_id, who.role, self.entry.expires_at, now))

    def _watch_session(self) -> None:
        self._forget_session()
        loop = self._loop

        def ended() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: so are its sockets
                loop.call_soon_threadsafe(self.end, CloseCode.UNAUTHENTICATED, "this session has ended")

        self._forget_session = self._live.runtime.revocations.when_ended(self.entry.principal.session_id, ended)


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


def writer_of(websocket: WebSocket) -> Callable[[bytes], Awaitable[None]]:
    """What sends a frame as it is; under a server without our protocol, as a text. Raises OSError."""
    write: Callable[[bytes], Awaitable[None]] | None
    write = websocket.scope.get("extensions", {}).get(WRITE, {}).get("write")
    if write is not None:
        return write

    async def send(frame: bytes) -> None:
        try:
            await websocket.send({"type": "websocket.send", "text": text_of(frame)})
        except WebSocketDisconnect as gone:
            raise ConnectionError from gone

    return send


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
