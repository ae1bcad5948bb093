"""Every query about notifications, preferences, subscriptions and letters. Times of letters are the database's."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, Delete, Select, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from luna_web.notification.domain import Channel, NotificationType
from luna_web.notification.models import (
    Notification,
    NotificationDelivery,
    NotificationPreference,
    PushSubscription,
)
from luna_web.notification.preferences import Ways

NOW = func.clock_timestamp()


def of_user(user_id: UUID, is_read: bool | None, notification_type: str | None) -> Select[Notification]:
    found = select(Notification).where(Notification.user_id == user_id, Notification.deleted_at.is_(None))
    if is_read is not None:
        found = found.where(Notification.is_read.is_(is_read))
    if notification_type is not None:
        found = found.where(Notification.notification_type == notification_type)
    return found


def unread(session: Session, user_id: UUID) -> int:
    return session.scalar(select(func.count()).select_from(of_user(user_id, False, None).subquery())) or 0


def get(
    session: Session, user_id: UUID, notification_id: UUID, *, to_change: bool = False
) -> Notification | None:
    """Locked if it is about to be changed."""
    found = of_user(user_id, None, None).where(Notification.id == notification_id)
    return session.scalar(found.with_for_update() if to_change else found)


def mark_all_read(session: Session, user_id: UUID, now: datetime) -> int:
    marked = session.execute(
        update(Notification)
        .where(Notification.user_id == user_id, Notification.is_read.is_(False), Notification.deleted_at.is_(None))
        .values(is_read=True, read_at=now)
        .execution_options(synchronize_session=False)
    )
    return marked.rowcount if isinstance(marked, CursorResult) else 0


def add_notifications(session: Session, rows: Sequence[Mapping[str, Any]]) -> Sequence[Notification]:
    """Those that were new. Of an event that a person was told of there is nothing new for them."""
    if not rows:
        return []
    made = insert(Notification).values(list(rows)).on_conflict_do_nothing(constraint="notifications_once")
    return session.scalars(made.returning(Notification)).all()


def chosen(session: Session, user_ids: Collection[UUID], type_: NotificationType) -> Mapping[UUID, Ways]:
    """What these persons chose for a type; who chose nothing is not in it."""
    found = select(NotificationPreference).where(
        NotificationPreference.user_id.in_(user_ids), NotificationPreference.notification_type == type_
    )
    return {row.user_id: _ways(row) for row in session.scalars(found)}


def choices(session: Session, user_id: UUID) -> Mapping[NotificationType, Ways]:
    """All that one person chose."""
    found = select(NotificationPreference).where(NotificationPreference.user_id == user_id)
    rows = session.scalars(found.execution_options(populate_existing=True))
    return {NotificationType(row.notification_type): _ways(row) for row in rows}


def choose(session: Session, user_id: UUID, ways: Mapping[NotificationType, Ways]) -> None:
    rows = [
        {"user_id": user_id, "notification_type": type_, "in_app": one.in_app, "email": one.email, "push": one.push}
        for type_, one in sorted(ways.items())
    ]
    made = insert(NotificationPreference).values(rows)
    changed = {name: made.excluded[name] for name in ("in_app", "email", "push")}
    session.execute(made.on_conflict_do_update(index_elements=["user_id", "notification_type"], set_=changed))


def lock_choices(session: Session, user_id: UUID) -> None:
    """One change of a person's choices at a time, since each fills in what it does not name."""
    _lock(session, f"preferences:{user_id}")


def lock_subscriptions(session: Session, user_id: UUID) -> None:
    """One change of a person's subscriptions at a time, so that their number stays bounded."""
    _lock(session, f"push:{user_id}")


def _lock(session: Session, name: str) -> None:
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def subscriptions_of(session: Session, user_id: UUID) -> Sequence[PushSubscription]:
    """Newest first."""
    found = select(PushSubscription).where(PushSubscription.user_id == user_id)
    return session.scalars(found.order_by(PushSubscription.created_at.desc(), PushSubscription.id.desc())).all()


def browsers_of(session: Session, user_ids: Collection[UUID]) -> Mapping[UUID, Sequence[UUID]]:
    """The ids of these people's subscriptions, by person; whoever has none is not in it."""
    if not user_ids:
        return {}
    found = select(PushSubscription.user_id, PushSubscription.id).where(PushSubscription.user_id.in_(user_ids))
    browsers: dict[UUID, list[UUID]] = {}
    for user_id, subscription_id in session.execute(found.order_by(PushSubscription.created_at, PushSubscription.id)):
        browsers.setdefault(user_id, []).append(subscription_id)
    return browsers


def subscription(session: Session, subscription_id: UUID) -> PushSubscription | None:
    return session.scalar(select(PushSubscription).where(PushSubscription.id == subscription_id))


