"""Mails of notifications: to whom, what, how often, whatever happens in between."""

from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID

import pytest

from luna_web.notification import repository
from luna_web.notification.domain import Channel
from luna_web.notification.letters import letter_id
from luna_web.notification.sending.email import EmailCarrier
from luna_web.shared.clock import SystemClock
from luna_web.shared.config import Settings
from luna_web.shared.mail import Mail, MailNotSent, MailRefused
from luna_web.shared.principal import Role
from tests.integration.web.delivery.world import Library
from tests.integration.web.notification.conftest import Letters, News, Tell
from tests.integration.world import Person


@pytest.fixture
def reader(library: Library) -> Person:
    return library.people.make(Role.STUDENT, email_verified_at=SystemClock().now())


@pytest.fixture
def overdue(reader: Person, news: News, tell: Tell) -> UUID:
    """Something is to be mailed; the event's id."""
    event_id = news(reader)
    tell()
    return event_id


def mails(mailbox: Path) -> list[EmailMessage]:
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in sorted(mailbox.glob("*.eml"))]  # type: ignore[misc]


class Fails:
    """A mail server that will not have it, so many times; then it takes what comes."""

    def __init__(self, *errors: MailNotSent) -> None:
        self.errors = list(errors)
        self.sent: list[Mail] = []

    def send(self, mail: Mail) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(mail)


def test_a_mail_has_both_parts_and_an_id_that_stays(
    reader: Person, overdue: UUID, letters: Letters, emails: EmailCarrier, mailbox: Path
) -> None:
    assert letters.send(emails) == 1

    (mail,) = mails(mailbox)
    assert (mail["To"], mail["Subject"]) == (reader.email, "A book is overdue")
    assert mail["Message-ID"] == f"<{letter_id(overdue, reader.id, Channel.EMAIL)}@localhost>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    for kind in ("plain", "html"):
        body = mail.get_body((kind,))
        assert body is not None
        assert "“Flatland” was due on 2026-12-21" in body.get_content()
        assert "switch off email for LOAN_DUE" in body.get_content()
    assert letters.states() == [("SENT", None)]
    assert letters.rows("SELECT title, message FROM notification_deliveries") == [("", "")], "what it said is not kept"


def test_who_is_told_again_is_not_written_to_again(
    reader: Person, overdue: UUID, letters: Letters, emails: EmailCarrier, tell: Tell, mailbox: Path
) -> None:
    letters.send(emails)
    letters.run("DELETE FROM consumer_offsets")
    tell()
    assert letters.send(emails) == 0
    assert len(mails(mailbox)) == 1


def test_only_verified_addresses_of_active_accounts(
    library: Library, news: News, tell: Tell, letters: Letters
) -> None:
    verified = SystemClock().now()
    for person in (
        library.people.make(),
        library.people.make(email_verified_at=verified, is_active=False),
    ):
        news(person)
    tell()
    assert letters.states() == []


@pytest.mark.parametrize(
    ("change", "why"),
    [("UPDATE users SET is_active = false", "the account is not active"),
     ("UPDATE users SET email_verified_at = NULL", "the address is not verified")],
)  # fmt: skip
def test_it_is_looked_at_again_when_it_is_sent(
    overdue: UUID, letters: Letters, emails: EmailCarrier, mailbox: Path, change: str, why: str
) -> None:
    letters.run(change)
    letters.send(emails)
    assert letters.states() == [("DROPPED", why)]
    assert mails(mailbox) == []


def test_a_sender_that_dies_before_it_could_say_so_sends_the_same_mail_again(
    overdue: UUID, letters: Letters, settings: Settings
) -> None:
    server = Fails()
    carrier = EmailCarrier(settings, server)
    letters.send(carrier)
    letters.run("UPDATE notification_deliveries SET state = 'WAITING', ended_at = NULL")
    letters.later()
    letters.send(carrier)
    first, second = server.sent
    assert first.id == second.id


