"""A thousand events, and in the middle of them something dies: every client gets each event once, in order."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from luna_client import Event, LiveClient, Snapshot, pauses
from luna_web.notification.live.streams import Publisher
from luna_web.shared.config import Settings
from luna_web.shared.principal import Role
from luna_web.shared.runtime import Runtime
from tests.integration import servers
from tests.integration.servers import free_port
from tests.integration.web.notification.live.rig import Newsroom, Server, ServerProcess, serving, until
from tests.integration.world import People

EVENTS = 1000
AHEAD = 200
"""So many events may be written that are not yet told: an outage falls among events, however quick they are."""
PATIENCE_S = 60.0
Told = list[int]


@pytest.fixture
def valkey() -> Iterator[servers.Valkey]:
    """One that the test may lose: it keeps nothing, so a new start is an empty one with another run id."""
    with servers.valkey() as server:
        yield server


@pytest.fixture
def quick(settings: Settings, valkey: servers.Valkey) -> Settings:
    """For a server that soon notices that its Redis is away."""
    return settings.model_copy(update={"redis_url": valkey.url, "live_redis_seconds": 0.8})


@pytest.fixture
def server(quick: Settings) -> Iterator[Server]:
    with serving(quick) as server:
        yield server


@pytest.fixture(autouse=True)
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client comes back at once, however soon it was lost again: pauses are tested by themselves."""
    monkeypatch.setattr(pauses, "STEADY", 0.0)


class Proxy:
    """The client's network: TCP to one port that can be cut, and led to another one."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> "Proxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        return self

    def cut(self) -> None:
        """Every connection ends at once, without a farewell."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def stop(self) -> None:
        self.cut()
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            ahead_reader, ahead = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, ahead}
        await asyncio.gather(_pump(reader, ahead), _pump(ahead_reader, writer))
        self._writers -= {writer, ahead}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.transport.abort()


class Story:
    """One thousand loans of a reader, told while `trouble` happens; a client follows them and notes what it gets."""

    def __init__(self, runtime: Runtime, people: People, valkey: servers.Valkey) -> None:
        self.person = people.make(Role.STUDENT)
        self._news = Newsroom(runtime.session_factory, Publisher(Redis.from_url(valkey.url)))
        self.written = 0
        self.told: Told = []
        self.snapshots = 0
        self.resynced = 0
        self.known = 0
        """Up to which event the client knows everything, by an event or by a snapshot that counts it."""
        self.missed = 0
        self._client: LiveClient | None = None

    @property
    def connections(self) -> int:
        return self._client.connections if self._client else 0

    async def run(self, port: int, trouble: Callable[["Story"], Coroutine[Any, Any, None]]) -> LiveClient:
        async def token() -> str:
            assert self.person.api.token is not None
            return self.person.api.token

        async with LiveClient(f"http://127.0.0.1:{port}", token, ["me"]) as client:
            self._client = client
            first = await asyncio.wait_for(client.next(), PATIENCE_S)
            assert isinstance(first, Snapshot)
            hearing = asyncio.create_task(self._hear(client))
            trouble_task = asyncio.create_task(trouble(self))
            while self.written < EVENTS:
                await until("most are told", lambda: self.written - self.known < AHEAD, PATIENCE_S)
                await asyncio.to_thread(self._write, 20)
            await asyncio.wait_for(trouble_task, PATIENCE_S)
            await asyncio.to_thread(self._publish)
            await self.settle()
            hearing.cancel()
            return client

    async def settle(self) -> None:
        await until("all events are told", lambda: self.known >= EVENTS, PATIENCE_S)

    def _write(self, count: int) -> None:
        self._news.write_loans(self.person.id, range(self.written + 1, self.written + count + 1))
        self.written += count
        self._publish()

    def _publish(self) -> None:
        """As the relay does it: what cannot be told now is told later."""
        from redis.exceptions import RedisError

        try:
            while self._news.relay.relay_once():
                pass
        except RedisError:
            return

    async def _hear(self, client: LiveClient) -> None:
        async for message in client:
            if isinstance(message, Event):
                number = message.payload["number"]
                self.missed += number > self.known + 1
                self.known = max(self.known, number)
                self.told.append(number)
            elif isinstance(message, Snapshot):
                self.snapshots += 1
                self.resynced += message.resynced
                self.known = max(self.known, message.state["unread_count"])

    def after(self, share: float) -> bool:
        return self.written >= share * EVENTS


