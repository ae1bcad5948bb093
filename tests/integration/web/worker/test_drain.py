"""How a consumer gets its events: in order, effect and offset together, whatever the nudges do."""

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import select

from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.models import DeadLetter, Outbox
from luna_web.shared.outbox import TryLater
from luna_web.worker import domain, repository
from luna_web.worker import relay as relaying
from luna_web.worker.domain import FIRST_RESEND, MOST_ATTEMPTS, Drain
from luna_web.worker.drain import Drainer
from luna_web.worker.relay import MOST_WAITING, Relay
from tests.integration.web.worker.events import Aggregate, Counting, count, handled, run
from tests.integration.world import People

Look = Callable[[], None]
HOUR = timedelta(hours=1)


@pytest.fixture
def counting(people: People) -> Counting:
    return Counting(people.make().id)


@pytest.fixture
def aggregate(session_factory: SessionFactory, people: People) -> Aggregate:
    return Aggregate(session_factory, people.make().id)


@pytest.fixture
def drainer(session_factory: SessionFactory, counting: Counting) -> Drainer:
    return Drainer(session_factory, {counting.name: counting.consumer}, luck=lambda: 0.0)


@pytest.fixture
def look(drainer: Drainer, aggregate: Aggregate) -> Look:
    """A nudge arrives."""
    return lambda: drainer.drain(Drain(Counting.name, aggregate.name))


def no_listener() -> "psycopg.Connection[tuple[object, ...]]":
    raise AssertionError("nobody listens here")


def waiting_time_is_over(factory: SessionFactory) -> None:
    run(factory, "UPDATE drains_due SET due_at = now() - interval '1 second', failing = false")


def test_in_order_and_once_however_often_it_is_nudged(
    session_factory: SessionFactory, aggregate: Aggregate, look: Look
) -> None:
    for _ in range(3):
        aggregate.happens()
    look()
    aggregate.happens()
    look()
    look()
    assert handled(session_factory) == [1, 2, 3, 4]


def test_nudges_at_the_same_moment(session_factory: SessionFactory, aggregate: Aggregate, look: Look) -> None:
    for _ in range(20):
        aggregate.happens()
    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert handled(session_factory) == list(range(1, 21))


def test_what_a_consumer_does_not_want_is_passed_over(
    session_factory: SessionFactory, aggregate: Aggregate, look: Look
) -> None:
    aggregate.happens("catalog.book.changed")
    aggregate.happens()
    look()
    assert handled(session_factory) == [2]


