"""The worker's part in accounts: turns events into mails, and derives the tokens in their links.

A mail that is sent twice, since its sender died between sending and committing, is the same mail with the same token.
"""

import random
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from luna_web.auth import mails, repository
from luna_web.auth.domain import UNSETTLED, MailedSecret, registration_of
from luna_web.auth.events import MAIL_EVENTS, MailKind, MailWanted
from luna_web.auth.mail_times import BURST_IN, next_try, room_in
from luna_web.auth.models import EmailVerification, PasswordReset, User
from luna_web.shared.clock import Clock
from luna_web.shared.config import Settings
from luna_web.shared.loggers import structlog
from luna_web.shared.mail import Mail, Mailer, MailNotSent, MailRefused
from luna_web.shared.models import Outbox
from luna_web.shared.outbox import TryLater

log = structlog.get_logger(__name__)
NAME = "account-mails"
FAMILIES = (MAIL_EVENTS,)
MOST_AT_ONCE = 2
"""A slow mail server must not hold up what else the worker does."""
SERVER_RESTS = timedelta(seconds=5)
"""After a failure no mail tries the server for so long: each would hold a place of the worker until its time-out."""
NEWS_LASTS = timedelta(days=1)
"""How long it is worth telling that a password was changed."""
RESET_PATH = "/reset-password"
VERIFY_PATH = "/verify-email"


