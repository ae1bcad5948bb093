"""`python -m tests.integration.web.worker.ledger_worker USER`: the worker, with a consumer whose effect can be counted.

It notes each event that it handles, under an id of its own: handled twice, it shows twice.
"""

import sys
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from luna_web.shared.models import Outbox
from luna_web.worker.__main__ import main
from luna_web.worker.domain import Consumer

NAME = "test.ledger"
NOTE = text(
    "INSERT INTO notifications (id, user_id, event_id, notification_type, title, message, created_at)"
    " VALUES (gen_random_uuid(), :user, gen_random_uuid(), 'SYSTEM_ALERT', :aggregate, :seq, clock_timestamp())"
)


def ledger(user_id: UUID) -> Consumer:
    def handle(session: Session, event: Outbox) -> None:
        session.execute(NOTE, {"user": user_id, "aggregate": event.aggregate, "seq": str(event.aggregate_seq)})

    return Consumer(NAME, ("delivery.",), handle)


if __name__ == "__main__":
    sys.exit(main([ledger(UUID(sys.argv[1]))]))
