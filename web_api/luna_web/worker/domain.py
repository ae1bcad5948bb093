"""Who consumes what, and how often and when something is tried again."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from luna_web.shared.models import Outbox

MOST_ATTEMPTS = 8
FIRST_RETRY = timedelta(seconds=1)
LONGEST_RETRY = timedelta(minutes=2)
FIRST_RESEND = timedelta(seconds=1)
"""How long a nudge is given before it counts as lost; twice as long each time, up to LONGEST_RESEND."""
LONGEST_RESEND = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Consumer:
    """`handle` gives an event its effect, in a transaction it is given; `families` are beginnings of event types."""

    name: str
    families: tuple[str, ...]
    handle: Callable[[Session, Outbox], None]

    def wants(self, event_type: str) -> bool:
        return event_type.startswith(self.families)


@dataclass(frozen=True, slots=True)
class Drain:
    """One consumer's look at one aggregate."""

    consumer: str
    aggregate: str


def drains_for(consumers: Sequence[Consumer], events: Iterable[Outbox]) -> list[Drain]:
    """Each drain once, in a fixed order, so that two relays cannot block each other."""
    wanted = {
        Drain(consumer.name, event.aggregate)
        for event in events
        for consumer in consumers
        if consumer.wants(event.event_type)
    }
    return sorted(wanted, key=lambda drain: (drain.consumer, drain.aggregate))


def retry_after(attempts: int, luck: float) -> timedelta:
    """How long to wait after so many failed attempts; `luck` in 0…1 spreads those who failed together."""
    longest = min(FIRST_RETRY * 2.0 ** (attempts - 1), LONGEST_RETRY)
    return longest * (0.5 + luck / 2)
