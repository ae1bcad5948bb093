"""Every query of the worker. Times are the database's, so that hosts need not agree."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    Delete,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from luna_web.shared.models import ConsumerOffset, DeadLetter, IdempotencyKey, Job, Outbox
from luna_web.worker.domain import LONGEST_RESEND, Drain
from luna_web.worker.models import DrainDue

NOW = func.clock_timestamp()
_CONSUMER: BindParameter[str] = bindparam("consumer")
_AGGREGATE: BindParameter[str] = bindparam("aggregate")
_PROMISED = (DrainDue.consumer == _CONSUMER, DrainDue.aggregate == _AGGREGATE)
_REPLAY_ASKED = (
    DeadLetter.consumer == _CONSUMER,
    DeadLetter.aggregate == _AGGREGATE,
    DeadLetter.replay_asked_at.is_not(None),
    DeadLetter.replayed_at.is_(None),
)
# Statements that each drain makes are put together once: that takes longer than the database does.
_LOCKED_OFFSET = (
    select(ConsumerOffset)
    .where(ConsumerOffset.consumer == _CONSUMER, ConsumerOffset.aggregate == _AGGREGATE)
    .with_for_update()
    .execution_options(populate_existing=True)
)
_LOCKED_PROMISE = select(DrainDue.consumer).where(*_PROMISED).with_for_update()
_FREE_PROMISE = select(DrainDue.consumer).where(*_PROMISED).with_for_update(skip_locked=True)
_KEPT_PROMISE = delete(DrainDue).where(*_PROMISED).execution_options(synchronize_session=False)


def _left_query() -> Select[tuple[bool | None, bool, Outbox]]:
    """A row for each event that follows, or one without; `backs_off` is NULL where nothing is promised."""
    backs_off = select(DrainDue.failing & (DrainDue.due_at > NOW)).where(*_PROMISED).scalar_subquery()
    state = select(backs_off.label("backs_off"), exists().where(*_REPLAY_ASKED).label("replay_asked")).subquery()
    following = (
        select(Outbox)
        .where(Outbox.aggregate == _AGGREGATE, Outbox.aggregate_seq > bindparam("after"))
        .order_by(Outbox.aggregate_seq)
        .limit(bindparam("limit"))
        .subquery()
    )
    return (
        select(state.c.backs_off, state.c.replay_asked, aliased(Outbox, following, name="Outbox"))
        .select_from(state.outerjoin(following, true()))
        .order_by(following.c.aggregate_seq)
    )


_LEFT = _left_query()


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


def take_overdue(session: Session, consumers: Collection[str], limit: int) -> list[Drain]:
    """Drains of these whose nudge seems lost, or whose time to be tried again has come; each is given time anew."""
    overdue = (
        select(DrainDue.consumer, DrainDue.aggregate)
        .where(DrainDue.due_at <= NOW, DrainDue.consumer.in_(consumers))
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
    # It may be forgotten between the two statements; whoever forgets it does so once.
    while (offset := session.scalar(_LOCKED_OFFSET, _named(drain))) is None:
        made = insert(ConsumerOffset).values(consumer=drain.consumer, aggregate=drain.aggregate)
        session.execute(made.on_conflict_do_nothing())
    return offset


@dataclass(frozen=True, slots=True)
class Left:
    """What there is to do for a consumer and an aggregate. `promised`: a row of `drains_due` says that there may be."""

    promised: bool
    backs_off: bool
    replay_asked: bool
    events: Sequence[Outbox]


def what_is_left(session: Session, drain: Drain, after: int, limit: int) -> Left:
    """`backs_off`: the last try failed, and its waiting time is not over. Events come in order, so many at most."""
    rows = session.execute(_LEFT, {**_named(drain), "after": after, "limit": limit}).all()
    state = rows[0]
    events = [row.Outbox for row in rows if row.Outbox is not None]
    return Left(state.backs_off is not None, bool(state.backs_off), state.replay_asked, events)


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


def lock_promise(session: Session, drain: Drain, *, wait: bool = True) -> bool:
    """From here on no relay promises the same unseen. False if nothing is promised; without `wait`, or not free."""
    return session.scalar(_LOCKED_PROMISE if wait else _FREE_PROMISE, _named(drain)) is not None


def keep_promise(session: Session, drain: Drain) -> None:
    session.execute(_KEPT_PROMISE, _named(drain))


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


def dead_letters(session: Session) -> Sequence[tuple[DeadLetter, str | None]]:
    """Those that were not replayed, oldest first, each with the type of its event if that is still kept."""
    found = (
        select(DeadLetter, Outbox.event_type)
        .outerjoin(Outbox, Outbox.event_id == DeadLetter.event_id)
        .where(DeadLetter.replayed_at.is_(None))
        .order_by(DeadLetter.created_at, DeadLetter.id)
    )
    return [(letter, event_type) for letter, event_type in session.execute(found)]


def ask_replay(session: Session, ids: Sequence[UUID]) -> None:
    session.execute(
        update(DeadLetter)
        .where(DeadLetter.id.in_(ids), DeadLetter.replayed_at.is_(None))
        .values(replay_asked_at=NOW)
        .execution_options(synchronize_session=False)
    )


def asked_replay(session: Session, drain: Drain) -> tuple[DeadLetter, Outbox | None] | None:
    """The first dead letter of this drain that is to be replayed, and its event if that is still kept."""
    found = (
        select(DeadLetter, Outbox)
        .outerjoin(Outbox, Outbox.event_id == DeadLetter.event_id)
        .where(*_REPLAY_ASKED)
        .order_by(DeadLetter.aggregate_seq)
        .limit(1)
    )
    row = session.execute(found, _named(drain)).first()
    return (row[0], row[1]) if row else None


def replayed(session: Session, letter: DeadLetter, error: str | None) -> None:
    """It has had its effect, or it has failed once more and lies where it lay."""
    ended = {"replayed_at": NOW} if error is None else {"error": error, "attempts": DeadLetter.attempts + 1}
    session.execute(
        update(DeadLetter)
        .where(DeadLetter.id == letter.id)
        .values(replay_asked_at=None if error is not None else DeadLetter.replay_asked_at, **ended)
        .execution_options(synchronize_session=False)
    )


def _named(drain: Drain) -> dict[str, str]:
    return {"consumer": drain.consumer, "aggregate": drain.aggregate}


def forget_drains(session: Session, consumers: Collection[str], after: timedelta, limit: int) -> int:
    """Delete what is due for so long to a consumer that is none of these; how many that were.

    Nobody is going to see to it, and the events that wait for it would be kept for ever. Not at once: while versions of
    LUNA change, a worker need not know every consumer.
    """
    key = (DrainDue.consumer, DrainDue.aggregate)
    old = select(*key).where(DrainDue.due_at < NOW - after, DrainDue.consumer.not_in(consumers)).limit(limit)
    return _deleted(session, delete(DrainDue).where(tuple_(*key).in_(old.with_for_update(skip_locked=True))))


def forget_events(session: Session, after: timedelta, limit: int) -> int:
    """Delete published events of that age that every consumer has had; how many that were.

    Not those of an aggregate that somebody has yet to look at, nor what lies in `dead_letters` to be replayed.
    """
    due = exists().where(DrainDue.aggregate == Outbox.aggregate)
    parked = exists().where(DeadLetter.event_id == Outbox.event_id, DeadLetter.replayed_at.is_(None))
    old = select(Outbox.position).where(Outbox.published_at < NOW - after, ~due, ~parked)
    batch = old.order_by(Outbox.published_at).limit(limit).with_for_update(skip_locked=True)
    return _deleted(session, delete(Outbox).where(Outbox.position.in_(batch.scalar_subquery())))


def forget_positions(session: Session, after: timedelta, limit: int) -> int:
    """Delete how far consumers have come with aggregates to which nothing has happened for so long; how many that were.

    Only where no event is left: as long as there is one, its position is all that keeps it from coming a second time.
    Whatever happens to the aggregate later is then the only event that there is, and comes once. A drain that is at it
    meanwhile holds the row, or has touched it, and its time begins anew.
    """
    name = ConsumerOffset.aggregate
    left = exists().where(Outbox.aggregate == name)
    due = exists().where(DrainDue.aggregate == name)
    old = select(ConsumerOffset.consumer, name).where(ConsumerOffset.updated_at < NOW - after, ~left, ~due)
    batch = old.order_by(ConsumerOffset.updated_at).limit(limit).with_for_update(skip_locked=True)
    return _deleted(session, delete(ConsumerOffset).where(tuple_(ConsumerOffset.consumer, name).in_(batch)))


def forget_dead_letters(session: Session, consumers: Collection[str], after: timedelta, limit: int) -> int:
    """Delete those that were replayed so long ago; how many that were. The others are the operator's.

    Except what died so long ago of a consumer that is none of these: it cannot be replayed, and would keep its event.
    """
    orphaned = and_(DeadLetter.consumer.not_in(consumers), DeadLetter.created_at < NOW - after)
    old = select(DeadLetter.id).where(or_(DeadLetter.replayed_at < NOW - after, orphaned)).limit(limit)
    return _deleted(session, delete(DeadLetter).where(DeadLetter.id.in_(old.with_for_update(skip_locked=True))))


def know_jobs(session: Session, every: Mapping[str, timedelta]) -> None:
    """Have a row for each job; a new one is due at once."""
    rows = [{"name": name, "every_seconds": int(span.total_seconds())} for name, span in sorted(every.items())]
    made = insert(Job).values(rows)
    session.execute(
        made.on_conflict_do_update(
            index_elements=[Job.name],
            set_={"every_seconds": made.excluded.every_seconds},
            where=Job.every_seconds != made.excluded.every_seconds,
        )
    )


def claim_job(session: Session, names: Collection[str], lease: timedelta) -> Job | None:
    """The one of these jobs that is due for longest and that nobody is just claiming. It is due again after `lease`."""
    due = (
        select(Job.name)
        .where(Job.name.in_(names), Job.next_run_at <= NOW)
        .order_by(Job.next_run_at, Job.name)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    claimed = update(Job).where(Job.name.in_(due.scalar_subquery()))
    query = claimed.values(last_started_at=NOW, next_run_at=NOW + lease).returning(Job)
    return session.scalar(query.execution_options(populate_existing=True, synchronize_session=False))


def job_ended(session: Session, job: Job, handled: int, error: str | None, again: timedelta | None) -> None:
    """What a run came to. Due next at its pace since the claim, or earlier: `again` from now.

    Nothing if another worker has claimed it meanwhile.
    """
    pace = func.make_interval(0, 0, 0, 0, 0, 0, Job.every_seconds)
    following = Job.last_started_at + pace
    session.execute(
        update(Job)
        .where(Job.name == job.name, Job.last_started_at == job.last_started_at)
        .values(
            last_finished_at=NOW,
            last_handled=handled,
            last_error=error,
            failures=Job.failures + 1 if error else 0,
            next_run_at=following if again is None else func.least(NOW + again, NOW + pace),
        )
        .execution_options(synchronize_session=False)
    )


def jobs(session: Session) -> Sequence[Job]:
    """By name."""
    return session.scalars(select(Job).order_by(Job.name)).all()


def forget_idempotency_keys(session: Session, now: datetime, limit: int) -> int:
    """Delete those whose time is over; how many that were."""
    keys = (IdempotencyKey.user_id, IdempotencyKey.key, IdempotencyKey.path)
    over = select(*keys).where(IdempotencyKey.expires_at < now).limit(limit).with_for_update(skip_locked=True)
    return _deleted(session, delete(IdempotencyKey).where(tuple_(*keys).in_(over)))


def _deleted(session: Session, statement: Delete) -> int:
    gone = session.execute(statement.execution_options(synchronize_session=False))
    return int(gone.rowcount)  # type: ignore[attr-defined]  # of a DELETE it is a CursorResult
