"""Every query of the worker. Times are the database's, so that hosts need not agree."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from luna_web.shared.models import ConsumerOffset, DeadLetter, Outbox
from luna_web.worker.domain import LONGEST_RESEND, Drain
from luna_web.worker.models import DrainDue

NOW = func.clock_timestamp()


def lock_unpublished(session: Session, limit: int) -> Sequence[Outbox]:
    """Events that nobody was told of, and that no other relay is telling of now."""
    found = select(Outbox).where(Outbox.published_at.is_(None)).order_by(Outbox.position).limit(limit)
    return session.scalars(found.with_for_update(skip_locked=True)).all()


def mark_published(session: Session, events: Sequence[Outbox]) -> None:
    session.execute(
        update(Outbox).where(Outbox.position.in_([event.position for event in events])).values(published_at=NOW)
    )


def promise(session: Session, drains: Sequence[Drain], resend_after: timedelta) -> None:
    """Note that these are to be drained. One that waits after a failure keeps its time."""
    if not drains:
        return
    rows = insert(DrainDue).values(
        [{"consumer": drain.consumer, "aggregate": drain.aggregate, "due_at": NOW + resend_after} for drain in drains]
    )
    sooner = func.least(DrainDue.due_at, rows.excluded.due_at)
    session.execute(
        rows.on_conflict_do_update(
            index_elements=[DrainDue.consumer, DrainDue.aggregate],
            set_={"due_at": case((DrainDue.failing, DrainDue.due_at), else_=sooner)},
        )
    )


def take_overdue(session: Session, limit: int) -> list[Drain]:
    """Drains whose nudge seems lost, or whose time to be tried again has come; each is given time anew."""
    overdue = (
        select(DrainDue.consumer, DrainDue.aggregate)
        .where(DrainDue.due_at <= NOW)
        .order_by(DrainDue.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("overdue")
    )
    seconds = func.least(func.power(2, func.least(DrainDue.sends + 1, 10)), LONGEST_RESEND.total_seconds())
    taken = session.execute(
        update(DrainDue)
        .where(DrainDue.consumer == overdue.c.consumer, DrainDue.aggregate == overdue.c.aggregate)
        .values(sends=DrainDue.sends + 1, failing=False, due_at=NOW + func.make_interval(0, 0, 0, 0, 0, 0, seconds))
        .returning(DrainDue.consumer, DrainDue.aggregate)
    )
    return [Drain(consumer, aggregate) for consumer, aggregate in taken]


def lock_offset(session: Session, drain: Drain) -> ConsumerOffset:
    """How far the consumer has come; whoever holds this lock is alone with the aggregate."""
    session.execute(
        insert(ConsumerOffset).values(consumer=drain.consumer, aggregate=drain.aggregate).on_conflict_do_nothing()
    )
    return session.scalars(
        select(ConsumerOffset)
        .where(ConsumerOffset.consumer == drain.consumer, ConsumerOffset.aggregate == drain.aggregate)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def next_event(session: Session, aggregate: str, after: int) -> Outbox | None:
    found = select(Outbox).where(Outbox.aggregate == aggregate, Outbox.aggregate_seq > after)
    return session.scalar(found.order_by(Outbox.aggregate_seq).limit(1))


def backs_off(session: Session, drain: Drain) -> bool:
    """Whether the last try failed and its waiting time is not over."""
    due = select(DrainDue.due_at > NOW).where(*_is(drain), DrainDue.failing)
    return bool(session.scalar(due))


def back_off(session: Session, drain: Drain, wait: timedelta) -> None:
    row = insert(DrainDue).values(
        consumer=drain.consumer, aggregate=drain.aggregate, due_at=NOW + wait, failing=True, sends=0
    )
    session.execute(
        row.on_conflict_do_update(
            index_elements=[DrainDue.consumer, DrainDue.aggregate],
            set_={"due_at": row.excluded.due_at, "failing": True, "sends": 0},
        )
    )


def lock_promise(session: Session, drain: Drain) -> None:
    """From here on no relay can promise the same unseen."""
    session.execute(select(DrainDue.consumer).where(*_is(drain)).with_for_update())


def keep_promise(session: Session, drain: Drain) -> None:
    session.execute(delete(DrainDue).where(*_is(drain)))


def bury(session: Session, drain: Drain, event: Outbox, error: str, attempts: int) -> None:
    """Park an event that the consumer cannot handle. A second burial changes nothing."""
    session.execute(
        insert(DeadLetter)
        .values(
            consumer=drain.consumer,
            event_id=event.event_id,
            aggregate=event.aggregate,
            aggregate_seq=event.aggregate_seq,
            error=error,
            attempts=attempts,
        )
        .on_conflict_do_nothing()
    )


def _is(drain: Drain) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return DrainDue.consumer == drain.consumer, DrainDue.aggregate == drain.aggregate