@pytest.fixture(autouse=True)
def time_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is tried or told again before a test says that its waiting time is over."""
    monkeypatch.setattr(domain, "FIRST_RETRY", HOUR)
    monkeypatch.setattr(relaying, "FIRST_RESEND", HOUR)


def test_a_failure_undoes_its_effect_and_holds_up_what_follows(
    session_factory: SessionFactory, aggregate: Aggregate, counting: Counting, look: Look
) -> None:
    counting.fails = lambda event: counting.tries == 1
    aggregate.happens()
    aggregate.happens()
    look()
    look()
    assert (handled(session_factory), counting.tries) == ([], 1), "it waits its time"
    waiting_time_is_over(session_factory)
    look()
    assert handled(session_factory) == [1, 2]


def test_new_events_do_not_cut_the_waiting_short(
    session_factory: SessionFactory, aggregate: Aggregate, counting: Counting, look: Look
) -> None:
    counting.fails = lambda event: True
    aggregate.happens()
    look()
    relay = Relay(session_factory, [counting.consumer], lambda drain: look(), no_listener)
    aggregate.happens()
    relay.relay_once()
    assert counting.tries == 1


def test_what_fails_eight_times_is_parked_and_the_next_one_has_its_turn(
    session_factory: SessionFactory, aggregate: Aggregate, counting: Counting, look: Look
) -> None:
    counting.fails = lambda event: event.aggregate_seq == 1
    aggregate.happens()
    aggregate.happens()
    for _ in range(MOST_ATTEMPTS):
        look()
        waiting_time_is_over(session_factory)
    assert handled(session_factory) == [2]
    with transaction(session_factory) as session:
        rows = session.scalars(select(DeadLetter)).all()
    assert [(row.aggregate_seq, row.attempts, row.error) for row in rows] == [(1, 8, "ValueError: cannot handle this")]


def test_a_nudge_for_an_unknown_consumer_does_no_harm(drainer: Drainer) -> None:
    drainer.drain(Drain("of.another.version", "task:1"))


class TestRelay:
    @pytest.fixture
    def lost(self) -> list[Drain]:
        return []

    @pytest.fixture
    def relay(self, session_factory: SessionFactory, counting: Counting, lost: list[Drain]) -> Relay:
        """All of its nudges are lost."""
        return Relay(session_factory, [counting.consumer], lost.append, no_listener)

    def test_it_tells_of_each_event_once(self, aggregate: Aggregate, relay: Relay, lost: list[Drain]) -> None:
        aggregate.happens()
        aggregate.happens()
        assert relay.relay_once() == 2
        assert relay.relay_once() == 0
        assert lost == [Drain(Counting.name, aggregate.name)]

    def test_it_keeps_asking_until_somebody_has_looked(
        self,
        session_factory: SessionFactory,
        aggregate: Aggregate,
        relay: Relay,
        lost: list[Drain],
        look: Look,
    ) -> None:
        aggregate.happens()
        relay.relay_once()
        waiting_time_is_over(session_factory)
        assert relay.relay_once() == 1
        assert len(lost) == 2
        look()
        waiting_time_is_over(session_factory)
        assert relay.relay_once() == 0

    def test_nothing_is_marked_while_the_broker_is_away(
        self, session_factory: SessionFactory, aggregate: Aggregate, counting: Counting
    ) -> None:
        def away(drain: Drain) -> None:
            raise OSError("no broker")

        aggregate.happens()
        with pytest.raises(OSError, match="no broker"):
            Relay(session_factory, [counting.consumer], away, no_listener).relay_once()
        assert count(session_factory, "SELECT count(*) FROM outbox WHERE published_at IS NULL") == 1
        assert count(session_factory, "SELECT count(*) FROM drains_due") == 0

    def test_two_relays_share_the_work(
        self, session_factory: SessionFactory, people: People, relay: Relay, lost: list[Drain]
    ) -> None:
        user_id, names = people.make().id, {f"request:{number}" for number in range(300)}
        for name in names:
            Aggregate(session_factory, user_id, name).happens()
        threads = [threading.Thread(target=relay.relay_once) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        while relay.relay_once():
            pass
        assert sorted(drain.aggregate for drain in lost) == sorted(names)

    def test_a_promise_made_while_another_is_kept_is_not_lost(
        self, session_factory: SessionFactory, aggregate: Aggregate, relay: Relay, look: Look
    ) -> None:
        """A drain has seen that nothing is left; before it says so, an event comes and the relay promises to look."""
        drain = Drain(Counting.name, aggregate.name)
        aggregate.happens()
        relay.relay_once()
        look()
        aggregate.happens()
        with transaction(session_factory) as settling:
            offset = repository.lock_offset(settling, drain)
            offset.last_seq = 2
            repository.promise(settling, [drain], FIRST_RESEND)
            settling.flush()
            repository.lock_promise(settling, drain)
            aggregate.happens()
            promising = threading.Thread(target=relay.relay_once)
            promising.start()
            repository.keep_promise(settling, drain)
        promising.join(10)
        assert count(session_factory, "SELECT count(*) FROM drains_due") == 1
        look()
        assert handled(session_factory)[-1] == 3


def test_a_consumer_without_room_is_no_failure_however_often(
    session_factory: SessionFactory, aggregate: Aggregate, counting: Counting, look: Look
) -> None:
    def no_room(event: Outbox) -> bool:
        raise TryLater(timedelta(seconds=1))

    counting.fails = no_room
    aggregate.happens()
    for _ in range(MOST_ATTEMPTS + 2):
        look()
        waiting_time_is_over(session_factory)
    counting.fails = lambda event: False
    look()

    assert handled(session_factory) == [1]
    assert count(session_factory, "SELECT count(*) FROM dead_letters") == 0


def test_an_event_that_cannot_be_told_live_holds_up_no_other(
    session_factory: SessionFactory, people: People, counting: Counting
) -> None:
    aggregates = [Aggregate(session_factory, people.make().id) for _ in range(3)]
    for aggregate in aggregates:
        aggregate.happens()
    told: list[str] = []
    nudged: list[Drain] = []

    def publish(events: Sequence[Outbox]) -> None:
        for event in events:
            if event.aggregate == aggregates[1].name:
                raise KeyError("a fault of ours")
            told.append(event.aggregate)

    relay = Relay(session_factory, [counting.consumer], nudged.append, no_listener, publish=publish)
    relay.relay_once()

    assert set(told) == {aggregates[0].name, aggregates[2].name}
    assert {drain.aggregate for drain in nudged} == {aggregate.name for aggregate in aggregates}
    assert count(session_factory, "SELECT count(*) FROM outbox WHERE published_at IS NULL") == 0


def test_what_waits_at_the_broker_is_not_sent_again(
    session_factory: SessionFactory, aggregate: Aggregate, counting: Counting
) -> None:
    """Workers that are behind must not get ever more to do."""
    aggregate.happens()
    nudged: list[Drain] = []
    at_broker = [MOST_WAITING]
    relay = Relay(session_factory, [counting.consumer], nudged.append, no_listener, waiting=lambda: at_broker[0])
    relay.relay_once()
    waiting_time_is_over(session_factory)
    assert (relay.relay_once(), len(nudged)) == (0, 1)

    at_broker[0] = MOST_WAITING - 1
    assert (relay.relay_once(), len(nudged)) == (1, 2)
