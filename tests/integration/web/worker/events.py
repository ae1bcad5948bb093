"""Events to be consumed, and consumers that can be watched."""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.models import Outbox
from luna_web.shared.outbox import record_event
from luna_web.worker.domain import Consumer


@dataclass
class Aggregate:
    """Something that events happen to."""

    factory: SessionFactory
    user_id: UUID
    name: str = field(default_factory=lambda: f"request:{uuid4()}")
    seq: int = 0

    def happens(self, event_type: str = "delivery.request.in_progress") -> UUID:
        """One event, committed."""
        self.seq += 1
        with transaction(self.factory) as session:
            return record_event(
                session,
                type=event_type,
                source="test",
                aggregate=self.name,
                aggregate_seq=self.seq,
                payload={"user_id": str(self.user_id), "book_title": f"Volume {self.seq}"},
                trace_id="trace-of-a-test",
            )


class Counting:
    """A consumer whose effect is not idempotent: handled twice, it shows twice. It can be told to fail."""

    name = "test.counting"

    def __init__(self, user_id: UUID, fails: Callable[[Outbox], bool] = lambda event: False) -> None:
        self._user_id = user_id
        self.fails = fails
        self.tries = 0

    def handle(self, session: Session, event: Outbox) -> None:
        self.tries += 1
        session.execute(
            text(
                "INSERT INTO notifications (id, user_id, event_id, notification_type, title, message, created_at)"
                " VALUES (gen_random_uuid(), :user, gen_random_uuid(), 'SYSTEM_ALERT', :event, 'handled',"
                " clock_timestamp())"
            ),
            {"user": self._user_id, "event": str(event.aggregate_seq)},
        )
        if self.fails(event):
            raise ValueError("cannot handle this")

    @property
    def consumer(self) -> Consumer:
        return Consumer(self.name, ("delivery.",), self.handle)


def handled(factory: SessionFactory) -> list[int]:
    """What the counting consumer has had, in the order in which it had it."""
    with transaction(factory) as session:
        query = "SELECT title FROM notifications WHERE message = 'handled' ORDER BY created_at"
        rows = session.execute(text(query))
        return [int(title) for (title,) in rows]


def count(factory: SessionFactory, query: str) -> int:
    with transaction(factory) as session:
        return int(session.scalar(text(query)) or 0)


def run(factory: SessionFactory, statement: str) -> None:
    with transaction(factory) as session:
        session.execute(text(statement))