class AccountMails:
    """A consumer of `auth.mail.*`.

    While mails cannot leave it raises TryLater, until a mail is worth nothing any more: that is no failure of the mail.
    A server that will not have a mail is: MailRefused.
    """

    def __init__(
        self, settings: Settings, mailer: Mailer, clock: Clock, luck: Callable[[], float] = random.random
    ) -> None:
        self._settings = settings
        self._mailer = mailer
        self._clock = clock
        self._luck = luck
        self._rests_until: datetime | None = None
        self._slots = threading.BoundedSemaphore(MOST_AT_ONCE)
        keys = settings.key_ring()
        self._reset_key = keys.seals(b"luna password resets")[0]
        self._verification_key = keys.seals(b"luna email verifications")[0]

    def handle(self, session: Session, event: Outbox) -> None:
        wanted = MailWanted.model_validate(event.payload)
        now, ends = self._clock.now(), event.created_at + self._worth_sending(_kind(event))
        if now < ends and self._server_rests(now):
            raise TryLater(next_try(event.created_at, ends, now, self._luck()))
        user = self._who(session, wanted)
        if user is None or not user.is_active:
            return
        if now >= ends:
            log.warning("mail_expired", mail=str(event.event_id), type=event.event_type, ended=ends.isoformat())
            return
        if mail := self._mail(session, event, wanted, user):
            self._send(mail, event.created_at, ends)

    def _worth_sending(self, kind: MailKind) -> timedelta:
        """For how long after it was asked for: as long as the link in it would last."""
        if kind is MailKind.PASSWORD_CHANGED:
            return NEWS_LASTS
        if kind in (MailKind.REGISTERED, MailKind.VERIFICATION):
            return timedelta(seconds=self._settings.verification_token_seconds)
        return timedelta(seconds=self._settings.reset_token_seconds)

    def _server_rests(self, now: datetime) -> bool:
        # A clock that was set back does not make it rest for long.
        return self._rests_until is not None and now < self._rests_until <= now + SERVER_RESTS

    def _send(self, mail: Mail, asked: datetime, ends: datetime) -> None:
        if not self._slots.acquire(blocking=False):
            raise self._busy()
        try:
            self._mailer.send(mail)
        except MailRefused:
            raise
        except MailNotSent as error:
            self._rests_until = self._clock.now() + SERVER_RESTS
            pause = next_try(asked, ends, self._clock.now(), self._luck())
            told = {"seconds": round(pause.total_seconds()), "until": ends.isoformat()}
            log.warning("mail_delayed", mail=str(mail.id), why=str(error), **told)
            raise TryLater(pause) from error
        finally:
            self._slots.release()

    def _busy(self) -> TryLater:
        """In some seconds: however many wait, they do not all come back at once."""
        return TryLater(timedelta(seconds=1 + 4 * self._luck()))

    def _who(self, session: Session, wanted: MailWanted) -> User | None:
        if wanted.user_id:
            return repository.get_user(session, wanted.user_id)
        return repository.get_user_by_email(session, wanted.email) if wanted.email else None

    def _mail(self, session: Session, event: Outbox, wanted: MailWanted, user: User) -> Mail | None:
        kind = _kind(event)
        if kind is MailKind.PASSWORD_CHANGED:
            return self._plain(event, user, mails.PASSWORD_CHANGED)
        if kind is MailKind.REGISTERED and not user.awaits_verification:
            return self._reset(session, event, wanted, user, mails.ALREADY_REGISTERED)
        if kind in (MailKind.REGISTERED, MailKind.VERIFICATION) and user.password_hash == UNSETTLED:
            return self._reset(session, event, wanted, user, mails.REGISTERED_AGAIN)
        if kind in (MailKind.REGISTERED, MailKind.VERIFICATION):
            # Also where nobody had to verify it to enter: to an address that nobody has shown to be theirs no news go.
            return self._verification(session, event, wanted, user) if user.email_verified_at is None else None
        words = mails.INVITATION if kind is MailKind.INVITATION else mails.RESET
        return self._reset(session, event, wanted, user, words)

    def _reset(
        self, session: Session, event: Outbox, wanted: MailWanted, user: User, words: mails.Words
    ) -> Mail | None:
        seconds = self._settings.reset_token_seconds
        by_owner = wanted.device_of == user.id or words is mails.INVITATION
        secret = MailedSecret.derive(self._reset_key, event.event_id, user.id)
        row = PasswordReset(id=event.event_id, user_id=user.id, token_hash=secret.digest(), by_owner=by_owner)
        if not self._admit(session, event, row, seconds):
            return None
        return self._linked(event, user, words, RESET_PATH, secret, seconds)

    def _verification(self, session: Session, event: Outbox, wanted: MailWanted, user: User) -> Mail | None:
        """Of the registration that asked for it only: another one came later with another password."""
        seconds, registration = self._settings.verification_token_seconds, registration_of(user.password_hash)
        if wanted.registration not in (None, registration):
            return None
        secret = MailedSecret.derive(self._verification_key, event.event_id, user.id)
        row = EmailVerification(
            id=event.event_id, user_id=user.id, token_hash=secret.digest(), registration=registration,
            by_owner=wanted.device_of == user.id,
        )  # fmt: skip
        if not self._admit(session, event, row, seconds):
            return None
        words = mails.VERIFY if user.awaits_verification else mails.CONFIRM
        return self._linked(event, user, words, VERIFY_PATH, secret, seconds)

    def _admit(self, session: Session, event: Outbox, row: PasswordReset | EmailVerification, seconds: int) -> bool:
        """Keep the token of a mail that goes out now; False if a later mail has answered its request already.

        Raises TryLater while its reader has got as many as are good for a mailbox. Nothing is dropped for that: whoever
        asks has a link that works, mailed after they asked, whatever others ask for.
        """
        kind, now = type(row), self._clock.now()
        if not repository.alone_with_mails(session, kind, row.user_id):
            raise self._busy()
        registration = row.registration if isinstance(row, EmailVerification) else None
        if repository.mailed_after(session, kind, row.user_id, event.created_at, now, registration):
            log.info("mail_answered_by_a_later_one", mail=str(event.event_id))
            return False
        sent = repository.mailed_since(session, kind, row.user_id, now - BURST_IN, by_owner=row.by_owner)
        # A link is good from when it leaves, so that it lasts as long as the mail says, however late that is.
        lasts = timedelta(seconds=seconds)
        if wait := room_in(sent, now, lasts):
            raise TryLater(wait)
        row.created_at, row.expires_at = now, now + lasts
        repository.add_mailed_token(session, row)
        return True

    def _plain(self, event: Outbox, user: User, words: mails.Words) -> Mail:
        text = words.filled(address=self._settings.public_url)
        return Mail(event.event_id, user.email, words.subject, text)

    def _linked(
        self, event: Outbox, user: User, words: mails.Words, path: str, secret: MailedSecret, seconds: int
    ) -> Mail:
        """The token follows a `#`, so that no server sees it and no Referer tells it."""
        address = self._settings.public_url
        link = f"{address}{path}#token={secret.text()}"
        text = words.filled(link=link, valid=mails.lasting(seconds), address=address)
        return Mail(event.event_id, user.email, words.subject, text)


def _kind(event: Outbox) -> MailKind:
    return MailKind(event.event_type.removeprefix(MAIL_EVENTS))


def forget_links(session: Session, after: timedelta, limit: int) -> int:
    """Delete mailed links of each kind that long after their end, at most `limit` of a kind; how many that were."""
    kinds = (PasswordReset, EmailVerification)
    return sum(repository.forget_tokens(session, kind, after, limit) for kind in kinds)
