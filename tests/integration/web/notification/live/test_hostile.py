"""Clients that mean no good, and servers that are busy: who comes in, who is cut off, who only has to wait."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest
from sqlalchemy import text
from websockets.exceptions import ConnectionClosed, InvalidStatus

from luna_web.notification.live import live, openings
from luna_web.shared import websocket
from luna_web.shared.config import Settings
from luna_web.shared.runtime import Runtime
from tests.integration.web.notification.live.rig import Server, client, serving, story, token_of
from tests.integration.world import People


@pytest.fixture(scope="module")
def server(settings: Settings, shared_runtime: Runtime) -> Iterator[Server]:
    """Room for ten sockets, of which one may be a stranger's."""
    with serving(settings.model_copy(update={"live_sockets": 10})) as server:
        yield server


class TestAtTheDoor:
    @story
    async def test_pages_of_other_origins_may_not_open_it(self, server: Server, people: People) -> None:
        token = token_of(people.make())

        with pytest.raises(InvalidStatus) as refused:
            async with client(server.url, token, origin="https://evil.example"):
                pass
        assert refused.value.response.status_code == 403
        assert refused.value.response.body is not None
        assert json.loads(refused.value.response.body)["error"]["code"] == "FORBIDDEN"
        for ours in (f"http://127.0.0.1:{server.port}", server.runtime.settings.origin):
            async with client(server.url, token, origin=ours) as me:
                await me.next("authenticated")

    @story
    async def test_strangers_who_wait_keep_nobody_out_who_shows_a_token(self, server: Server, people: People) -> None:
        token = token_of(people.make())

        async with client(server.url, None) as waits, client(server.url, None) as one_more:
            assert await one_more.closed() == 1013
            async with client(server.url, token) as me:
                await me.next("authenticated")
            await waits.say(op="auth", token=token)
            await waits.next("authenticated")

    @story
    async def test_a_server_that_is_full_sends_away_to_come_again(self, server: Server, people: People) -> None:
        token = token_of(people.make())

        opened = [client(server.url, token) for _ in range(10)]
        for socket in [await one.__aenter__() for one in opened]:
            await socket.next("authenticated")
        async with client(server.url, token) as one_more:
            assert await one_more.closed() == 1013
        for one in opened:
            await one.__aexit__(None, None, None)

    @story
    async def test_whose_token_cannot_be_checked_now_is_not_told_to_log_in(
        self, server: Server, people: People, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        token = token_of(people.make())

        async with client(server.url, token) as inside:
            await inside.next("authenticated")
            monkeypatch.setattr(live, "ADMITTING_S", 0.0)
            async with client(server.url, token) as me:
                assert await me.closed() == 1013
            await inside.say(op="auth", token=token)
            assert await inside.closed() == 1013


class TestInside:
    @story
    async def test_a_message_that_is_too_long_or_binary_ends_it(self, server: Server, people: People) -> None:
        token = token_of(people.make())

        for message, code in (("x" * 40_000, 1009), ("x" * 100_000, 1009), (b"{}", 1003)):
            async with client(server.url, token) as me:
                await me.connection.send(message)
                assert await me.closed() == code

    @story
    async def test_a_flood_of_messages_ends_it(self, server: Server, people: People) -> None:
        async with client(server.url, token_of(people.make())) as me:
            for _ in range(200):
                await me.say(op="ping")
            assert await me.closed() == 4429

    @story
    async def test_a_flood_of_frames_that_are_no_messages_is_cut_off(self, server: Server) -> None:
        async with client(server.url, None) as me:
            with suppress(ConnectionClosed):
                for _ in range(2 * websocket.SMALL_FRAMES):
                    await me.connection.ping()
                    await asyncio.sleep(0)
            assert await me.closed() == 1006

    @story
    async def test_asking_for_a_channel_again_and_again_piles_nothing_up(self, server: Server, people: People) -> None:
        async with client(server.url, token_of(people.make())) as me:
            for _ in range(20):
                await me.subscribe(*["me", "catalog"] * 50)
            await me.say(op="ping")
            await me.next("pong")
            assert server.live.now().subscriptions == 2


class TestWhatTakesItsTime:
    """The database is held up by a lock, as a thousand readers at once would hold it up."""

    LOCK = "LOCK TABLE notifications IN ACCESS EXCLUSIVE MODE"

    @story
    async def test_is_waited_for_while_anything_is_read(
        self, server: Server, people: People, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(openings, "PATIENCE_S", 0.1)

        async with client(server.url, token_of(people.make())) as me:
            with runtime.engine.begin() as connection:
                connection.execute(text(self.LOCK))
                await me.subscribe("me")
                await asyncio.sleep(0.5)
            await me.next("subscribed")

    @story
    async def test_and_when_nothing_is_read_any_more_one_is_sent_away_to_come_again(
        self, server: Server, people: People, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(openings, "PATIENCE_S", 0.1)
        monkeypatch.setattr(live, "STALLED_S", 0.1)

        async with client(server.url, token_of(people.make())) as me:
            with runtime.engine.begin() as connection:
                connection.execute(text(self.LOCK))
                await me.subscribe("me")
                assert await me.closed() == 1013


def test_all_of_it_is_counted(server: Server, people: People) -> None:
    async def story() -> str:
        async with client(server.url, "nonsense") as stranger:
            await stranger.closed()
        async with client(server.url, token_of(people.make())) as me:
            await me.subscribe("me", "catalog")
            cursors = [(await me.next("subscribed"))["cursor"] for _ in range(2)]
            await me.subscribe("me", me=cursors[0])
            assert "snapshot" not in await me.next("subscribed", "resync")
            async with httpx.AsyncClient() as http:
                return (await http.get(f"http://127.0.0.1:{server.port}/metrics")).text

    shown = asyncio.run(story())
    found = dict(line.rsplit(" ", 1) for line in shown.splitlines() if line.startswith("luna_live_"))
    assert found["luna_live_clients"] == "1.0"
    assert found["luna_live_subscriptions"] == "2.0"
    assert found["luna_live_feed_up"] == "1.0"
    assert float(found["luna_live_frames_total"]) >= 4
    assert float(found["luna_live_snapshots_total"]) >= 2
    assert float(found["luna_live_resumes_total"]) >= 1
    assert float(found['luna_live_closed_total{code="4401"}']) >= 1
