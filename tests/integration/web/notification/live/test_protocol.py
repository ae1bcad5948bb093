"""One socket: who gets in, what subscribing gives, what is refused, and how it ends."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import ANY
from uuid import uuid4

import pytest
from sqlalchemy import text

from luna_web.shared.clock import FixedClock
from luna_web.shared.database import transaction
from luna_web.shared.principal import Principal, Role
from luna_web.shared.runtime import Runtime
from tests.integration.web.notification.live.rig import Newsroom, Server, client, following, numbers, story, token_of
from tests.integration.world import People, data

END_OF_SESSION = "UPDATE sessions SET revoked_at = clock_timestamp(), revoked_why = 'LOGOUT' WHERE id = :id"


class TestEntering:
    @story
    async def test_the_token_may_be_among_the_subprotocols(self, server: Server, people: People) -> None:
        person = people.make()

        async with client(server.url, token_of(person)) as me:
            assert me.connection.subprotocol == "luna.v1"
            assert (await me.next())["user_id"] == str(person.id)

    @story
    async def test_the_token_may_be_the_first_message(self, server: Server, people: People) -> None:
        async with client(server.url, None, ()) as me:
            await me.say(op="auth", token=token_of(people.make()))
            assert (await me.next())["op"] == "authenticated"

    @pytest.mark.parametrize("token", ["e30.e30.e30", "nonsense"])
    @story
    async def test_a_bad_token_is_closed_with_4401(self, server: Server, token: str) -> None:
        async with client(server.url, token) as me:
            assert await me.closed() == 4401
        async with client(server.url, None) as me:
            await me.say(op="auth", token=token)
            assert await me.closed() == 4401

    @story
    async def test_a_token_in_the_url_counts_for_nothing(self, server: Server, people: People) -> None:
        token = token_of(people.make())
        async with client(f"{server.url}?token={token}&access_token={token}", None) as me:
            await me.say(op="subscribe", channels=["me"])
            assert await me.closed() == 4401

    @story
    async def test_a_user_may_have_so_many_sockets(self, server: Server, people: People) -> None:
        person, another = people.make(), people.make()

        opened = [client(server.url, token_of(person)) for _ in range(20)]
        sockets = [await one.__aenter__() for one in opened]
        for socket in sockets:
            await socket.next("authenticated")
        async with client(server.url, token_of(person)) as one_more:
            assert await one_more.closed() == 4429
        async with client(server.url, token_of(another)) as other:
            await other.next("authenticated")
        for one in opened:
            await one.__aexit__(None, None, None)


class TestSubscribing:
    @story
    async def test_the_snapshot_comes_first_then_what_happens(
        self, server: Server, people: People, news: Newsroom
    ) -> None:
        person = people.make()

        async with client(server.url, token_of(person)) as me:
            await me.subscribe("me")
            begun = await me.next("subscribed")
            assert begun["snapshot"]["unread_count"] == 0
            assert begun["snapshot"]["loans"] == []
            ids = [await asyncio.to_thread(news.loan, person.id, n) for n in range(3)]
            events = await me.take(3)
            assert [event["eventId"] for event in events] == ids
            assert events[0]["eventType"] == "delivery.loan.opened"
            assert events[0]["payload"]["version"] == 1
            run, start = begun["cursor"].split(":")
            assert [event["cursor"] for event in events] == [f"{run}:{int(start) + n}" for n in (1, 2, 3)]

    @story
    async def test_nobody_hears_what_is_anothers(self, server: Server, people: People, news: Newsroom) -> None:
        person, another = people.make(), people.make()

        async with following(server.url, person, "me") as me:
            await asyncio.to_thread(news.loan, another.id, 1)
            await asyncio.to_thread(news.loan, person.id, 2)
            assert numbers(await me.take(1)) == [2]

    @story
    async def test_a_channel_that_is_left_is_silent(self, server: Server, people: People, news: Newsroom) -> None:
        person = people.make(Role.LIBRARIAN)

        async with following(server.url, person, "queue", "me") as me:
            await me.say(op="unsubscribe", channels=["queue"])
            await me.next("unsubscribed")
            await asyncio.to_thread(news.request)
            await asyncio.to_thread(news.loan, person.id, 7)
            assert numbers(await me.take(1)) == [7]

    @story
    async def test_whoever_comes_back_gets_what_was_missed_and_nothing_twice(
        self, server: Server, people: People, news: Newsroom
    ) -> None:
        person = people.make()

        async with following(server.url, person, "me") as me:
            await asyncio.to_thread(news.loan, person.id, 1)
            cursor = (await me.next("event"))["cursor"]
        for number in range(2, 6):
            await asyncio.to_thread(news.loan, person.id, number)
        async with client(server.url, token_of(person)) as me:
            await me.subscribe("me", me=cursor)
            begun = await me.next("subscribed", "resync")
            assert (begun["op"], begun["cursor"], "snapshot" in begun) == ("subscribed", cursor, False)
            await asyncio.to_thread(news.loan, person.id, 6)
            assert numbers(await me.take(5)) == [2, 3, 4, 5, 6]

    @pytest.mark.parametrize("cursor", ["0123456789abcdef:41", "{run}:1", "{run}:99999999999999"])
    @story
    async def test_a_cursor_that_does_not_fit_is_answered_with_resync_and_snapshot(
        self, server: Server, people: People, news: Newsroom, cursor: str
    ) -> None:
        person = people.make()

        async with client(server.url, token_of(person)) as me:
            await me.subscribe("me")
            run = (await me.next("subscribed"))["cursor"].split(":")[0]
            await me.subscribe("me", me=cursor.format(run=run))
            assert (await me.next("resync", "subscribed"))["op"] == "resync"
            assert (await me.next("subscribed"))["snapshot"]["unread_count"] == 0

    @story
    async def test_what_is_no_longer_kept_is_answered_with_resync(
        self, server: Server, people: People, news: Newsroom, runtime: Runtime
    ) -> None:
        person = people.make()

        async with client(server.url, token_of(person)) as me:
            await me.subscribe("me")
            cursor = (await me.next("subscribed"))["cursor"]
        for number in range(3):
            await asyncio.to_thread(news.loan, person.id, number)
        runtime.redis.xtrim(f"luna:live:stream:me:{person.id}", maxlen=2, approximate=False)
        async with client(server.url, token_of(person)) as me:
            await me.subscribe("me", me=cursor)
            assert (await me.next("resync", "subscribed"))["op"] == "resync"


class TestScreensOfOnePerson:
    @story
    async def test_what_is_read_on_one_is_shown_on_the_others(
        self, server: Server, people: People, news: Newsroom
    ) -> None:
        person = people.make()
        news.write_loans(person.id, range(3))
        news.relay.relay_once()
        first, *_ = data(person.api.get("/notifications"))

        async with following(server.url, person, "me") as one, following(server.url, person, "me") as another:
            for path in (f"/notifications/{first['id']}/read", "/notifications/read-all"):
                data(await asyncio.to_thread(person.api.put, path))
            await asyncio.to_thread(news.relay.relay_once)
            told = await one.take(2)
            assert await another.take(2) == told

        assert [event["eventType"] for event in told] == ["notification.read", "notification.all_read"]
        assert told[0]["payload"]["notification"] == {**first, "is_read": True, "read_at": ANY}
        assert told[1]["payload"]["marked"] == 2


class TestRefusing:
    @story
    async def test_channel_by_channel_and_for_that_socket_alone(
        self, server: Server, people: People, news: Newsroom
    ) -> None:
        person = people.make()

        async with client(server.url, token_of(person)) as me:
            await me.subscribe("queue", "nonsense", f"delivery:{uuid4()}", "me")
            refusals = {frame["channel"]: frame["code"] for frame in await me.take(3, "error")}
            assert sorted(refusals.values()) == ["FORBIDDEN", "NOT_FOUND", "VALIDATION_ERROR"]
            assert refusals["queue"] == "FORBIDDEN"
            if not any(frame["op"] == "subscribed" for frame in me.seen):
                await me.next("subscribed")
            await asyncio.to_thread(news.loan, person.id, 1)
            assert numbers(await me.take(1)) == [1]

    @pytest.mark.parametrize(
        ("message", "code"),
        [
            ("{", "MALFORMED_JSON"),
            ("[]", "VALIDATION_ERROR"),
            ('{"op":"fly"}', "VALIDATION_ERROR"),
            ('{"op":"subscribe","channels":[]}', "VALIDATION_ERROR"),
            ('{"op":"subscribe","channels":["me"],"cursors":{"me":"now"}}', "VALIDATION_ERROR"),
            ('{"op":"subscribe","channels":["me"],"more":1}', "VALIDATION_ERROR"),
            ("[" * 10_000, "MALFORMED_JSON"),
        ],
    )
    @story
    async def test_what_is_not_understood_is_answered(
        self, server: Server, people: People, message: str, code: str
    ) -> None:
        async with client(server.url, token_of(people.make())) as me:
            await me.connection.send(message)
            assert (await me.next("error"))["code"] == code
            await me.say(op="ping")
            await me.next("pong")

    @story
    async def test_more_channels_than_a_socket_may_have(self, server: Server, people: People) -> None:
        server.live.limits = replace(server.live.limits, channels_per_socket=2)
        async with client(server.url, token_of(people.make(Role.LIBRARIAN))) as me:
            await me.subscribe("me", "queue", "robots")
            assert (await me.next("error"))["code"] == "LIMIT_REACHED"


class TestEnding:
    @story
    async def test_the_end_of_the_session_ends_it(self, server: Server, people: People, runtime: Runtime) -> None:
        """Within a second: `shared/test_revocation.py`."""
        person = people.make()

        async with client(server.url, token_of(person)) as me:
            await me.next("authenticated")
            with transaction(runtime.session_factory) as session:
                session.execute(text(END_OF_SESSION), {"id": person.session_id})
            assert await me.closed() == 4401

    @story
    async def test_the_end_of_the_token_ends_it_unless_a_fresh_one_came(
        self, timeless: Server, clock: FixedClock, people: People
    ) -> None:
        person = people.make()

        def token(minutes: int) -> str:
            return timeless.runtime.tokens.issue(person.principal, clock.now(), 60 * minutes)

        async with client(timeless.url, token(5)) as me, client(timeless.url, token(5)) as renewed:
            await me.next("authenticated")
            await renewed.next("authenticated")
            await renewed.say(op="auth", token=token(10))
            await renewed.next("authenticated")
            clock.advance(timedelta(minutes=5))
            assert await me.closed() == 4401
            await renewed.say(op="ping")
            await renewed.next("pong")

    @story
    async def test_anothers_token_does_not_renew_it(self, server: Server, people: People, runtime: Runtime) -> None:
        person, another = people.make(), people.make(Role.ADMIN)
        promoted = Principal(person.id, person.email, Role.ADMIN, person.session_id)

        for token in (token_of(another), "nonsense", runtime.tokens.issue(promoted, datetime.now(UTC))):
            async with client(server.url, token_of(person)) as me:
                await me.next("authenticated")
                await me.say(op="auth", token=token)
                assert await me.closed() == 4401
