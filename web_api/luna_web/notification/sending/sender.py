"""Takes letters whose turn it is and has them carried. Any number of workers may do so at once.

A letter is claimed for a while, sent outside of any transaction, and ended. Who dies in between leaves it to the next,
who sends it again: the same letter under the same id. Whether somebody wants it is looked at when it is claimed, so
what was switched off, and whoever's account was closed, holds for letters that wait, too.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, Protocol, TypeVar

from sqlalchemy.orm import Session

from luna_web.notification import repository
from luna_web.notification.domain import Channel, NotificationType
from luna_web.notification.models import NotificationDelivery
from luna_web.notification.people import Directory, Person
from luna_web.notification.preferences import effective
from luna_web.notification.sending.outcomes import (
    LONGEST_REASON,
    Gone,
    Later,
    NotWanted,
    Outcome,
    Refused,
    Sent,
    pause,
)
from luna_web.shared.background import Background
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.loggers import structlog
from luna_web.shared.tracing import bind_trace_id

log = structlog.get_logger(__name__)
LEASE = timedelta(seconds=30)
"""Longer than any carrier takes."""
LOOK_EVERY_SECONDS = 2.0
Envelope = TypeVar("Envelope")


class Carrier(Protocol[Envelope]):
    """One way to people. `LEASE` bounds how long `carry` may take."""

    channel: Channel

    @property
    def rests(self) -> bool:
        """Whether no letter at all can go out now: then none is claimed, so that none ages for it."""
        ...

    def prepare(self, session: Session, letter: NotificationDelivery, person: Person, ttl: timedelta) -> Envelope:
        """All that is needed to send it. Raises NotWanted."""
        ...

    def carry(self, envelope: Envelope) -> Outcome:
        """Without the database. Raises nothing that could be foreseen."""
        ...

    def arrived(self, session: Session, letter: NotificationDelivery, outcome: Sent | Gone) -> None:
        """What follows for its address."""
        ...


@dataclass(frozen=True, slots=True)
class _Taken(Generic[Envelope]):
    letter: NotificationDelivery
    envelope: Envelope | None


class Sender(Background, Generic[Envelope]):
    """A part of the worker. What is being sent as it is stopped may be sent again by another."""

    def __init__(
        self,
        factory: SessionFactory,
        directory: Directory,
        carrier: Carrier[Envelope],
        luck: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(f"sender-{carrier.channel.lower()}", LOOK_EVERY_SECONDS)
        self._factory = factory
        self._directory = directory
        self._carrier = carrier
        self._luck = luck

    def work(self) -> bool:
        self.send_due()
        return False

    def send_due(self) -> int:
        """Every letter whose turn it is; how many that were. Raises what the database raises when it is away."""
        count = 0
        while not self.stopping.is_set() and not self._carrier.rests and self._send_next():
            count += 1
        return count

    def _send_next(self) -> bool:
        with transaction(self._factory) as session:
            letter = repository.claim_letter(session, self._carrier.channel, LEASE)
            if letter is None:
                return False
            bind_trace_id(letter.trace_id)
            envelope = self._envelope(session, letter)
        if envelope is not None:
            outcome = self._carried(letter, envelope)
            with transaction(self._factory) as session:
                self._settle(session, letter, outcome)
        return True

    def _envelope(self, session: Session, letter: NotificationDelivery) -> Envelope | None:
        """None if it is not to be sent any more, which is then noted."""
        left = letter.expires_at - repository.now(session)
        if left <= timedelta():
            self._end(session, letter, "FAILED", f"too late: {letter.reason or 'it was not its turn in time'}")
            return None
        try:
            return self._carrier.prepare(session, letter, self._addressee(session, letter), left)
        except NotWanted as why:
            self._end(session, letter, "DROPPED", str(why))
            return None

    def _addressee(self, session: Session, letter: NotificationDelivery) -> Person:
        person = next(iter(self._directory.people(session, [letter.user_id])), None)
        if person is None:
            raise NotWanted("the account is not active")
        type_ = NotificationType(letter.notification_type)
        chosen = repository.chosen(session, [person.id], type_).get(person.id)
        if not effective(person.role, type_, chosen).has(self._carrier.channel):
            raise NotWanted("it was switched off")
        return person

    def _carried(self, letter: NotificationDelivery, envelope: Envelope) -> Outcome:
        try:
            return self._carrier.carry(envelope)
        except Exception as error:
            # A fault of ours must neither end this thread nor lose a letter.
            log.exception("letter_stumbled", letter=str(letter.id))
            return Later(f"{type(error).__name__} while it was sent")

    def _settle(self, session: Session, letter: NotificationDelivery, outcome: Outcome) -> None:
        match outcome:
            case Sent():
                repository.end_letter(session, letter.id, "SENT", None)
                self._carrier.arrived(session, letter, outcome)
                log.info("letter_sent", **_told(letter))
            case Later(reason, wait, tried):
                wait = max(wait, pause(letter.attempts if tried else 1, self._luck()))
                repository.put_off(session, letter.id, wait, reason[:LONGEST_REASON], tried=tried)
                log.warning("letter_delayed", why=reason, seconds=round(wait.total_seconds()), **_told(letter))
            case Refused(reason):
                self._end(session, letter, "FAILED", reason)
            case Gone(reason):
                self._end(session, letter, "DROPPED", reason)
                self._carrier.arrived(session, letter, outcome)

    def _end(self, session: Session, letter: NotificationDelivery, state: str, reason: str) -> None:
        repository.end_letter(session, letter.id, state, reason[:LONGEST_REASON])
        (log.warning if state == "FAILED" else log.info)("letter_not_sent", state=state, why=reason, **_told(letter))


def _told(letter: NotificationDelivery) -> dict[str, str]:
    return {"letter": str(letter.id), "channel": letter.channel, "type": letter.notification_type}
