"""All consumers of events, by name."""

from collections.abc import Mapping

from luna_web.auth import mailing
from luna_web.notification import consumer as in_app
from luna_web.shared.clock import SystemClock
from luna_web.shared.config import Settings
from luna_web.shared.mail import make_mailer
from luna_web.worker.directory import staff_ids
from luna_web.worker.domain import Consumer


def all_consumers(settings: Settings) -> Mapping[str, Consumer]:
    notifier = in_app.InAppNotifier(staff_ids)
    account_mails = mailing.AccountMails(settings, make_mailer(settings), SystemClock())
    consumers = (
        Consumer(in_app.NAME, in_app.FAMILIES, notifier.handle),
        Consumer(mailing.NAME, mailing.FAMILIES, account_mails.handle),
    )
    return {consumer.name: consumer for consumer in consumers}
