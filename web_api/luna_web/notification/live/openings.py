"""The channels of one socket: which it has, and how each is opened. Cursor first, then snapshot, then what arrived.

One is opened after the other, so that a socket with a hundred channels asks for no more at a time than one with a few.
"""

import asyncio
from typing import Protocol

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from luna_web.notification.live import frames
from luna_web.notification.live.channels import Channel, UnknownChannel
from luna_web.notification.live.cursors import BadCursor, Cursor
from luna_web.notification.live.feed import Feed
from luna_web.notification.live.frames import CloseCode
from luna_web.notification.live.hub import Hub, Read, Socket
from luna_web.notification.live.streams import Streams
from luna_web.notification.live.subscription import Subscription
from luna_web.shared.errors import ErrorCode, NotFound
from luna_web.shared.loggers import structlog
from luna_web.shared.principal import Principal

log = structlog.get_logger(__name__)
PATIENCE_S = 30.0
"""How long a channel tries again while Redis or PostgreSQL do not answer; then its client is sent away to come again.

What takes its time is no failure: a reader that is slow, and a thousand readers that come at once and wait their turn,
would only begin anew if they were sent away.
"""
RETRY_S = 0.25
FEED_S = 2.0


class Outlet(Socket, Protocol):
    """The socket, as its channels see it."""

    async def room(self) -> None:
        """Return once a large frame may be put."""
        ...

    def put(self, frame: str) -> None:
        """As `send`, but a full buffer ends the connection."""
        ...

    def drop_state(self, channel: str) -> None: ...

    def end(self, code: int | None, reason: str = "") -> None: ...


class Sources(Protocol):
    """Where channels are read from: what a process runs of the live channel."""

    hub: Hub
    feed: Feed
    streams: Streams

    async def check(self, principal: Principal, channel: Channel) -> None:
        """Raises NotFound for a thing that is not there for this person, SQLAlchemyError, TimeoutError."""
        ...

    async def snapshot(self, principal: Principal, channel: Channel) -> str:
        """The state of a channel as JSON, read after this call. Raises as `check` does."""
        ...

    def resumed(self) -> None:
        """Count a channel that goes on where the client was."""
        ...


class Unreadable(Exception):
    """Redis or PostgreSQL did not answer for as long as we try."""


