"""Letters by email."""

import time
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy.orm import Session

from luna_web.notification.domain import Channel, NotificationType
from luna_web.notification.models import NotificationDelivery
from luna_web.notification.people import Person
from luna_web.notification.sending.outcomes import Gone, Later, NotWanted, Outcome, Refused, Sent
from luna_web.notification.sending.words import words_of
from luna_web.shared.config import Settings
from luna_web.shared.mail import Mail, Mailer, MailNotSent, MailRefused

SERVER_RESTS_SECONDS = 5.0
"""After a failure no letter tries the server for so long: each would wait for its time-out."""


class EmailCarrier:
    """`mailer` is the SMTP server or the folder. Only addresses whose owners have shown that they are theirs."""

    channel = Channel.EMAIL

    def __init__(self, settings: Settings, mailer: Mailer, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._address = settings.public_url
        self._mailer = mailer
        self._monotonic = monotonic
        self._rests_until = 0.0

    @property
    def rests(self) -> bool:
        return self._monotonic() < self._rests_until

    def prepare(self, session: Session, letter: NotificationDelivery, person: Person, ttl: timedelta) -> Mail:
        if person.email is None:
            raise NotWanted("the address is not verified")
        words = words_of(NotificationType(letter.notification_type), letter.title, letter.message, self._address)
        return Mail(letter.id, person.email, words.subject, words.text, words.html)

    def carry(self, envelope: Mail) -> Outcome:
        try:
            self._mailer.send(envelope)
        except MailRefused as error:
            return Refused(str(error))
        except MailNotSent as error:
            self._rests_until = self._monotonic() + SERVER_RESTS_SECONDS
            return Later(str(error))
        return Sent()

    def arrived(self, session: Session, letter: NotificationDelivery, outcome: Sent | Gone) -> None:
        """A mailbox stays what it is."""
