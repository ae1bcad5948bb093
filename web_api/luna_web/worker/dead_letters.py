"""Events that a consumer gave up on: seen, and given to it once more. For the operator."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.shared.audit import audit
from luna_web.shared.outbox import OUTBOX_CHANNEL, notify
from luna_web.worker import repository
from luna_web.worker.domain import Drain


class CannotReplay(Exception):
    """Nothing was replayed; the text says why."""


@dataclass(frozen=True, slots=True)
class Dead:
    """A dead letter. `event_type` is None where the event itself is kept no longer: it cannot be replayed."""

    id: UUID
    consumer: str
    event_id: UUID
    event_type: str | None
    aggregate: str
    error: str
    attempts: int
    died_at: datetime
    replay_asked_at: datetime | None


def waiting(session: Session) -> Sequence[Dead]:
    """All that nobody has replayed, oldest first. One whose replay was asked for and is still to come is among them."""
    return [
        Dead(
            id=row.id,
            consumer=row.consumer,
            event_id=row.event_id,
            event_type=event_type,
            aggregate=row.aggregate,
            error=row.error,
            attempts=row.attempts,
            died_at=row.created_at,
            replay_asked_at=row.replay_asked_at,
        )
        for row, event_type in repository.dead_letters(session)
    ]


def replay(session: Session, consumers: Collection[str], ids: Collection[UUID] | None = None) -> Sequence[Dead]:
    """Have the workers give these, or all, to their consumers once more; each is noted in the audit trail.

    Raises CannotReplay if one is not there, or can have no effect any more; then none is replayed. Without `ids` those
    are left out.
    """
    found = {one.id: one for one in waiting(session)}
    wanted = list(found.values()) if ids is None else [_named(found, one) for one in dict.fromkeys(ids)]
    faults = {one.id: _fault(one, consumers) for one in wanted}
    if ids is None:
        wanted = [one for one in wanted if not faults[one.id]]
    elif said := [f"{one}: {fault}" for one, fault in faults.items() if fault]:
        raise CannotReplay("; ".join(said))
    for one in wanted:
        changes = {"by": "command line", "consumer": one.consumer, "event_id": one.event_id, "event": one.event_type}
        audit(session, None, "event.replayed", "dead_letter", one.id, changes)
    repository.ask_replay(session, [one.id for one in wanted])
    repository.promise(session, sorted({Drain(one.consumer, one.aggregate) for one in wanted}, key=_key), timedelta())
    notify(session, OUTBOX_CHANNEL)
    return wanted


def _named(found: dict[UUID, Dead], wanted: UUID) -> Dead:
    try:
        return found[wanted]
    except KeyError:
        raise CannotReplay(f"{wanted}: there is no such dead letter, or it was replayed") from None


def _fault(one: Dead, consumers: Collection[str]) -> str | None:
    if one.event_type is None:
        return "the event is kept no longer"
    return None if one.consumer in consumers else f"there is no consumer {one.consumer} any more"


def _key(drain: Drain) -> tuple[str, str]:
    return drain.consumer, drain.aggregate
