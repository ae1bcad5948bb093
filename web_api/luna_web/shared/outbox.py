"""Events are rows, written in the transaction that causes them, or not at all."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from luna_web.shared.ids import new_id
from luna_web.shared.models import Outbox
from luna_web.shared.tracing import trace_id as current_trace_id

OUTBOX_CHANNEL = "luna_outbox"
WANTED_CHANNEL = "luna_wanted"


class TryLater(Exception):
    """A consumer has no room for an event now. It is tried again after `wait`; that is no failure of the event."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"not before {wait.total_seconds():g} s")
        self.wait = wait


def record_event(
    session: Session,
    *,
    type: str,  # noqa: A002 - the event's own word
    source: str,
    aggregate: str,
    aggregate_seq: int,
    payload: Mapping[str, Any],
    trace_id: str | None = None,
) -> UUID:
    """Write an event; a trigger wakes the relay when the transaction commits.

    `aggregate` is `kind:id`, `aggregate_seq` its version, raised under its row lock. Returns the event's id.
    """
    event_id = new_id()
    session.add(
        Outbox(
            event_id=event_id,
            event_type=type,
            source=source,
            aggregate=aggregate,
            aggregate_seq=aggregate_seq,
            payload=to_jsonable_python(dict(payload)),
            trace_id=trace_id or current_trace_id(),
        )
    )
    return event_id


def notify(session: Session, channel: str, payload: str = "") -> None:
    """`NOTIFY channel` when this transaction commits (at most 7,999 bytes)."""
    session.execute(select(func.pg_notify(channel, payload)))
