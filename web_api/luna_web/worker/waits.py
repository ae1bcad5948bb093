"""Robots that wait for somebody to take an item off: who is told, and when a person must settle it."""

from datetime import timedelta

from sqlalchemy.orm import Session

from luna_web.delivery.policies import policies_of
from luna_web.delivery.service.waiting import look_after_waits
from luna_web.shared.clock import Clock
from luna_web.shared.config import Settings
from luna_web.worker.periodic import PeriodicJob, Step

EVERY = timedelta(seconds=10)
"""As fine as the shortest time-out that can be set."""


def waits(settings: Settings, clock: Clock) -> PeriodicJob:
    """Looks at every wait, by the time-outs that administrators set."""
    policies = policies_of(settings)

    def look(session: Session) -> int:
        return look_after_waits(session, clock.now(), policies(session))

    return PeriodicJob("waits", EVERY, (Step("waits", look, looks=True),))
