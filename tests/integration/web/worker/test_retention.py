"""What is forgotten, and what never is."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Thread
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from luna_web.auth.events import MailKind, ask_for_mail
from luna_web.auth.mailing import FAMILIES, NAME, AccountMails
from luna_web.auth.models import EmailVerification, PasswordReset
from luna_web.shared.clock import SystemClock
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.mail import Mail
from luna_web.worker import repository
from luna_web.worker.domain import Consumer, Drain
from luna_web.worker.drain import Drainer
from luna_web.worker.periodic import Periodic
from luna_web.worker.relay import Relay
from luna_web.worker.retention import BATCH, retention
from tests.integration.servers import wait_until
from tests.integration.web.worker.events import Aggregate, Counting, count, handled, run
from tests.integration.world import People

EVENTS, POSITIONS = "SELECT count(*) FROM outbox", "SELECT count(*) FROM consumer_offsets"


class Postman:
    """Mails as the worker has them sent."""

    def __init__(self, factory: SessionFactory, settings: Settings) -> None:
        self._factory = factory
        self.sent: list[Mail] = []
        consumer = Consumer(NAME, FAMILIES, AccountMails(settings, self, SystemClock()).handle)
        self.drainer = Drainer(factory, {NAME: consumer})
        self._told: list[Drain] = []
        self.relay = Relay(factory, [consumer], self._told.append, lambda: None)  # type: ignore[arg-type,return-value]

    def send(self, mail: Mail) -> None:
        self.sent.append(mail)

    def ask(self, email: str) -> Drain:
        """A mail is wanted, and the relay has told of it."""
        with transaction(self._factory) as session:
            ask_for_mail(session, MailKind.RESET, email=email)
        self.relay.relay_once()
        return self._told[-1]


@pytest.fixture
def postman(session_factory: SessionFactory, settings: Settings) -> Postman:
    return Postman(session_factory, settings)


@pytest.fixture
def email(people: People) -> str:
    return people.make().email


@pytest.fixture
def tidy(session_factory: SessionFactory, settings: Settings) -> Callable[[], None]:
    """The job's time has come."""

    def now() -> None:
        run(session_factory, "UPDATE jobs SET next_run_at = now()")
        Periodic(session_factory, [retention(settings)]).run_due()

    return now


def days_pass(factory: SessionFactory, days: int) -> None:
    """Everything is that much older."""
    with transaction(factory) as session:
        ago = {"days": days}
        session.execute(text("UPDATE outbox SET published_at = published_at - make_interval(days => :days)"), ago)
        for row in session.execute(text("DELETE FROM consumer_offsets RETURNING *")).mappings().all():
            older = dict(row) | {"updated_at": row["updated_at"] - timedelta(days=days)}
            insert = "INSERT INTO consumer_offsets VALUES (:consumer, :aggregate, :last_seq, :attempts, :updated_at)"
            session.execute(text(insert), older)


