"""Readers that do not read, networks that are slow, silence: nobody else notices, and everybody can come back."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from luna_web.notification.live.leading import LeadingPositions
from luna_web.notification.live.liveness import PING_SECONDS, Liveness
from luna_web.shared.config import Settings
from luna_web.shared.principal import Role
from luna_web.shared.runtime import Runtime
from tests.integration.web.notification.live.rig import (
    Client,
    Newsroom,
    Server,
    client,
    numbers,
    serving,
    story,
    token_of,
    until,
)
from tests.integration.world import People

STATUS: dict[str, Any] = {
    "mode": "NAVIGATING", "pose": {"x": 1.0, "y": 2.0, "yaw": 0.5}, "frame": "map", "battery": 0.8,
    "robot_name": "luna1", "linear_velocity": 0.3, "angular_velocity": 0.0, "nearest_waypoint": "DESK-1",
    "charging": False, "delivery_id": "", "phase": "NONE", "destination": "", "distance_remaining": None,
    "estimated_time_remaining": None,
}  # fmt: skip


@pytest.fixture
def narrow(settings: Settings, runtime: Runtime) -> Iterator[Server]:
    """A server that keeps little for a slow reader."""
    with serving(settings.model_copy(update={"live_buffer_events": 50, "live_tick_seconds": 0.05})) as server:
        yield server


def stall(me: Client) -> None:
    """Stop reading. The system keeps some megabytes on the way."""
    me.connection.transport.pause_reading()


@story
async def test_a_reader_that_stops_is_closed_with_4408_and_resumes(
    narrow: Server, people: People, news: Newsroom
) -> None:
    slow, quick = people.make(Role.LIBRARIAN), people.make(Role.LIBRARIAN)
    padding = "x" * 30_000

    async with client(narrow.url, token_of(slow)) as stalled, client(narrow.url, token_of(quick)) as me:
        cursor = ""
        for one in (stalled, me):
            await one.subscribe("queue")
            cursor = (await one.next("subscribed"))["cursor"]
        stall(stalled)

        def happen(some: range) -> None:
            news.write_requests(some, padding)
            while news.relay.relay_once():
                pass

        for first in range(0, 600, 40):
            some = range(first, first + 40)  # the buffer holds more: it never fills for whoever reads
            await asyncio.to_thread(happen, some)
            assert numbers(await me.take(40)) == list(some)
        stalled.connection.transport.resume_reading()
        assert await stalled.closed() == 4408
    heard = [frame for frame in stalled.seen if frame["op"] == "event"]
    assert numbers(heard) == list(range(len(heard)))
    assert len(heard) < 600
    async with client(narrow.url, token_of(slow)) as back:
        await back.subscribe("queue", queue=heard[-1]["cursor"] if heard else cursor)
        assert "snapshot" not in await back.next("subscribed", "resync")
        assert numbers(await back.take(600 - len(heard))) == list(range(len(heard), 600))


@story
async def test_whoever_missed_more_than_the_buffer_holds_still_resumes(
    narrow: Server, people: People, news: Newsroom
) -> None:
    person = people.make()

    async with client(narrow.url, token_of(person)) as me:
        await me.subscribe("me")
        cursor = (await me.next("subscribed"))["cursor"]
    news.write_loans(person.id, range(500))
    await asyncio.to_thread(lambda: [news.relay.relay_once() for _ in range(4)])
    async with client(narrow.url, token_of(person)) as me:
        await me.subscribe("me", me=cursor)
        assert numbers(await me.take(500)) == list(range(500))


@story
async def test_positions_come_one_frame_a_tick_and_the_newest_wins(
    server: Server, people: People, runtime: Runtime
) -> None:
    staff, robot = people.make(Role.LIBRARIAN), uuid4()
    leading = LeadingPositions(runtime.redis)

    async with client(server.url, token_of(staff)) as me:
        await me.subscribe("robots", f"robot:{robot}")
        assert (await me.next("error"))["code"] == "NOT_FOUND"
        if not any(frame["op"] == "subscribed" for frame in me.seen):
            await me.next("subscribed")
        for step in range(20):
            leading.heard(robot, {**STATUS, "pose": {"x": float(step), "y": 0.0, "yaw": 0.0}}, datetime.now(UTC))
        await asyncio.to_thread(leading.tell_once)
        frame = await me.next("state")
        assert "cursor" not in frame
        (shown,) = frame["payload"]["robots"]
        assert (shown["robot_id"], shown["pose"]["x"]) == (str(robot), 19.0)


@pytest.fixture
def pass_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """`pass_by(20)`: so many seconds go by at once for whoever judges whether a client still speaks."""
    gone = 0.0

    def pass_by(seconds: float) -> None:
        nonlocal gone
        gone += seconds

    heard, look = Liveness.heard, Liveness.look
    monkeypatch.setattr(Liveness, "heard", lambda self, now: heard(self, now + gone))
    monkeypatch.setattr(Liveness, "look", lambda self, now: look(self, now + gone))
    return pass_by


@story
async def test_a_silent_peer_is_pinged_and_then_closed(
    server: Server, people: People, pass_by: Callable[[float], None]
) -> None:
    """After two pings that it did not answer. Whoever answers stays."""
    one, another = token_of(people.make()), token_of(people.make())
    async with client(server.url, one) as me, client(server.url, another) as mute:
        await mute.next("authenticated")
        for _ in range(5):
            pass_by(PING_SECONDS)
            await me.next("ping")
            await me.say(op="pong")
            await me.say(op="ping")
            await me.next("pong")
        assert await mute.closed() == 4410
        assert {frame["op"] for frame in mute.seen} == {"authenticated", "ping"}
        await me.say(op="ping")
        await me.next("pong")


@story
async def test_what_a_socket_leaves_behind_is_nothing(server: Server, people: People) -> None:
    person = people.make(Role.LIBRARIAN)

    for _ in range(5):
        async with client(server.url, token_of(person)) as me:
            await me.subscribe("me", "queue", "robots", "catalog")
            await me.take(4, "subscribed")
    await until("the hub is empty", lambda: len(server.live.hub) == 0)
