"""What is forgotten, and when: nothing whose effect is still to come, or would come a second time."""

from datetime import timedelta

from sqlalchemy.orm import Session

from luna_web.auth import mailing
from luna_web.auth.events import MAIL_AGGREGATES
from luna_web.shared.config import Settings
from luna_web.worker import repository
from luna_web.worker.periodic import PeriodicJob, Step

BATCH = 500
EVERY = timedelta(hours=1)


def retention(settings: Settings) -> PeriodicJob:
    """Events that all have had; then the positions of mails whose events are gone; mailed links that are over."""
    events = timedelta(days=settings.outbox_retention_days)
    links = timedelta(days=settings.mailed_link_retention_days)

    def forget_events(session: Session) -> int:
        return repository.forget_events(session, events, BATCH)

    def forget_positions(session: Session) -> int:
        return repository.forget_positions(session, MAIL_AGGREGATES, events, BATCH)

    def forget_links(session: Session) -> int:
        return mailing.forget_links(session, links, BATCH)

    steps = (Step("events", forget_events), Step("positions", forget_positions), Step("links", forget_links))
    return PeriodicJob("retention", EVERY, steps)
