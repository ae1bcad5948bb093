"""What is forgotten, and when: nothing whose effect is still to come, or would come a second time."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from luna_web.auth import mailing
from luna_web.auth import repository as accounts
from luna_web.delivery.retention import delete_ended_holds, delete_finished_tasks, delete_history
from luna_web.notification import repository as notifications
from luna_web.shared.clock import Clock, SystemClock
from luna_web.shared.config import Settings
from luna_web.worker import repository
from luna_web.worker.consumers import NAMES
from luna_web.worker.periodic import PeriodicJob, Step

BATCH = 500
EVERY = timedelta(hours=1)
Delete = Callable[[Session, datetime, int], int]


def retention(settings: Settings, clock: Clock | None = None) -> PeriodicJob:
    """What waits for, or died of, no consumer that there is; events that all have had; then positions without events.

    And whatever else is old enough.
    """
    clock = clock or SystemClock()
    events = timedelta(days=settings.outbox_retention_days)
    links = timedelta(days=settings.mailed_link_retention_days)
    letters = timedelta(days=settings.letter_retention_days)

    def forget_drains(session: Session) -> int:
        return repository.forget_drains(session, NAMES, events, BATCH)

    def forget_events(session: Session) -> int:
        return repository.forget_events(session, events, BATCH)

    def forget_positions(session: Session) -> int:
        return repository.forget_positions(session, events, BATCH)

    def forget_dead_letters(session: Session) -> int:
        return repository.forget_dead_letters(session, NAMES, events, BATCH)

    def forget_links(session: Session) -> int:
        return mailing.forget_links(session, links, BATCH)

    def forget_letters(session: Session) -> int:
        return notifications.forget_letters(session, letters, BATCH)

    def forget_keys(session: Session) -> int:
        return repository.forget_idempotency_keys(session, clock.now(), BATCH)

    def older(name: str, days: int, delete: Delete) -> Step:
        return Step(name, lambda session: delete(session, clock.now() - timedelta(days=days), BATCH))

    steps = (
        Step("drains", forget_drains),
        Step("dead_letters", forget_dead_letters),
        Step("events", forget_events),
        Step("positions", forget_positions),
        Step("links", forget_links),
        Step("idempotency_keys", forget_keys),
        older("sessions", settings.session_retention_days, accounts.delete_ended_sessions),
        older("notifications", settings.notification_retention_days, notifications.forget_notifications),
        Step("letters", forget_letters),
        older("holds", settings.reader_retention_days, delete_ended_holds),
        older("history", settings.history_retention_days, delete_history),
        older("tasks", settings.task_retention_days, delete_finished_tasks),
    )
    return PeriodicJob("retention", EVERY, steps)
