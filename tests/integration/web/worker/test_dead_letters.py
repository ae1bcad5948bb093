"""What a consumer gave up on is seen, and given to it once more."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from luna_web.notification.consumer import NAME as IN_APP
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.outbox import TryLater
from luna_web.worker import dead_letters
from luna_web.worker.dead_letters import CannotReplay
from luna_web.worker.domain import MOST_ATTEMPTS, Drain
from luna_web.worker.drain import Drainer
from luna_web.worker.relay import Relay
from tests.integration.servers import wait_until
from tests.integration.web.commands import Run, commands
from tests.integration.web.worker.events import Aggregate, Counting, count, handled, run
from tests.integration.web.worker.processes import WorkerProcess
from tests.integration.world import People

KNOWN = {Counting.name}
Look = Callable[[], None]


@pytest.fixture
def counting(people: People) -> Counting:
    """A consumer that cannot handle what happens."""
    return Counting(people.make().id, fails=lambda event: True)


@pytest.fixture
def aggregate(session_factory: SessionFactory, people: People) -> Aggregate:
    return Aggregate(session_factory, people.make().id)


@pytest.fixture
def look(session_factory: SessionFactory, counting: Counting, aggregate: Aggregate) -> Look:
    drainer = Drainer(session_factory, {counting.name: counting.consumer}, luck=lambda: 0.0)

    def drain() -> None:
        run(session_factory, "UPDATE drains_due SET due_at = now() - interval '1 second', failing = false")
        drainer.drain(Drain(counting.name, aggregate.name))

    return drain


@pytest.fixture
def dead(session_factory: SessionFactory, counting: Counting, aggregate: Aggregate, look: Look) -> UUID:
    """Three events happened, the second of which the consumer gave up on; its dead letter's id."""
    counting.fails = lambda event: event.aggregate_seq == 2
    for _ in range(3):
        aggregate.happens()
    for _ in range(MOST_ATTEMPTS):
        look()
    assert handled(session_factory) == [1, 3]
    (letter,) = waiting(session_factory)
    return letter.id


def waiting(factory: SessionFactory) -> list[dead_letters.Dead]:
    with transaction(factory) as session:
        return list(dead_letters.waiting(session))


def replay(factory: SessionFactory, *ids: UUID, everything: bool = False) -> int:
    with transaction(factory) as session:
        return len(dead_letters.replay(session, KNOWN, None if everything else ids))


def test_it_is_seen_with_what_happened(session_factory: SessionFactory, dead: UUID, aggregate: Aggregate) -> None:
    (letter,) = waiting(session_factory)
    assert (letter.consumer, letter.event_type) == (Counting.name, "delivery.request.in_progress")
    assert (letter.aggregate, letter.attempts) == (aggregate.name, MOST_ATTEMPTS)
    assert letter.error == "ValueError: cannot handle this"
    assert letter.replay_asked_at is None


def test_replayed_it_has_its_effect_once(
    session_factory: SessionFactory, dead: UUID, counting: Counting, look: Look
) -> None:
    counting.fails = lambda event: False
    assert replay(session_factory, dead) == 1
    assert waiting(session_factory)[0].replay_asked_at

    for _ in range(3):
        look()

    assert handled(session_factory) == [1, 3, 2]
    assert waiting(session_factory) == []
    assert count(session_factory, "SELECT count(*) FROM drains_due") == 0
    with pytest.raises(CannotReplay, match="no such dead letter, or it was replayed"):
        replay(session_factory, dead)


def test_who_asked_is_in_the_audit_trail(session_factory: SessionFactory, dead: UUID) -> None:
    replay(session_factory, dead)
    query = (
        "SELECT count(*) FROM audit_logs WHERE action = 'event.replayed' AND resource_type = 'dead_letter'"
        " AND changes ->> 'by' = 'command line' AND changes ->> 'consumer' = 'test.counting'"
    )
    assert count(session_factory, query) == 1


def test_what_fails_once_more_is_seen_again_and_holds_nothing_up(
    session_factory: SessionFactory, dead: UUID, aggregate: Aggregate, counting: Counting, look: Look
) -> None:
    replay(session_factory, dead)
    aggregate.happens()
    look()

    assert handled(session_factory) == [1, 3, 4]
    (letter,) = waiting(session_factory)
    assert (letter.attempts, letter.replay_asked_at) == (MOST_ATTEMPTS + 1, None)
    tries = counting.tries
    look()
    assert counting.tries == tries, "it is not tried again unasked"


