"""The live channel's real parts: servers on sockets, the relay's publishing, and a plain client that hides nothing."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec
from uuid import UUID, uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from luna_web.main import create_app
from luna_web.notification.app import SERVICE as NOTIFICATION
from luna_web.notification.live.live import LIVE, Live
from luna_web.notification.live.streams import Publisher, kept_of
from luna_web.notification.models import Notification
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.ids import new_id
from luna_web.shared.outbox import record_event
from luna_web.shared.runtime import Runtime, make_runtime
from luna_web.worker.relay import Relay
from tests.integration.servers import free_port, wait_until
from tests.integration.serving import on_a_port
from tests.integration.world import Person

PATH = "/api/v1/notifications/ws"
ROOT = Path(__file__).resolve().parents[5]
DEADLINE_S = 20.0
Json = dict[str, Any]
P = ParamSpec("P")


@dataclass
class Server:
    """A process's worth of notification service, in a thread of its own."""

    runtime: Runtime
    port: int

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}{PATH}"

    @property
    def live(self) -> Live:
        return self.runtime.get(LIVE)


@contextmanager
def serving(settings: Settings, runtime: Runtime | None = None) -> Iterator[Server]:
    runtime = runtime or make_runtime(settings)
    with on_a_port(create_app([NOTIFICATION], runtime=runtime)) as port:
        yield Server(runtime, port)


class ServerProcess:
    """`uvicorn luna_web.main:app` as the embedded run starts it; it can be killed and started again."""

    def __init__(self, settings: Settings, redis_url: str, log: Path) -> None:
        self.port = free_port()
        self._log = log
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "web_api"),
            "LUNA_DATABASE_URL": settings.database_url,
            "LUNA_REDIS_URL": redis_url,
            "LUNA_CELERY_BROKER_URL": redis_url,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> ServerProcess:
        command = [
            sys.executable, "-m", "uvicorn", "luna_web.main:app", "--host", "127.0.0.1", "--port", str(self.port),
            "--ws", "luna_web.shared.websocket:WebSocketProtocol", "--ws-ping-interval", "0",
            "--ws-per-message-deflate", "false",
        ]  # fmt: skip
        with self._log.open("ab") as sink:
            self._process = subprocess.Popen(command, env=self._environment, cwd=ROOT, stdout=sink, stderr=sink)
        wait_until("the server serves", self._answers, deadline=120)
        return self

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
        self._process = None

    def _answers(self) -> bool:
        import httpx

        assert self._process is not None and self._process.poll() is None, self._log.read_text()
        try:
            return httpx.get(f"{self.address}/health/live", timeout=1).status_code == 200
        except httpx.HTTPError:
            return False


class Newsroom:
    """Makes events and has the relay tell of them."""

    def __init__(self, factory: SessionFactory, publisher: Publisher) -> None:
        self._factory = factory
        self._seq: dict[str, int] = {}
        self.relay = Relay(factory, [], lambda _: None, _no_listener, publish=publisher.publish)

    @classmethod
    def of(cls, runtime: Runtime) -> Newsroom:
        return cls(runtime.session_factory, Publisher(runtime.redis, kept_of(runtime.settings)))

    def write(self, event_type: str, aggregate: str, **payload: Any) -> UUID:
        """One event, committed; nobody is told."""
        seq = self._seq[aggregate] = self._seq.get(aggregate, 0) + 1
        with transaction(self._factory) as session:
            return record_event(
                session, type=event_type, source="delivery-service", aggregate=aggregate, aggregate_seq=seq,
                payload={"version": seq, **payload}, trace_id="trace-of-a-test",
            )  # fmt: skip

    def write_loans(self, user_id: UUID, numbers: Iterable[int]) -> None:
        """An event each, with a notification that snapshots count, in one transaction; nobody is told."""
        with transaction(self._factory) as session:
            for number in numbers:
                session.add(
                    Notification(user_id=user_id, event_id=new_id(), title="t", message="m",
                                 notification_type="LOAN_DUE")
                )  # fmt: skip
                record_event(
                    session, type="delivery.loan.opened", source="delivery-service", aggregate=f"loan:{uuid4()}",
                    aggregate_seq=1, payload={"user_id": str(user_id), "number": number}, trace_id="trace-of-a-test",
                )  # fmt: skip

    def write_requests(self, numbers: Iterable[int], padding: str) -> None:
        """An event of the queue each, that much longer, in one transaction; nobody is told."""
        with transaction(self._factory) as session:
            for number in numbers:
                record_event(
                    session, type="delivery.request.created", source="delivery-service",
                    aggregate=f"request:{uuid4()}", aggregate_seq=1,
                    payload={"number": number, "padding": padding}, trace_id="trace-of-a-test",
                )  # fmt: skip

    def tell(self, event_type: str, aggregate: str, **payload: Any) -> str:
        """One event, published; its id."""
        event_id = self.write(event_type, aggregate, **payload)
        while self.relay.relay_once():
            pass
        return str(event_id)

    def loan(self, user_id: UUID, number: int = 1) -> str:
        """Something that its reader alone is told."""
        return self.tell("delivery.loan.opened", f"loan:{uuid4()}", user_id=str(user_id), number=number)

    def request(self, number: int = 1) -> str:
        """Something that all staff see in the queue."""
        return self.tell("delivery.request.created", f"request:{uuid4()}", user_id=str(uuid4()), number=number)


