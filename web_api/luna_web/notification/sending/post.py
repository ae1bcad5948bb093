"""What a worker runs to send letters: a sender for each channel."""

from luna_web.notification.domain import Channel
from luna_web.notification.people import Directory
from luna_web.notification.sending.email import EmailCarrier
from luna_web.notification.sending.push import PushCarrier
from luna_web.notification.sending.sender import Sender
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory
from luna_web.shared.mail import Mailer


class Post:
    def __init__(self, factory: SessionFactory, settings: Settings, mailer: Mailer, directory: Directory) -> None:
        self._email = Sender(factory, directory, EmailCarrier(settings, mailer))
        self._push = Sender(factory, directory, PushCarrier(settings, directory))

    def start(self) -> None:
        self._email.start()
        self._push.start()

    def wake(self, channel: Channel) -> None:
        """There is something to send."""
        (self._email if channel is Channel.EMAIL else self._push).wake()

    def stop(self) -> None:
        self._email.stop()
        self._push.stop()