def test_a_consumer_without_room_gets_it_later(
    session_factory: SessionFactory, dead: UUID, counting: Counting, look: Look
) -> None:
    def no_room(event: object) -> bool:
        raise TryLater(timedelta(seconds=1))

    counting.fails = no_room
    replay(session_factory, dead)
    look()
    assert waiting(session_factory)[0].replay_asked_at
    counting.fails = lambda event: False
    look()
    assert handled(session_factory) == [1, 3, 2]


def test_a_nudge_goes_out_for_it(
    session_factory: SessionFactory, dead: UUID, counting: Counting, aggregate: Aggregate
) -> None:
    run(session_factory, "DELETE FROM drains_due")
    replay(session_factory, dead)
    nudged: list[Drain] = []

    def no_listener() -> Any:
        raise AssertionError("nobody listens here")

    Relay(session_factory, [counting.consumer], nudged.append, no_listener).relay_once()
    assert Drain(Counting.name, aggregate.name) in nudged


def test_one_that_cannot_be_replayed_has_none_replayed(session_factory: SessionFactory, dead: UUID) -> None:
    with pytest.raises(CannotReplay, match="no such dead letter"):
        replay(session_factory, dead, uuid4())
    run(session_factory, "UPDATE dead_letters SET consumer = 'gone'")
    with pytest.raises(CannotReplay, match="there is no consumer gone any more"):
        replay(session_factory, dead)
    run(session_factory, "DELETE FROM outbox")
    with pytest.raises(CannotReplay, match="kept no longer"):
        replay(session_factory, dead)
    assert replay(session_factory, everything=True) == 0
    assert waiting(session_factory)[0].replay_asked_at is None


def test_an_event_that_was_forgotten_meanwhile_holds_nothing_up(
    session_factory: SessionFactory, dead: UUID, look: Look
) -> None:
    replay(session_factory, dead)
    run(session_factory, "DELETE FROM outbox")
    look()
    assert waiting(session_factory)[0].error == "the event is kept no longer"


class TestCommands:
    @pytest.fixture
    def manage(self, settings: Settings) -> Run:
        of_this_database = commands({"LUNA_DATABASE_URL": settings.database_url})
        return lambda *words: of_this_database("events", *words)

    def test_an_operator_sees_and_replays(
        self, manage: Run, start_worker: Callable[[], WorkerProcess], session_factory: SessionFactory,
        people: People,
    ) -> None:  # fmt: skip
        """With a worker at work, to which only a payload was missing what its words need."""
        aggregate = Aggregate(session_factory, people.make().id)
        event_id = aggregate.happens("delivery.request.approved")
        tried = "INSERT INTO consumer_offsets SELECT 'notification.in_app', aggregate, 0, 7 FROM outbox"
        run(session_factory, tried)
        start_worker()
        wait_until("it has given up", lambda: count(session_factory, "SELECT count(*) FROM dead_letters") >= 1)

        (letter,) = [one for one in json.loads(manage("dead", "--json").stdout) if one["consumer"] == IN_APP]
        assert letter["event_id"] == str(event_id)
        assert letter["error"].startswith("KeyError") and letter["died_at"].endswith("Z")
        assert letter["id"] in manage("dead").stdout

        run(session_factory, """UPDATE outbox SET payload = payload || '{"request_location": "STUDY-1"}'""")
        done = manage("replay", letter["id"])
        assert (done.returncode, done.stdout) == (0, f"{letter['id']} goes to {IN_APP} once more\n"), done.stderr

        told = "SELECT count(*) FROM notifications WHERE title = 'Request accepted'"
        wait_until("it is told", lambda: count(session_factory, told) == 1)

    def test_wrong_wishes_are_told_in_one_line(
        self, manage: Run, session_factory: SessionFactory
    ) -> None:
        assert manage("replay").returncode == 2
        assert manage("replay", "--all", str(uuid4())).returncode == 2
        assert manage("replay", "no-id").returncode == 2
        unknown = manage("replay", str(uuid4()))
        assert unknown.returncode == 1 and unknown.stderr.count("\n") == 1
        assert manage("replay", "--all").stdout == "there is nothing to replay\n"
        assert json.loads(manage("dead", "--json").stdout) == []