def _no_listener() -> Any:
    raise AssertionError("not run as a thread")


@dataclass
class Client:
    """A socket in the open: every frame as it came."""

    connection: ClientConnection
    seen: list[Json] = field(default_factory=list)

    async def say(self, **frame: Any) -> None:
        """The server may have closed it meanwhile: reading tells."""
        with suppress(ConnectionClosed):
            await self.connection.send(json.dumps(frame))

    async def subscribe(self, *channels: str, **cursors: str) -> None:
        named = {name.replace("__", ":"): cursor for name, cursor in cursors.items()}
        await self.say(op="subscribe", channels=list(channels), cursors=named)

    async def next(self, *ops: str) -> Json:
        """The next frame of one of these kinds; others are passed over."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                frame: Json = json.loads(await self.connection.recv())
                self.seen.append(frame)
                if not ops or frame["op"] in ops:
                    return frame

    async def take(self, count: int, op: str = "event") -> list[Json]:
        return [await self.next(op) for _ in range(count)]

    async def closed(self) -> int:
        """Read on until it is closed; the code."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                while True:
                    self.seen.append(json.loads(await self.connection.recv()))
        except ConnectionClosed:
            code = self.connection.close_code
            assert code is not None
            return code


def story(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """A test that is told on an event loop of its own."""

    @wraps(test)
    def run(*given: P.args, **named: P.kwargs) -> None:
        asyncio.run(test(*given, **named))

    return run


@asynccontextmanager
async def client(
    url: str, token: str | None, subprotocols: Sequence[str] = ("luna.v1",), origin: str | None = None
) -> AsyncIterator[Client]:
    """`token` None: none among the subprotocols. `origin`: as a browser says whose page it shows."""
    offered = [*subprotocols, *([f"bearer.{token}"] if token else [])]
    words = [Subprotocol(word) for word in offered] or None
    async with connect(
        url, subprotocols=words, ping_interval=None, compression=None, close_timeout=1,
        origin=Origin(origin) if origin else None,
    ) as connection:  # fmt: skip
        yield Client(connection)


@asynccontextmanager
async def following(url: str, person: Person, *channels: str) -> AsyncIterator[Client]:
    """A client that has the snapshots of these channels."""
    async with client(url, token_of(person)) as me:
        await me.subscribe(*channels)
        await me.take(len(channels), "subscribed")
        yield me


def token_of(person: Person) -> str:
    assert person.api.token is not None
    return person.api.token


def numbers(events: Sequence[Json]) -> list[int]:
    return [event["payload"]["number"] for event in events]


async def until(what: str, look: Callable[[], bool], deadline: float = DEADLINE_S) -> None:
    end = asyncio.get_running_loop().time() + deadline
    while True:
        is_late = asyncio.get_running_loop().time() >= end  # asked before the look, as in `wait_until`
        if look():
            return
        assert not is_late, f"{what}: not within {deadline:.0f} s"
        await asyncio.sleep(0.01)
