"""Hundreds of events, while workers with their relays, and the broker with all that is in it, are killed at random.

`--events=N` lets N of them happen, with as many more deaths.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from luna_web.notification.domain import Channel
from luna_web.notification.letters import letter_id
from luna_web.shared.clock import SystemClock
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.outbox import record_event
from tests.integration.servers import wait_until
from tests.integration.web.worker.events import count, run
from tests.integration.web.worker.processes import Valkey, WorkerProcess
from tests.integration.world import People

FEW, AGGREGATES, MAILED, WORKERS = 900, 20, 10, 2
A_DEATH_IN = 450
"""Events in which each worker, and the broker, dies once."""
SEED = 20261125
DEADLINE_S = 240.0
LEFT = (
    "SELECT (SELECT count(*) FROM outbox WHERE published_at IS NULL) + (SELECT count(*) FROM drains_due)"
    " + (SELECT count(*) FROM notification_deliveries WHERE state = 'WAITING')"
)


class Story:
    """What happens to a reader: events of many things, some of which are mailed, in transactions of several."""

    def __init__(self, factory: SessionFactory, reader: UUID, chance: random.Random) -> None:
        self._factory = factory
        self._reader = reader
        self._chance = chance
        self._seqs = dict.fromkeys((f"request:{number}" for number in range(AGGREGATES)), 0)
        self.mailed: list[UUID] = []

    def happen(self, events: int) -> None:
        with transaction(self._factory) as session:
            for _ in range(events):
                aggregate = self._chance.choice(list(self._seqs))
                self._seqs[aggregate] += 1
                is_mailed = self._chance.randrange(MAILED) == 0
                event_id = record_event(
                    session,
                    type="delivery.loan.overdue" if is_mailed else "delivery.request.in_progress",
                    source="test",
                    aggregate=aggregate,
                    aggregate_seq=self._seqs[aggregate],
                    payload={"user_id": str(self._reader), "book_title": aggregate, "due_at": "2026-12-21T22:37:51Z"},
                    trace_id="trace-of-a-test",
                )
                self.mailed += [event_id] if is_mailed else []

    def lengths(self) -> dict[str, int]:
        return {aggregate: seq for aggregate, seq in self._seqs.items() if seq}


@pytest.fixture
def ledger_keeper(people: People) -> UUID:
    return people.make().id


@pytest.fixture
def reader(people: People) -> UUID:
    return people.make(email_verified_at=SystemClock().now()).id


@pytest.fixture
def start(
    settings: Settings, valkey: Valkey, tmp_path: Path, ledger_keeper: UUID
) -> Iterator[Callable[[], WorkerProcess]]:
    started: list[WorkerProcess] = []

    def start_one() -> WorkerProcess:
        number = len(started)
        started.append(
            WorkerProcess(
                settings, valkey, tmp_path / f"worker-{number}.log", tmp_path / f"notify-{number}",
                ("tests.integration.web.worker.ledger_worker", str(ledger_keeper)),
                {"LUNA_MAIL_DIR": str(tmp_path / "mail")},
            )
        )  # fmt: skip
        return started[-1]

    yield start_one
    for process in started:
        process.kill()


def wait(what: str, look: Callable[[], bool]) -> None:
    """Looks seldom, since looking takes the processors from those that are waited for."""
    wait_until(what, look, DEADLINE_S, 0.1)


def ledger(factory: SessionFactory, keeper: UUID) -> dict[str, list[int]]:
    """What the counting consumer has had of each aggregate, in the order in which it had it."""
    query = text("SELECT title, message FROM notifications WHERE user_id = :keeper ORDER BY created_at, id")
    noted: dict[str, list[int]] = {}
    with transaction(factory) as session:
        for aggregate, seq in session.execute(query, {"keeper": keeper}):
            noted.setdefault(aggregate, []).append(int(seq))
    return noted


def letters(factory: SessionFactory) -> dict[str, tuple[str, str | None]]:
    """How each ended, and why so."""
    with transaction(factory) as session:
        rows = session.execute(text("SELECT id, state, reason FROM notification_deliveries"))
        return {str(id_): (state, reason) for id_, state, reason in rows}


def test_whatever_is_killed_every_consumer_has_every_event_once_and_in_order(
    start: Callable[[], WorkerProcess], valkey: Valkey, session_factory: SessionFactory, ledger_keeper: UUID,
    reader: UUID, tmp_path: Path, pytestconfig: pytest.Config,
) -> None:  # fmt: skip
    events: int = pytestconfig.getoption("--events") or FEW
    deaths_each = max(2, events // A_DEATH_IN)
    chance = random.Random(SEED)
    story = Story(session_factory, reader, random.Random(SEED + 1))
    def noted() -> int:
        return count(session_factory, "SELECT count(*) FROM notifications WHERE title LIKE 'request:%'")

    workers = [start() for _ in range(WORKERS)]
    happened = 0
    victims = chance.sample([*range(WORKERS + 1)] * deaths_each, (WORKERS + 1) * deaths_each)
    for victim, death in zip(victims, sorted(chance.sample(range(1, events), len(victims))), strict=True):
        # What lies between two deaths happens at once; the next comes while it is being handled.
        story.happen(death - happened)
        seen, happened = happened, death
        enough = seen + chance.randrange(death - seen + 1) - death // 10
        wait("some are handled", lambda enough=enough: noted() >= enough)  # type: ignore[misc]
        if victim == WORKERS:
            valkey.kill()
            valkey.start()
        else:
            workers[victim].kill()
            workers[victim] = start()
    story.happen(events - happened)

    wait("all are handled", lambda: noted() >= events)
    # What the dead had claimed is free as soon as their time is over; it would be half a minute.
    run(session_factory, "UPDATE notification_deliveries SET due_at = now() WHERE state = 'WAITING'")
    wait("nothing is left to do", lambda: count(session_factory, LEFT) == 0)

    assert ledger(session_factory, ledger_keeper) == {
        aggregate: list(range(1, length + 1)) for aggregate, length in story.lengths().items()
    }
    told = "SELECT count(*) FROM notifications JOIN outbox USING (event_id) WHERE NOT is_read"
    assert count(session_factory, told) == events
    shown = "SELECT count(DISTINCT aggregate) FROM outbox WHERE event_type = 'notification.created'"
    assert count(session_factory, shown) == events
    wanted = {str(letter_id(event_id, reader, Channel.EMAIL)) for event_id in story.mailed}
    assert letters(session_factory) == dict.fromkeys(wanted, ("SENT", None))
    assert {file.stem for file in (tmp_path / "mail").glob("*.eml")} == wanted
    assert count(session_factory, "SELECT count(*) FROM dead_letters") == 0