@pytest.fixture
def story(runtime: Runtime, people: People, valkey: servers.Valkey) -> Story:
    return Story(runtime, people, valkey)


def test_an_instance_is_killed_and_another_takes_over(
    story: Story, server: Server, settings: Settings, valkey: servers.Valkey, tmp_path: Path
) -> None:
    """`kill -9` of a process; the one that takes over numbers events as it did."""
    process = ServerProcess(settings, valkey.url, tmp_path / "web.log").start()

    async def tell() -> None:
        proxy = await Proxy(process.port).start()

        async def trouble(story: Story) -> None:
            await until("some are told", lambda: story.known >= 0.3 * EVENTS, PATIENCE_S)
            proxy.target = server.port
            await asyncio.to_thread(process.kill)
            await until("it is connected again", lambda: story.connections == 2, PATIENCE_S)

        client = await story.run(proxy.port, trouble)
        assert client.connections == 2
        await proxy.stop()

    try:
        asyncio.run(tell())
    finally:
        process.kill()
    assert story.told == list(range(1, EVENTS + 1))
    assert story.snapshots == 0


def test_the_clients_network_breaks_again_and_again(story: Story, server: Server) -> None:
    async def tell() -> None:
        proxy = await Proxy(server.port).start()

        async def trouble(story: Story) -> None:
            for cut in range(1, 9):
                # Many may be told between two looks: what is to break must have come about.
                await until("it is connected", lambda cut=cut: story.connections == cut, PATIENCE_S)  # type: ignore[misc]
                await until("some are told", lambda cut=cut: story.known >= cut * EVENTS / 9, PATIENCE_S)  # type: ignore[misc]
                proxy.cut()
            await until("it is connected again", lambda: story.connections == 9, PATIENCE_S)

        client = await story.run(proxy.port, trouble)
        assert client.connections == 9
        await proxy.stop()

    asyncio.run(tell())
    assert story.told == list(range(1, EVENTS + 1))
    assert story.snapshots == 0


def test_redis_is_lost_with_all_that_it_held(story: Story, server: Server, valkey: servers.Valkey) -> None:
    """What the client did not get before is gone with it: a snapshot has it, and nothing comes twice."""

    async def tell() -> None:
        async def trouble(story: Story) -> None:
            await until("half are written", lambda: story.after(0.5), PATIENCE_S)
            assert valkey.process is not None
            valkey.process.kill()
            await asyncio.to_thread(valkey.process.wait, 10)
            await until("it is missed", lambda: not server.live.feed.up.is_set())
            await asyncio.to_thread(valkey.start)

        await story.run(server.port, trouble)

    asyncio.run(tell())
    assert story.resynced >= 1
    assert story.missed == 0
    assert story.told == sorted(set(story.told))


def test_redis_is_unreachable_for_a_while(story: Story, server: Server, valkey: servers.Valkey) -> None:
    """Frozen, it has lost nothing: afterwards every event comes, without a resync."""

    async def tell() -> None:
        async def trouble(story: Story) -> None:
            await until("half are written", lambda: story.after(0.5), PATIENCE_S)
            assert valkey.process is not None
            valkey.process.send_signal(signal.SIGSTOP)
            await until("it is missed", lambda: not server.live.feed.up.is_set())
            valkey.process.send_signal(signal.SIGCONT)

        await story.run(server.port, trouble)

    asyncio.run(tell())
    assert story.told == list(range(1, EVENTS + 1))
    assert story.resynced == 0
