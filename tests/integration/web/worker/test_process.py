"""The worker as it runs: what it does when it, Valkey or PostgreSQL dies."""

import signal
from collections.abc import Callable, Iterator

import pytest

from luna_web.shared.database import SessionFactory
from luna_web.worker.celery_app import make_celery, nudge_with, waiting_with
from luna_web.worker.domain import Drain
from luna_web.worker.relay import SOMETHING_AWAY
from tests.integration import servers
from tests.integration.servers import wait_until
from tests.integration.web.worker.events import Aggregate, count
from tests.integration.web.worker.processes import ENDS_WITHIN_S, Valkey, WorkerProcess
from tests.integration.world import People

Start = Callable[[], WorkerProcess]
Many = Callable[[int], None]
TOLD = "SELECT count(*) FROM notifications"
LEFT = "SELECT (SELECT count(*) FROM outbox WHERE published_at IS NULL) + (SELECT count(*) FROM drains_due)"


@pytest.fixture
def events(session_factory: SessionFactory, people: People) -> Many:
    """So many events, of a few aggregates."""
    user_id = people.make().id
    aggregates = [Aggregate(session_factory, user_id) for _ in range(7)]

    def happen(number: int) -> None:
        for index in range(number):
            aggregates[index % len(aggregates)].happens()

    return happen


@pytest.fixture
def told(session_factory: SessionFactory) -> Many:
    """Wait until so many notifications are there, and nothing is left to do."""

    def wait(number: int) -> None:
        wait_until(f"{number} are told", lambda: count(session_factory, TOLD) >= number)
        wait_until("nothing is left to do", lambda: count(session_factory, LEFT) == 0)
        assert count(session_factory, TOLD) == number
        assert count(session_factory, "SELECT count(*) FROM dead_letters") == 0

    return wait


def has_tried(worker: WorkerProcess) -> bool:
    return "refused" in worker.log or "No such file" in worker.log


def test_nudges_at_the_broker_are_counted_until_it_is_away_and_when_it_is_back(valkey: Valkey) -> None:
    app = make_celery(valkey.broker_url, lambda _: None)
    nudge, waiting = nudge_with(app), waiting_with(app)
    assert waiting() == 0
    for number in range(3):
        nudge(Drain("a consumer", f"thing:{number}"))
    assert waiting() == 3
    valkey.kill()
    with pytest.raises(SOMETHING_AWAY):
        waiting()
    valkey.start()
    assert waiting() == 0


def ends_cleanly(worker: WorkerProcess) -> None:
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(ENDS_WITHIN_S) == 0, worker.log


def test_two_workers_tell_each_thing_once_and_each_ends_cleanly(start_worker: Start, events: Many, told: Many) -> None:
    workers = [start_worker(), start_worker()]
    for worker in workers:
        worker.wait_ready()
    events(100)
    told(100)
    ends_cleanly(workers[0])
    events(10)
    told(110)
    ends_cleanly(workers[1])


def test_it_ends_cleanly_also_while_its_servers_are_away(start_worker: Start, valkey: Valkey) -> None:
    valkey.kill()
    worker = start_worker()
    wait_until("it has tried", lambda: has_tried(worker))
    ends_cleanly(worker)


def test_it_waits_for_valkey_and_outlives_its_loss(
    start_worker: Start, valkey: Valkey, events: Many, told: Many
) -> None:
    valkey.kill()
    worker = start_worker()
    events(5)
    wait_until("it has tried", lambda: has_tried(worker))
    assert not worker.is_ready()
    valkey.start()
    told(5)
    worker.wait_ready()

    events(30)
    valkey.kill()
    events(30)
    valkey.start()
    told(65)
    events(5)
    told(70)
    assert worker.process.poll() is None


@pytest.fixture
def outage(postgres_server: servers.Postgres) -> Iterator[Callable[[bool], None]]:
    """`outage(True)`: PostgreSQL throws everybody out and lets nobody in."""

    def switch(away: bool) -> None:
        with postgres_server.admin() as connection:
            connection.execute(f"ALTER DATABASE luna ALLOW_CONNECTIONS {'false' if away else 'true'}")
            if away:
                connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'luna'")

    yield switch
    switch(False)


def test_what_happened_before_it_started_and_while_postgresql_was_away(
    start_worker: Start,
    outage: Callable[[bool], None],
    events: Many,
    told: Many,
) -> None:
    events(20)
    worker = start_worker().wait_ready()
    told(20)

    events(30)
    outage(True)
    wait_until("it has noticed", lambda: "background_waits" in worker.log)
    outage(False)
    events(30)
    told(80)
    assert worker.process.poll() is None
