"""Mails of accounts, by the worker as it runs."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from luna_web.auth.events import MailKind, ask_for_mail
from luna_web.auth.mailing import AccountMails
from luna_web.auth.models import PasswordReset
from luna_web.shared.clock import FixedClock, SystemClock
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.mail import Mail, MailNotSent, MailRefused
from luna_web.shared.outbox import TryLater
from luna_web.worker import repository
from luna_web.worker.domain import MOST_ATTEMPTS, Consumer, Drain
from luna_web.worker.drain import Drainer
from tests.integration.servers import wait_until
from tests.integration.web.worker.events import count, run
from tests.integration.web.worker.processes import WorkerProcess
from tests.integration.world import People


def test_a_forgotten_password_becomes_a_mail_in_the_folder(
    start_worker: Callable[[], WorkerProcess],
    people: People,
    session_factory: SessionFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LUNA_MAIL_DIR", str(tmp_path / "mail"))
    monkeypatch.setenv("LUNA_PUBLIC_URL", "https://luna.example.org")
    people.make(email="ada@example.org")
    worker = start_worker().wait_ready()

    with transaction(session_factory) as session:
        ask_for_mail(session, MailKind.RESET, email="ADA@example.org")

    wait_until("the mail is there", lambda: len(list((tmp_path / "mail").glob("*.eml"))) == 1)
    (file,) = (tmp_path / "mail").glob("*.eml")
    text = file.read_text()
    assert "https://luna.example.org/reset-password#token=" in text
    token = text.partition("#token=")[2].split()[0]
    wait_until("the log says where", lambda: str(file) in worker.log)
    assert token not in worker.log and "ada@example.org" not in worker.log.lower()


NOW = datetime.now(UTC)


class Server:
    """A mail server that answers as it is told to."""

    def __init__(self, refusal: MailNotSent | None = None) -> None:
        self.refusal = refusal
        self.tries: list[Mail] = []

    def send(self, mail: Mail) -> None:
        self.tries.append(mail)
        if self.refusal:
            raise self.refusal


AWAY = MailNotSent("the SMTP server answered 451")


@pytest.fixture
def wish(people: People, session_factory: SessionFactory) -> Drain:
    """A mail that is wanted."""
    people.make(email="ada@example.org")
    return wished(session_factory, "ada@example.org")


def wished(factory: SessionFactory, email: str) -> Drain:
    with transaction(factory) as session:
        ask_for_mail(session, MailKind.RESET, email=email)
    with transaction(factory) as session:
        newest = repository.lock_unpublished(session, 10)[-1]
        return Drain("mails", newest.aggregate)


def drainer_of(factory: SessionFactory, mails: AccountMails) -> Drainer:
    return Drainer(factory, {"mails": Consumer("mails", ("auth.mail.",), mails.handle)}, luck=lambda: 0.0)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime.now(UTC))


@pytest.fixture
def pass_time(session_factory: SessionFactory, clock: FixedClock) -> Callable[[timedelta], None]:
    """Time passes, and what waits has its turn."""

    def on(by: timedelta) -> None:
        clock.advance(by)
        run(session_factory, "UPDATE drains_due SET due_at = now() - interval '1 second', failing = false")

    return on


def test_a_server_that_is_away_is_tried_again_with_the_same_mail_for_as_long_as_it_is_worth_sending(
    settings: Settings, session_factory: SessionFactory, wish: Drain, clock: FixedClock, pass_time: Any
) -> None:
    server = Server(AWAY)
    drainer = drainer_of(session_factory, AccountMails(settings, server, clock))
    for _ in range(MOST_ATTEMPTS + 3):
        drainer.drain(wish)
        pass_time(timedelta(minutes=2))
    assert (len(server.tries), len(set(server.tries))) == (MOST_ATTEMPTS + 3, 1)
    assert count(session_factory, "SELECT count(*) FROM password_resets") == 0

    server.refusal = None
    drainer.drain(wish)

    assert len(set(server.tries)) == 1
    assert count(session_factory, "SELECT count(*) FROM dead_letters") == 0
    assert count(session_factory, "SELECT count(*) FROM drains_due") == 0
    assert clock.now() + timedelta(seconds=settings.reset_token_seconds) == expiry(session_factory)


def expiry(factory: SessionFactory) -> datetime:
    with transaction(factory) as session:
        return session.scalars(select(PasswordReset.expires_at)).one()


def test_after_that_it_is_given_up_and_the_log_says_so(
    settings: Settings, session_factory: SessionFactory, wish: Drain, clock: FixedClock, pass_time: Any
) -> None:
    server = Server(AWAY)
    drainer = drainer_of(session_factory, AccountMails(settings, server, clock))
    drainer.drain(wish)
    pass_time(timedelta(minutes=31))

    with capture_logs() as said:
        drainer.drain(wish)

    assert [line["event"] for line in said] == ["mail_expired"]
    assert len(server.tries) == 1
    assert count(session_factory, "SELECT count(*) FROM drains_due") == 0
    assert count(session_factory, "SELECT last_seq FROM consumer_offsets") == 1


def test_while_the_server_is_away_others_wait_without_trying_it(
    settings: Settings, session_factory: SessionFactory, people: People, wish: Drain, clock: FixedClock, pass_time: Any
) -> None:
    server = Server(AWAY)
    drainer = drainer_of(session_factory, AccountMails(settings, server, clock))
    drainer.drain(wish)
    other = wished(session_factory, people.make().email)

    drainer.drain(other)
    assert len(server.tries) == 1

    server.refusal = None
    pass_time(timedelta(seconds=6))
    drainer.drain(other)
    assert len(server.tries) == 2


def test_a_mail_that_the_server_will_never_have_is_parked(
    settings: Settings, session_factory: SessionFactory, wish: Drain, clock: FixedClock, pass_time: Any
) -> None:
    server = Server(MailRefused("the SMTP server refused the recipient: [550]"))
    drainer = drainer_of(session_factory, AccountMails(settings, server, clock))

    for _ in range(MOST_ATTEMPTS + 3):
        drainer.drain(wish)
        pass_time(timedelta())

    assert len(server.tries) == MOST_ATTEMPTS
    assert count(session_factory, "SELECT count(*) FROM dead_letters") == 1
    assert count(session_factory, "SELECT count(*) FROM dead_letters WHERE error ~ 'ada@|token'") == 0
    assert count(session_factory, "SELECT count(*) FROM password_resets") == 0


def test_a_slow_server_does_not_take_all_of_the_worker(
    settings: Settings, session_factory: SessionFactory, people: People
) -> None:
    """While two mails are being sent a third waits its turn."""
    people.make(email="ada@example.org")
    refused: list[TryLater] = []

    class Nested:
        def __init__(self) -> None:
            self.depth = 0

        def send(self, mail: Mail) -> None:
            self.depth += 1
            try:
                mails._send(mail, NOW, NOW + timedelta(hours=1))
            except TryLater as later:
                refused.append(later)

    nested = Nested()
    mails = AccountMails(settings, nested, SystemClock())
    mails._send(Mail(people.make().id, "ada@example.org", "", ""), NOW, NOW + timedelta(hours=1))

    assert (nested.depth, len(refused)) == (2, 1)
