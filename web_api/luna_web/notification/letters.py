"""What is to be sent of an event by email and push, as rows: made once with the event, sent by `sending`.

A letter is one message to one address: to a person's mailbox, or to one of their browsers. Its id follows from event,
person, channel and browser, so that a letter made or sent twice is the same to whoever gets it.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy.orm import Session

from luna_web.notification import repository
from luna_web.notification.addressing import Addressed, Addressing, Zone
from luna_web.notification.domain import Channel, NotificationType
from luna_web.notification.people import Directory
from luna_web.notification.tellings import told_types
from luna_web.shared.clock import Clock
from luna_web.shared.database import after_commit
from luna_web.shared.models import Outbox

EMAIL_CONSUMER = "notification.email"
PUSH_CONSUMER = "notification.push"
FAMILIES = tuple(sorted(told_types()))
LASTS: Mapping[NotificationType, timedelta] = {
    NotificationType.DELIVERY_UPDATE: timedelta(minutes=15),
    NotificationType.ROBOT_ALERT: timedelta(hours=1),
    NotificationType.REQUEST_STATUS: timedelta(days=1),
    NotificationType.RETURN_STATUS: timedelta(days=1),
    NotificationType.SYSTEM_ALERT: timedelta(days=1),
    NotificationType.LOAN_DUE: timedelta(days=1),
}
"""For how long after its event a letter is worth sending: a robot that waits does so for minutes."""
_NAMESPACE = UUID("6f1e8f5e-2c55-4f0e-9d0a-3f7b6c1d2a90")
_TOPIC_BYTES = 24


def letter_id(event_id: UUID, user_id: UUID, channel: Channel, subscription_id: UUID | None = None) -> UUID:
    """The same for the same letter, whoever makes it."""
    return uuid5(_NAMESPACE, f"{event_id}/{user_id}/{channel}/{subscription_id or ''}")


def topic_of(aggregate: str, type_: NotificationType) -> str:
    """What a newer push message of the same thing replaces (RFC 8030, section 5.4): 32 characters, telling nothing."""
    digest = hashlib.sha256(f"{aggregate}/{type_}".encode()).digest()[:_TOPIC_BYTES]
    return base64.urlsafe_b64encode(digest).decode()


class LetterWriter:
    """The consumer of one channel. `wake` has what was written sent at once; whatever it misses is found anyway."""

    def __init__(
        self, channel: Channel, directory: Directory, zone: Zone, clock: Clock, wake: Callable[[], None]
    ) -> None:
        self._channel = channel
        self._addressing = Addressing(directory, zone)
        self._clock = clock
        self._wake = wake

    def handle(self, session: Session, event: Outbox) -> None:
        now = self._clock.now()
        everybody = self._addressing.of(session, event, self._channel)
        in_time = [one for one in everybody if now < event.created_at + LASTS[one.told.type]]
        rows = self._letters(session, event, in_time)
        if repository.add_letters(session, rows):
            after_commit(session, self._wake)

    def _letters(self, session: Session, event: Outbox, told: Sequence[Addressed]) -> Sequence[dict[str, Any]]:
        if self._channel is Channel.EMAIL:
            return [_letter(event, one, self._channel) for one in told if one.person.email]
        browsers = repository.browsers_of(session, [one.person.id for one in told])
        return [
            _letter(event, one, self._channel, browser_id)
            for one in told
            for browser_id in browsers.get(one.person.id, ())
        ]


def _letter(
    event: Outbox, one: Addressed, channel: Channel, subscription_id: UUID | None = None
) -> dict[str, Any]:
    return {
        "id": letter_id(event.event_id, one.person.id, channel, subscription_id),
        "event_id": event.event_id,
        "user_id": one.person.id,
        "channel": channel.value,
        "subscription_id": subscription_id,
        "notification_type": one.told.type.value,
        "title": one.told.title,
        "message": one.told.message,
        "topic": topic_of(event.aggregate, one.told.type),
        "expires_at": event.created_at + LASTS[one.told.type],
        "trace_id": event.trace_id,
    }