class TestMails:
    def test_a_mail_that_went_out_leaves_nothing_after_a_week(
        self, session_factory: SessionFactory, postman: Postman, email: str, tidy: Callable[[], None]
    ) -> None:
        postman.drainer.drain(postman.ask(email))
        days_pass(session_factory, 6)
        tidy()
        assert (count(session_factory, EVENTS), count(session_factory, POSITIONS)) == (1, 1)

        days_pass(session_factory, 2)
        tidy()

        assert (count(session_factory, EVENTS), count(session_factory, POSITIONS)) == (0, 0)

    def test_a_nudge_that_comes_after_that_sends_nothing(
        self, session_factory: SessionFactory, postman: Postman, email: str, tidy: Callable[[], None]
    ) -> None:
        drain = postman.ask(email)
        postman.drainer.drain(drain)
        days_pass(session_factory, 8)
        tidy()

        postman.drainer.drain(drain)
        postman.relay.relay_once()

        assert len(postman.sent) == 1

    def test_the_position_stays_for_as_long_as_the_event_does(
        self, session_factory: SessionFactory, postman: Postman, email: str, tidy: Callable[[], None]
    ) -> None:
        """Without it the event would be handled anew."""
        drain = postman.ask(email)
        postman.drainer.drain(drain)
        days_pass(session_factory, 8)
        run(session_factory, "UPDATE outbox SET published_at = now()")
        tidy()

        postman.drainer.drain(drain)

        assert (count(session_factory, POSITIONS), len(postman.sent)) == (1, 1)

    def test_what_nobody_has_looked_at_stays(
        self, session_factory: SessionFactory, postman: Postman, email: str, tidy: Callable[[], None]
    ) -> None:
        drain = postman.ask(email)
        days_pass(session_factory, 30)

        tidy()

        assert count(session_factory, EVENTS) == 1
        assert count(session_factory, "SELECT count(*) FROM drains_due") == 1
        postman.drainer.drain(drain)
        assert len(postman.sent) == 1

    def test_what_waits_for_a_consumer_that_is_no_more_goes_with_its_event(
        self, session_factory: SessionFactory, postman: Postman, email: str, tidy: Callable[[], None]
    ) -> None:
        """Workers of another version may know it: not before its time is over, and none of theirs is sent anew."""
        drain = postman.ask(email)
        postman.drainer.drain(drain)
        run(session_factory, "UPDATE drains_due SET due_at = now()")
        run(session_factory, "INSERT INTO drains_due (consumer, aggregate, due_at)"
                             " SELECT 'gone', aggregate, now() - interval '1 second' FROM outbox")  # fmt: skip
        days_pass(session_factory, 8)
        assert postman.relay.relay_once() == 0
        tidy()
        assert count(session_factory, EVENTS) == 1

        run(session_factory, "UPDATE drains_due SET due_at = now() - interval '8 days'")
        tidy()
        assert (count(session_factory, EVENTS), count(session_factory, "SELECT count(*) FROM drains_due")) == (0, 0)

    def test_what_was_not_published_stays(
        self, session_factory: SessionFactory, people: People, tidy: Callable[[], None]
    ) -> None:
        with transaction(session_factory) as session:
            ask_for_mail(session, MailKind.RESET, email=people.make().email)
        run(session_factory, "UPDATE outbox SET created_at = created_at - interval '30 days'")

        tidy()

        assert count(session_factory, EVENTS) == 1

    def test_a_drain_that_meets_the_forgetting_is_not_disturbed(
        self, session_factory: SessionFactory, postman: Postman, email: str
    ) -> None:
        """It waits for the row that is being deleted, and makes it anew."""
        drain = postman.ask(email)
        postman.drainer.drain(drain)
        days_pass(session_factory, 8)
        with transaction(session_factory) as forgetting:
            repository.forget_events(forgetting, timedelta(days=7), BATCH)
            assert repository.forget_positions(forgetting, timedelta(days=7), BATCH) == 1
            draining = Thread(target=lambda: postman.drainer.drain(drain))
            draining.start()
            waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            wait_until("the drain waits", lambda: count(session_factory, waits) == 1)
        draining.join(10)

        assert not draining.is_alive()
        assert len(postman.sent) == 1