class Openings:
    """`most` channels at most; `most_waiting` events at most are kept for one that is being opened."""

    def __init__(self, sources: Sources, outlet: Outlet, principal: Principal, most: int, most_waiting: int) -> None:
        self._sources = sources
        self._outlet = outlet
        self._principal = principal
        self._most = most
        self._most_waiting = most_waiting
        self._subscriptions: dict[str, Subscription] = {}
        self._to_open: dict[str, Subscription] = {}
        self._opening: Subscription | None = None
        self._opener: asyncio.Task[None] | None = None

    @property
    def count(self) -> int:
        return len(self._subscriptions)

    def close(self) -> None:
        """Nothing more is wanted."""
        for name in list(self._subscriptions):
            self._drop(name)
        if self._opener is not None:
            self._opener.cancel()

    def subscribe(self, name: str, cursor: str | None) -> None:
        """As the client asks; one that it has is opened anew."""
        try:
            channel = Channel.named(name)
            wanted = Cursor.parse(cursor) if cursor is not None else None
        except (UnknownChannel, BadCursor) as error:
            self._outlet.put(frames.refused(ErrorCode.VALIDATION_ERROR, str(error), name))
            return
        if not channel.open_to(self._principal):
            self._outlet.put(frames.refused(ErrorCode.FORBIDDEN, "Your role does not allow this", name))
            return
        self._drop(channel.name)
        if len(self._subscriptions) >= self._most:
            refusal = f"A socket may have {self._most} channels"
            self._outlet.put(frames.refused(ErrorCode.LIMIT_REACHED, refusal, name))
            return
        topic = channel.topic(self._principal.user_id)
        subscription = Subscription(channel.name, topic, wanted, self._most_waiting)
        self._subscriptions[channel.name] = subscription
        self._open_soon(subscription)

    def unsubscribe(self, name: str) -> None:
        try:
            name = Channel.named(name).name
        except UnknownChannel as error:
            self._outlet.put(frames.refused(ErrorCode.VALIDATION_ERROR, str(error), name))
            return
        self._drop(name)
        self._outlet.put(frames.unsubscribed(name))

    def reopen(self, subscription: Subscription) -> None:
        """It was restarted: it needs a snapshot."""
        if subscription is self._opening or self._to_open.get(subscription.channel) is subscription:
            return  # whoever opens it sees that it was restarted
        self._outlet.put(frames.resync(subscription.channel))
        self._open_soon(subscription)

    def _drop(self, name: str) -> None:
        subscription = self._subscriptions.pop(name, None)
        if subscription is not None:
            self._to_open.pop(name, None)
            self._sources.hub.leave(subscription)
            self._outlet.drop_state(name)

    def _open_soon(self, subscription: Subscription) -> None:
        self._to_open[subscription.channel] = subscription
        if self._opener is None or self._opener.done():
            self._opener = asyncio.create_task(self._open_all())

    async def _open_all(self) -> None:
        while self._to_open:
            subscription = self._opening = self._to_open.pop(next(iter(self._to_open)))
            try:
                await self._open(subscription)
            except Unreadable:
                reason = "what you asked for cannot be read now; try again soon"
                self._outlet.end(CloseCode.TRY_AGAIN_LATER, reason)
            except NotFound as error:
                if self._is_wanted(subscription):
                    self._outlet.put(frames.refused(error.code, error.message, subscription.channel))
                    self._drop(subscription.channel)
            except Exception:
                log.exception("live_channel_not_opened", channel=subscription.channel)
                self._outlet.end(CloseCode.WENT_WRONG, "something went wrong")
            finally:
                self._opening = None

    def _is_wanted(self, subscription: Subscription) -> bool:
        return self._subscriptions.get(subscription.channel) is subscription

    async def _open(self, subscription: Subscription) -> None:
        """Begins again whenever the channel was restarted. Raises NotFound, Unreadable."""
        channel, loop = Channel.named(subscription.channel), asyncio.get_running_loop()
        begun, failing_since = False, None
        while self._is_wanted(subscription):
            try:
                if not begun:
                    await self._sources.check(self._principal, channel)
                placed = await self._place(subscription)
                if placed is None:
                    return
                read, lap = placed
                if read.events is not None and subscription.wanted is not None:
                    await self._resume(subscription, read, lap)
                    begun = True
                else:
                    begun = await self._begin(subscription, channel, read, lap, again=begun)
            except (SQLAlchemyError, RedisError, OSError) as error:
                log.debug("live_channel_waits", channel=subscription.channel, error=type(error).__name__)
                failing_since = failing_since or loop.time()
                if loop.time() - failing_since > PATIENCE_S:
                    raise Unreadable from error
                await asyncio.sleep(RETRY_S)
                continue
            if subscription.lap == lap:
                return

    async def _place(self, subscription: Subscription) -> tuple[Read, int] | None:
        """Read the cursor while everything that is published is heard; None if nobody wants it any more.

        Raises RedisError, TimeoutError.
        """
        feed = self._sources.feed
        while True:
            async with asyncio.timeout(FEED_S):
                await feed.up.wait()
            generation, lap = feed.generation, subscription.lap
            if not self._is_wanted(subscription):
                return None
            topic = self._sources.hub.join(subscription, self._outlet)
            read = await self._sources.streams.read(subscription.topic, subscription.wanted)
            is_current = (generation, lap) == (feed.generation, subscription.lap) and feed.up.is_set()
            if is_current and subscription.connects(read.head, topic.last):
                topic.starts_at(read.head)
                subscription.placed(read.head)
                return read, lap

    async def _resume(self, subscription: Subscription, read: Read, lap: int) -> None:
        assert subscription.wanted is not None and read.events is not None  # noqa: S101 - the caller looked
        self._outlet.put(frames.subscribed(subscription.channel, subscription.wanted))
        for number, body in read.events:
            await self._outlet.room()
            if subscription.lap != lap or not self._is_wanted(subscription):
                return
            self._outlet.put(frames.event(subscription.channel, Cursor(read.head.run, number), body))
        self._sources.resumed()
        self._go_live(subscription)

    async def _begin(self, subscription: Subscription, channel: Channel, read: Read, lap: int, *, again: bool) -> bool:
        """Whether anything was sent, now or before."""
        await self._outlet.room()
        snapshot = await self._sources.snapshot(self._principal, channel)
        if subscription.lap != lap or not self._is_wanted(subscription):
            return again
        if subscription.wanted is not None or again:
            self._outlet.put(frames.resync(subscription.channel))
        self._outlet.put(frames.subscribed(subscription.channel, read.head, snapshot))
        self._go_live(subscription)
        return True

    def _go_live(self, subscription: Subscription) -> None:
        for frame in subscription.opened():
            self._outlet.put(frame)
