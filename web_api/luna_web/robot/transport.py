"""roslibpy on its asyncio transport, one connection at a time.

roslibpy would reconnect by itself: with a back-off up to an hour, half-remembered subscriptions, and whatever was
sent meanwhile sent later. Here a connection that ends is over, with all that waited on it; `link` opens the next one.

All connections share the one event loop that roslibpy runs in a thread of its own. The controllers live on it too, so
nothing between them needs a lock; other threads come in through `asyncio.run_coroutine_threadsafe`.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from roslibpy import Message, Ros, Service, ServiceRequest, Topic
from roslibpy.comm.comm_asyncio import (
    AsyncioRosBridgeClientFactory,
    AsyncioRosBridgeProtocol,
    _get_shared_manager,
)

Json = Mapping[str, Any]

log = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 3.0
PING_SECONDS = 2.0
LATCHED = {"history": "keep_last", "depth": 1, "reliability": "reliable", "durability": "transient_local"}


class LinkDown(Exception):
    """There is no connection to the robot, or it broke before the answer came."""


class CallFailed(Exception):
    """rosbridge or the robot answered that the call could not be made: no such service, wrong fields, time-out."""


def bridge_loop() -> asyncio.AbstractEventLoop:
    """The loop that every connection lives on; started with the first call."""
    manager = _get_shared_manager()
    manager.run()
    loop: asyncio.AbstractEventLoop = manager.loop
    return loop


class _Protocol(AsyncioRosBridgeProtocol):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._message_handlers["status"] = self._refused

    def _refused(self, message: Json) -> None:
        log.warning("rosbridge refuses %s: %s", message.get("id"), message.get("msg"))


class _Factory(AsyncioRosBridgeClientFactory):  # type: ignore[misc]
    """Connects once. Emits `ready` when that worked, `over` when it failed or has ended."""

    protocol = _Protocol
    compression = None

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        super().__init__(url, headers=dict(headers))
        self.setProtocolOptions(
            openHandshakeTimeout=HANDSHAKE_SECONDS,
            closeHandshakeTimeout=1,
            autoPingInterval=PING_SECONDS,
            autoPingTimeout=PING_SECONDS,
        )
        self.abandoned = False

    def ready(self, proto: Any) -> None:
        if self.abandoned:
            proto.dropConnection(abort=True)
            return
        super().ready(proto)

    def abandon(self) -> None:
        """Drop the connection without a farewell: what is frozen on the way must not be flushed later."""
        self.abandoned = True
        if self._proto is not None:
            self._proto.dropConnection(abort=True)

    def _schedule_reconnect(self) -> None:
        self.emit("over")


class _Ros(Ros):  # type: ignore[misc]
    """`Ros` picks one of roslibpy's own factories; this one brings its own."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._id_counter = 0
        self.is_connecting = False
        self.factory = _Factory(url, headers)
        self.connect()


class Connection:
    """One WebSocket to one rosbridge, from opening to its end. To be used on the bridge loop only."""

    def __init__(self, url: str, token: str) -> None:
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.ended = asyncio.Event()
        self._publishers: dict[str, Topic] = {}
        self._subscribed: set[str] = set()
        self._waiting: set[asyncio.Future[Json]] = set()
        self._ros = _Ros(url, {"Authorization": f"Bearer {token}"})
        self._ros.factory.on("over", self._over)
        self._ros.factory.on_ready(self._ready)

    @property
    def usable(self) -> bool:
        return self.opened.done() and not self.ended.is_set() and bool(self._ros.is_connected)

    def subscribe(
        self, topic: str, message_type: str, callback: Callable[[Json], None], throttle_seconds: float = 0.0
    ) -> None:
        """Hear the newest message of a latched topic; the callback must be quick.

        Asked for again, it is subscribed anew. `qos` is understood by rosbridge-server-rs; rosbridge_suite takes that
        of the publishers it has discovered by then, so that a latched message may be missed until one asks again.
        """
        identifier = f"subscribe:{topic}"
        if topic in self._subscribed:
            self._ros.send_on_ready(Message({"op": "unsubscribe", "id": identifier, "topic": topic}))
        else:
            self._ros.on(topic, callback)
            self._subscribed.add(topic)
        subscription = {
            "op": "subscribe",
            "id": identifier,
            "topic": topic,
            "type": message_type,
            "throttle_rate": int(throttle_seconds * 1000),
            "queue_length": 1,
            "qos": LATCHED,
        }
        self._ros.send_on_ready(Message(subscription))

    def publish(self, topic: str, message_type: str, message: Json) -> None:
        """Raises LinkDown."""
        self._require_usable()
        if topic not in self._publishers:
            self._publishers[topic] = Topic(self._ros, topic, message_type, queue_size=1, reconnect_on_close=False)
        self._publishers[topic].publish(Message(message))

    async def call(self, service: str, arguments: Json, deadline: float) -> dict[str, Any]:
        """Call a service and wait at most `deadline` seconds. Raises LinkDown, CallFailed, TimeoutError.

        No type goes along: so rosbridge-server-rs refuses at once a service that it has not discovered yet, where
        otherwise the request would be lost without a word.
        """
        self._require_usable()
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()

        def failed(values: object) -> None:
            if not answer.done():
                answer.set_exception(CallFailed(str(values)[:500]))

        def succeeded(values: Json) -> None:
            if not answer.done():
                answer.set_result(values)

        self._waiting.add(answer)
        try:
            Service(self._ros, service, "").call(ServiceRequest(arguments), succeeded, failed)
            async with asyncio.timeout(deadline):
                return dict(await answer)
        finally:
            self._waiting.discard(answer)

    def send_goal(self, action: str, action_type: str, goal: Json, on_result: Callable[[object], None]) -> None:
        """Send an action goal and don't wait. `on_result` gets what rosbridge says in the end. Raises LinkDown."""
        self._require_usable()
        message = {
            "op": "send_action_goal",
            "id": f"send_action_goal:{action}:{self._ros.id_counter}",
            "action": action,
            "action_type": action_type,
            "args": goal,
            "feedback": False,
        }

        def ended(result: Json) -> None:
            on_result(result.get("values"))

        self._ros.call_async_action(Message(message), ended, lambda feedback: None, ended)

    def abandon(self) -> None:
        self._ros.factory.abandon()
        self._over()

    def _ready(self, proto: object) -> None:
        if not self.opened.done():
            self.opened.set_result(None)

    def _over(self) -> None:
        if not self.opened.done():
            self.opened.set_exception(LinkDown("cannot connect"))
            self.opened.exception()  # whoever waits is told; nobody waiting is no error
        for answer in tuple(self._waiting):
            if not answer.done():
                answer.set_exception(LinkDown("the connection broke"))
        self.ended.set()

    def _require_usable(self) -> None:
        if not self.usable:
            raise LinkDown("not connected")
