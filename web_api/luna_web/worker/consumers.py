"""All consumers of events, by name."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from luna_web.auth import mailing
from luna_web.book.imports.events import QUEUED as IMPORT_QUEUED
from luna_web.notification import consumer as in_app
from luna_web.notification import letters
from luna_web.notification.domain import Channel
from luna_web.shared.clock import SystemClock
from luna_web.shared.config import Settings
from luna_web.shared.database import after_commit
from luna_web.shared.library_settings import LibraryRules
from luna_web.shared.mail import make_mailer
from luna_web.shared.models import Outbox
from luna_web.worker.directory import Accounts
from luna_web.worker.domain import Consumer

IMPORTS = "catalog.imports"
NAMES = frozenset({in_app.NAME, letters.EMAIL_CONSUMER, letters.PUSH_CONSUMER, mailing.NAME, IMPORTS})


def all_consumers(
    settings: Settings,
    wake_imports: Callable[[], None] = lambda: None,
    wake_sender: Callable[[Channel], None] = lambda _: None,
) -> dict[str, Consumer]:
    """`wake_imports` has this worker look for imports that wait, `wake_sender` for letters of a channel."""
    directory, clock, zone = Accounts(), SystemClock(), LibraryRules(settings).zone
    notifier = in_app.InAppNotifier(directory, zone)
    emails = letters.LetterWriter(Channel.EMAIL, directory, zone, clock, lambda: wake_sender(Channel.EMAIL))
    pushes = letters.LetterWriter(Channel.PUSH, directory, zone, clock, lambda: wake_sender(Channel.PUSH))
    account_mails = mailing.AccountMails(settings, make_mailer(settings), clock)

    def nudge(session: Session, _: Outbox) -> None:
        after_commit(session, wake_imports)

    consumers = (
        Consumer(in_app.NAME, in_app.FAMILIES, notifier.handle),
        Consumer(letters.EMAIL_CONSUMER, letters.FAMILIES, emails.handle),
        Consumer(letters.PUSH_CONSUMER, letters.FAMILIES, pushes.handle),
        Consumer(mailing.NAME, mailing.FAMILIES, account_mails.handle),
        Consumer(IMPORTS, (IMPORT_QUEUED,), nudge),
    )
    return {consumer.name: consumer for consumer in consumers}