def test_while_the_server_is_away_it_waits_and_goes_out_later(
    overdue: UUID, letters: Letters, settings: Settings
) -> None:
    server = Fails(MailNotSent("the SMTP server answered 451"), MailNotSent("the SMTP server answered 451"))
    now = [0.0]
    carrier = EmailCarrier(settings, server, lambda: now[0])
    for _ in range(2):
        assert letters.send(carrier) == 1
        assert letters.send(carrier) == 0, "before its time it is not tried"
        assert letters.states() == [("WAITING", "the SMTP server answered 451")]
        now[0] += 6
        letters.later()
    letters.send(carrier)
    assert letters.states() == [("SENT", None)]
    assert letters.rows("SELECT attempts FROM notification_deliveries") == [(3,)]


def test_a_server_that_is_away_is_not_asked_for_each_letter(
    reader: Person, news: News, tell: Tell, letters: Letters, settings: Settings
) -> None:
    for _ in range(5):
        news(reader)
    tell()
    server = Fails(*[MailNotSent("the SMTP server cannot be used: TimeoutError")] * 5)
    now = [0.0]
    carrier = EmailCarrier(settings, server, lambda: now[0])
    assert letters.send(carrier) == 1
    letters.later()
    assert letters.send(carrier) == 0
    assert len(server.errors) == 4
    attempts = "SELECT attempts FROM notification_deliveries ORDER BY attempts"
    assert letters.rows(attempts) == [(0,), (0,), (0,), (0,), (1,)], "the others wait no longer for it"

    now[0], server.errors[:] = 6.0, []
    assert letters.send(carrier) == 5


def test_what_the_server_refuses_for_good_is_not_tried_again(
    overdue: UUID, letters: Letters, settings: Settings
) -> None:
    carrier = EmailCarrier(settings, Fails(MailRefused("the SMTP server refused the recipient: [550]")))
    letters.send(carrier)
    letters.later()
    assert letters.send(carrier) == 0
    assert letters.states() == [("FAILED", "the SMTP server refused the recipient: [550]")]


def test_what_comes_too_late_to_be_of_use_is_not_sent(
    overdue: UUID, letters: Letters, emails: EmailCarrier, mailbox: Path
) -> None:
    letters.run("UPDATE notification_deliveries SET expires_at = now() - interval '1 second', reason = 'it was away'")
    letters.send(emails)
    assert letters.states() == [("FAILED", "too late: it was away")]
    assert mails(mailbox) == []


def test_of_old_events_no_mails_are_written(reader: Person, news: News, tell: Tell, letters: Letters) -> None:
    news(reader)
    letters.run("UPDATE outbox SET created_at = now() - :age", age=timedelta(days=2))
    tell()
    assert letters.states() == []


def test_a_fault_of_ours_delays_one_letter_and_no_other(
    reader: Person, news: News, tell: Tell, letters: Letters, settings: Settings
) -> None:
    news(reader)
    news(reader)
    tell()

    class Stumbles(Fails):
        def send(self, mail: Mail) -> None:
            if not self.sent:
                self.sent.append(mail)
                raise ZeroDivisionError
            super().send(mail)

    letters.send(EmailCarrier(settings, Stumbles()))
    assert sorted(letters.states()) == [("SENT", None), ("WAITING", "ZeroDivisionError while it was sent")]


def test_two_senders_at_once_send_each_mail_once(
    reader: Person, news: News, tell: Tell, letters: Letters, settings: Settings, at_once: Callable[..., None]
) -> None:
    for _ in range(30):
        news(reader)
    tell()
    server = Fails()
    at_once(*[lambda: letters.send(EmailCarrier(settings, server))] * 3)
    assert len(server.sent) == len({mail.id for mail in server.sent}) == 30


def test_old_letters_are_forgotten_and_those_that_wait_are_not(
    overdue: UUID, reader: Person, news: News, tell: Tell, letters: Letters, emails: EmailCarrier, library: Library
) -> None:
    letters.send(emails)
    news(reader)
    tell()
    with library.transaction() as session:
        assert repository.forget_letters(session, timedelta(days=1), 100) == 0
        assert repository.forget_letters(session, timedelta(seconds=-1), 100) == 1
    assert letters.states() == [("WAITING", None)]
