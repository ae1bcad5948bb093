"""A library whose people are told what happens: `tell` handles events, `news` makes one, `post` sends what is due."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text

from luna_web.notification.sending import outcomes
from luna_web.notification.sending.email import EmailCarrier
from luna_web.notification.sending.sender import Carrier, Sender
from luna_web.shared.config import Settings
from luna_web.shared.database import transaction
from luna_web.shared.mail import FolderMailer
from luna_web.shared.models import Outbox
from luna_web.shared.outbox import record_event
from luna_web.shared.runtime import Runtime
from luna_web.worker.consumers import all_consumers
from luna_web.worker.directory import Accounts
from luna_web.worker.domain import drains_for
from luna_web.worker.drain import Drainer
from tests.integration.web.delivery.world import Library
from tests.integration.web.notification.browser import PushService, make_authority
from tests.integration.world import Catalog, People, Person

Tell = Callable[[], None]
News = Callable[..., UUID]


@pytest.fixture
def library(runtime: Runtime, people: People, catalog: Catalog) -> Library:
    return Library(runtime, people, catalog)


@pytest.fixture
def tell(runtime: Runtime) -> Tell:
    """Everything that has happened is told; again, if that was so already."""
    consumers = all_consumers(runtime.settings)
    drainer = Drainer(runtime.session_factory, consumers)

    def drain_all() -> None:
        with transaction(runtime.session_factory) as session:
            events = session.scalars(select(Outbox)).all()
        for drain in drains_for(list(consumers.values()), events):
            drainer.drain(drain)

    return drain_all


@pytest.fixture
def news(runtime: Runtime) -> News:
    """`news(person, "delivery.loan.overdue")`: an event about something of theirs; returns its id."""

    def happen(person: Person, event_type: str = "delivery.loan.overdue", aggregate: str = "", **payload: Any) -> UUID:
        words = {"user_id": str(person.id), "book_title": "Flatland", "due_at": "2026-12-21T22:37:51+00:00",
                 "closed_reason": None, "request_location": "STUDY-1"}  # fmt: skip
        with transaction(runtime.session_factory) as session:
            return record_event(
                session, type=event_type, source="test", aggregate=aggregate or f"thing:{uuid4()}", aggregate_seq=1,
                payload=words | payload, trace_id="trace-of-a-test",
            )  # fmt: skip

    return happen


@pytest.fixture(autouse=True)
def time_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be sent waits until a test says that it is `later`."""
    monkeypatch.setattr(outcomes, "FIRST_PAUSE", timedelta(minutes=2))


class Letters:
    """What is to be sent, and the senders of it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def send(self, carrier: Carrier[Any], luck: float = 0.0) -> int:
        """Every letter whose turn it is."""
        return Sender(self._runtime.session_factory, Accounts(), carrier, lambda: luck).send_due()

    def rows(self, query: str) -> list[Any]:
        with transaction(self._runtime.session_factory) as session:
            return list(session.execute(text(query)).all())

    def run(self, statement: str, **values: object) -> None:
        with transaction(self._runtime.session_factory) as session:
            session.execute(text(statement), values)

    def states(self) -> list[tuple[str, str | None]]:
        """How each ended and why, oldest first."""
        query = "SELECT state, reason FROM notification_deliveries ORDER BY created_at, id"
        return [tuple(row) for row in self.rows(query)]

    def later(self) -> None:
        """The pauses are over, and so is every claim of a sender that died."""
        self.run("UPDATE notification_deliveries SET due_at = now() - interval '1 second' WHERE state = 'WAITING'")


@pytest.fixture
def letters(runtime: Runtime) -> Letters:
    return Letters(runtime)


@pytest.fixture
def mailbox(tmp_path: Path) -> Path:
    return tmp_path / "mail"


@pytest.fixture
def emails(settings: Settings, mailbox: Path) -> EmailCarrier:
    return EmailCarrier(settings, FolderMailer(mailbox, settings))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of the push services in this test's world, with its key, in one file."""
    return make_authority(tmp_path_factory.mktemp("push") / "server.pem")


@pytest.fixture
def push_service(authority: Path) -> Iterator[PushService]:
    with ExitStack() as stack:
        yield stack.enter_context(PushService(authority))


@pytest.fixture
def at_once() -> Callable[..., None]:
    """`at_once(one, another)`: all of these at the same moment."""

    def run(*acts: Callable[[], object]) -> None:
        gate = threading.Barrier(len(acts))

        def go(act: Callable[[], object]) -> object:
            gate.wait(60)
            return act()

        with ThreadPoolExecutor(len(acts)) as pool:
            for done in [pool.submit(go, act) for act in acts]:
                done.result(60)

    return run
