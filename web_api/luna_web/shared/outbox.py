"""Events are rows, written in the transaction that causes them, or not at all."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.shared.appending import AppendedTable, Notices, append
from luna_web.shared.ids import new_id
from luna_web.shared.models import Outbox
from luna_web.shared.tracing import trace_id as current_trace_id

_EVENTS = AppendedTable(Outbox, left_out=("position", "created_at", "published_at"))
_NOTICES = Notices()
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
    append(
        session,
        _EVENTS,
        {
            "event_id": event_id,
            "event_type": type,
            "source": source,
            "aggregate": aggregate,
            "aggregate_seq": aggregate_seq,
            "version": 1,
            "payload": payload,
            "trace_id": trace_id or current_trace_id(),
        },
    )
    return event_id


def notify(session: Session, channel: str, payload: str = "") -> None:
    """`NOTIFY channel` when this transaction commits (at most 7,999 bytes)."""
    append(session, _NOTICES, {"channel": channel, "payload": payload})
