"""Mails of accounts, by the worker as it runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from luna_web.auth.events import MailKind, ask_for_mail
from luna_web.auth.mailing import AccountMails
from luna_web.shared.clock import SystemClock
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.mail import Mail, MailNotSent
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


class Away:
    def __init__(self) -> None:
        self.tries: list[Mail] = []

    def send(self, mail: Mail) -> None:
        self.tries.append(mail)
        raise MailNotSent("the SMTP server answered 451")


@pytest.fixture
def wish(people: People, session_factory: SessionFactory) -> Drain:
    """A mail that is wanted."""
    people.make(email="ada@example.org")
    with transaction(session_factory) as session:
        ask_for_mail(session, MailKind.RESET, email="ada@example.org")
    with transaction(session_factory) as session:
        (event,) = repository.lock_unpublished(session, 10)
        return Drain("mails", event.aggregate)


def drainer_of(factory: SessionFactory, mails: AccountMails) -> Drainer:
    return Drainer(factory, {"mails": Consumer("mails", ("auth.mail.",), mails.handle)}, luck=lambda: 0.0)


def test_a_server_that_is_away_is_tried_again_with_the_same_mail_and_then_given_up(
    settings: Settings, session_factory: SessionFactory, wish: Drain
) -> None:
    away = Away()
    drainer = drainer_of(session_factory, AccountMails(settings, away, SystemClock()))

    for _ in range(MOST_ATTEMPTS + 3):
        drainer.drain(wish)
        run(session_factory, "UPDATE drains_due SET due_at = now() - interval '1 second', failing = false")

    assert len(away.tries) == MOST_ATTEMPTS
    assert len(set(away.tries)) == 1
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
                mails._send(mail)
            except TryLater as later:
                refused.append(later)

    nested = Nested()
    mails = AccountMails(settings, nested, SystemClock())
    mails._send(Mail(people.make().id, "ada@example.org", "", ""))

    assert (nested.depth, len(refused)) == (2, 1)