class TestOtherEvents:
    def test_what_everybody_has_had_goes_and_the_position_with_it(
        self, session_factory: SessionFactory, people: People, tidy: Callable[[], None]
    ) -> None:
        """An aggregate that goes on after that has its next event once, and no older one."""
        counting, aggregate = Counting(people.make().id), Aggregate(session_factory, people.make().id)
        drainer = Drainer(session_factory, {counting.name: counting.consumer})
        aggregate.happens()
        run(session_factory, "UPDATE outbox SET published_at = now()")
        drainer.drain(Drain(counting.name, aggregate.name))
        days_pass(session_factory, 8)
        tidy()
        assert (count(session_factory, EVENTS), count(session_factory, POSITIONS)) == (0, 0)

        aggregate.happens()
        for _ in range(2):
            drainer.drain(Drain(counting.name, aggregate.name))

        assert handled(session_factory) == [1, 2]

    def test_a_position_that_is_used_while_it_is_forgotten_stays(
        self, session_factory: SessionFactory, people: People
    ) -> None:
        """Of a drain that ended between the look and the lock, and of one that is still at it."""
        counting, aggregate = Counting(people.make().id), Aggregate(session_factory, people.make().id)
        drainer = Drainer(session_factory, {counting.name: counting.consumer})
        aggregate.happens()
        drainer.drain(Drain(counting.name, aggregate.name))
        run(session_factory, "DELETE FROM outbox")
        days_pass(session_factory, 8)
        with transaction(session_factory) as draining:
            repository.lock_offset(draining, Drain(counting.name, aggregate.name)).last_seq = 2
            draining.flush()
            with transaction(session_factory) as forgetting:
                assert repository.forget_positions(forgetting, timedelta(days=7), BATCH) == 0
        with transaction(session_factory) as forgetting:
            assert repository.forget_positions(forgetting, timedelta(days=7), BATCH) == 0
        assert count(session_factory, f"{POSITIONS} WHERE last_seq = 2") == 1

    def test_what_is_parked_stays_until_it_is_replayed(
        self, session_factory: SessionFactory, people: People, tidy: Callable[[], None]
    ) -> None:
        Aggregate(session_factory, people.make().id).happens()
        run(session_factory, "UPDATE outbox SET published_at = now()")
        days_pass(session_factory, 8)
        run(
            session_factory,
            "INSERT INTO dead_letters (id, consumer, event_id, aggregate, aggregate_seq, error, attempts)"
            " SELECT gen_random_uuid(), consumer, event_id, aggregate, aggregate_seq, 'no', 8"
            " FROM outbox, (VALUES ('notification.in_app'), ('a consumer of old')) AS these (consumer)",
        )
        tidy()
        letters = "SELECT count(*) FROM dead_letters"
        assert (count(session_factory, EVENTS), count(session_factory, letters)) == (1, 2)

        run(session_factory, "UPDATE dead_letters SET created_at = now() - interval '8 days'")
        tidy()  # what no consumer can be given any more is nobody's to replay
        assert (count(session_factory, EVENTS), count(session_factory, letters)) == (1, 1)

        run(session_factory, "UPDATE dead_letters SET replayed_at = now()")
        tidy()
        assert (count(session_factory, EVENTS), count(session_factory, letters)) == (0, 1)

        run(session_factory, "UPDATE dead_letters SET replayed_at = now() - interval '8 days'")
        tidy()
        assert count(session_factory, letters) == 0


@pytest.mark.parametrize("kind", [PasswordReset, EmailVerification])
class TestLinks:
    def add(
        self, factory: SessionFactory, people: People, kind: type[PasswordReset] | type[EmailVerification], days: float
    ) -> None:
        """A link that ends in so many days."""
        now = datetime.now(UTC)
        more = {"registration": "r"} if kind is EmailVerification else {}
        with transaction(factory) as session:
            session.add(
                kind(id=uuid4(), user_id=people.make().id, token_hash=uuid4().bytes * 2, **more,
                     created_at=now - timedelta(days=30), expires_at=now + timedelta(days=days))
            )  # fmt: skip

    def test_they_go_a_week_after_their_end_and_none_that_lives(
        self, session_factory: SessionFactory, people: People, tidy: Callable[[], None],
        kind: type[PasswordReset] | type[EmailVerification],
    ) -> None:  # fmt: skip
        for days in (-8, -6, 0.01, 1):
            self.add(session_factory, people, kind, days)

        tidy()

        with transaction(session_factory) as session:
            ends = session.scalars(select(kind.expires_at)).all()
        assert len(ends) == 3
        assert min(ends) > datetime.now(UTC) - timedelta(days=7)

    def test_so_many_at_a_time(
        self, session_factory: SessionFactory, people: People, kind: type[PasswordReset] | type[EmailVerification],
        settings: Settings,
    ) -> None:  # fmt: skip
        for _ in range(3):
            self.add(session_factory, people, kind, -8)
        (links,) = (step for step in retention(settings).steps if step.name == "links")
        with transaction(session_factory) as session:
            assert links.batch(session) == 3
            assert links.batch(session) == 0