def subscription_at(session: Session, endpoint_hash: bytes) -> PushSubscription | None:
    """Locked, whoever it belongs to."""
    return session.scalar(
        select(PushSubscription).where(PushSubscription.endpoint_hash == endpoint_hash).with_for_update()
    )


def add_subscription(session: Session, row: Mapping[str, Any]) -> PushSubscription | None:
    """The new row; None if its endpoint is there already."""
    made = insert(PushSubscription).values(row).on_conflict_do_nothing(index_elements=["endpoint_hash"])
    return session.scalar(made.returning(PushSubscription))


def delete_subscriptions(session: Session, user_id: UUID, endpoint_hash: bytes | None = None) -> int:
    """A person's subscription at an endpoint, or all of theirs; how many that were."""
    gone = delete(PushSubscription).where(PushSubscription.user_id == user_id)
    if endpoint_hash is not None:
        gone = gone.where(PushSubscription.endpoint_hash == endpoint_hash)
    return _deleted(session, gone)


def drop_subscription(session: Session, subscription_id: UUID) -> None:
    """Whoever's it is: its browser is gone."""
    _deleted(session, delete(PushSubscription).where(PushSubscription.id == subscription_id))


def reached(session: Session, subscription_id: UUID) -> None:
    session.execute(
        update(PushSubscription)
        .where(PushSubscription.id == subscription_id)
        .values(last_success_at=NOW)
        .execution_options(synchronize_session=False)
    )


def add_letters(session: Session, rows: Sequence[Mapping[str, Any]]) -> int:
    """How many were new."""
    if not rows:
        return 0
    made = insert(NotificationDelivery).values(list(rows)).on_conflict_do_nothing()
    return len(session.scalars(made.returning(NotificationDelivery.id)).all())


def claim_letter(session: Session, channel: Channel, lease: timedelta) -> NotificationDelivery | None:
    """The letter whose turn it is; nobody else gets it before the lease is over."""
    due = (
        select(NotificationDelivery.id)
        .where(
            NotificationDelivery.channel == channel,
            NotificationDelivery.state == "WAITING",
            NotificationDelivery.due_at <= NOW,
        )
        .order_by(NotificationDelivery.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    claimed = (
        update(NotificationDelivery)
        .where(NotificationDelivery.id == due.scalar_subquery())
        .values(attempts=NotificationDelivery.attempts + 1, due_at=NOW + lease)
        .returning(NotificationDelivery)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return session.scalar(claimed)


def end_letter(session: Session, letter_id: UUID, state: str, reason: str | None) -> None:
    """What it said is of no use any more and is not kept."""
    session.execute(
        update(NotificationDelivery)
        .where(NotificationDelivery.id == letter_id, NotificationDelivery.state == "WAITING")
        .values(state=state, reason=reason, ended_at=NOW, title="", message="")
        .execution_options(synchronize_session=False)
    )


def put_off(session: Session, letter_id: UUID, wait: timedelta, reason: str, *, tried: bool) -> None:
    """Its turn is after that wait. What was not `tried` is no attempt, though it was claimed for one."""
    attempts = NotificationDelivery.attempts - (0 if tried else 1)
    session.execute(
        update(NotificationDelivery)
        .where(NotificationDelivery.id == letter_id, NotificationDelivery.state == "WAITING")
        .values(due_at=NOW + wait, reason=reason, attempts=func.greatest(attempts, 0))
        .execution_options(synchronize_session=False)
    )


def now(session: Session) -> datetime:
    moment: datetime = session.scalars(select(NOW)).one()
    return moment


def forget_notifications(session: Session, before: datetime, limit: int) -> int:
    """Delete notifications older than that, at most so many; how many that were."""
    old = select(Notification.id).where(Notification.created_at < before).limit(limit).with_for_update(skip_locked=True)
    return _deleted(session, delete(Notification).where(Notification.id.in_(old.scalar_subquery())))


def forget_letters(session: Session, after: timedelta, limit: int) -> int:
    """Delete letters that ended so long ago, at most so many; how many that were."""
    old = select(NotificationDelivery.id).where(NotificationDelivery.ended_at < NOW - after).limit(limit)
    batch = old.with_for_update(skip_locked=True).scalar_subquery()
    return _deleted(session, delete(NotificationDelivery).where(NotificationDelivery.id.in_(batch)))


def _ways(row: NotificationPreference) -> Ways:
    return Ways(in_app=row.in_app, email=row.email, push=row.push)


def _deleted(session: Session, statement: Delete) -> int:
    gone = session.execute(statement.execution_options(synchronize_session=False))
    return gone.rowcount if isinstance(gone, CursorResult) else 0
