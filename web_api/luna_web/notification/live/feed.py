"""Follows Redis for one process: all that is published, and the streams where something is missing.

While Redis is away nothing is lost but time: topics fall behind, and when it is back each reads its stream from where
it stands, or begins anew where that is gone.
"""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from luna_web.notification.live.hub import Hub, Read, Topic
from luna_web.notification.live.positions import Position, unpacked
from luna_web.notification.live.streams import EVENTS, POSITIONS, Streams, read_message
from luna_web.shared.loggers import structlog

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import PubSub

log = structlog.get_logger(__name__)
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
YIELD_EVERY = 64


class Feed:
    """Runs as one task on the loop of the sockets. `up` is set while everything that is published is heard.

    A Redis that says nothing for `silence` seconds, not even to a ping, is away.
    """

    def __init__(
        self, redis: "Redis", streams: Streams, hub: Hub, hear: Callable[[Sequence[Position]], None], silence: float
    ) -> None:
        self._silence = silence
        self._timeout = silence / 2
        self._redis = redis
        self._streams = streams
        self._hub = hub
        self._hear = hear
        self._behind: asyncio.Queue[Topic] = asyncio.Queue()
        self.up = asyncio.Event()
        self.generation = 0
        """Grows whenever something may have gone by unheard."""

    async def run(self) -> None:
        """Until cancelled."""
        catching_up = asyncio.create_task(self._catch_up(), name="live catch up")
        pause = FIRST_PAUSE_S
        try:
            while True:
                try:
                    await self._follow()
                except (RedisError, OSError, TimeoutError) as error:
                    pause = FIRST_PAUSE_S if self.up.is_set() else min(2 * pause, LONGEST_PAUSE_S)
                    log.warning("live_feed_down", error=type(error).__name__)
                except Exception:
                    # What is heard next must not depend on what could not be handled now.
                    pause = LONGEST_PAUSE_S
                    log.exception("live_feed_failed")
                finally:
                    self._down()
                await asyncio.sleep(pause)
        finally:
            catching_up.cancel()

    async def _follow(self) -> None:
        async with self._redis.pubsub() as pubsub:
            async with asyncio.timeout(self._timeout):
                await pubsub.subscribe(EVENTS, POSITIONS)
                for _ in (EVENTS, POSITIONS):
                    await _next(pubsub, self._timeout)
            self.up.set()
            log.info("live_feed_up")
            for topic in self._hub.all_behind():
                self._behind.put_nowait(topic)
            await self._listen(pubsub)

    async def _listen(self, pubsub: "PubSub") -> None:
        heard_at, count = time.monotonic(), 0
        while True:
            message = await _next(pubsub, self._timeout / 2)
            now = time.monotonic()
            if message is None:
                if now - heard_at > self._silence:
                    raise TimeoutError
                async with asyncio.timeout(self._timeout):
                    await pubsub.ping()
                continue
            heard_at = now
            if message["type"] == "message":
                self._take(message)
            count += 1
            if count % YIELD_EVERY == 0:
                await asyncio.sleep(0)

    def _take(self, message: dict[str, Any]) -> None:
        try:
            if message["channel"] == POSITIONS.encode():
                self._hear(unpacked(json.loads(message["data"])))
                return
            name, cursor, body = read_message(message["data"])
        except (ValueError, TypeError):
            log.error("live_message_not_understood", channel=str(message["channel"]))
            return
        behind = self._hub.arrives(name, cursor, body)
        if behind is not None:
            self._behind.put_nowait(behind)

    def _down(self) -> None:
        self.up.clear()
        self.generation += 1
        self._hub.all_behind()

    async def _catch_up(self) -> None:
        while True:
            topic = await self._behind.get()
            while topic.behind and topic.members:
                await self.up.wait()
                generation = self.generation
                try:
                    read = await self._streams.read(topic.name, topic.last)
                    if generation == self.generation:
                        self._caught_up(topic, read)
                except (RedisError, OSError):
                    await asyncio.sleep(LONGEST_PAUSE_S / 4)
                except Exception:
                    # The other topics must not wait for one that cannot be handled; it comes again after them.
                    log.exception("live_stream_not_read", topic=topic.name)
                    await asyncio.sleep(LONGEST_PAUSE_S)
                    self._behind.put_nowait(topic)
                    break

    def _caught_up(self, topic: Topic, read: Read) -> None:
        for subscription in topic.caught_up(read):
            socket = topic.members.get(subscription)
            if socket is not None:
                socket.reopen(subscription)


async def _next(pubsub: "PubSub", timeout: float) -> dict[str, Any] | None:
    message: dict[str, Any] | None = await pubsub.get_message(timeout=timeout)
    return message
