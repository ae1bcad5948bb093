"""The worker's part in accounts: turns events into mails, and derives the tokens in their links.

A mail that is sent twice, since its sender died between sending and committing, is the same mail with the same token.
"""

import threading
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from luna_web.auth import mails, repository
from luna_web.auth.domain import UNSETTLED, MailedSecret, registration_of
from luna_web.auth.events import MAIL_EVENTS, MailKind, MailWanted
from luna_web.auth.models import EmailVerification, PasswordReset, User
from luna_web.auth.repository import Token
from luna_web.shared.clock import Clock
from luna_web.shared.config import Settings
from luna_web.shared.mail import Mail, Mailer
from luna_web.shared.models import Outbox
from luna_web.shared.outbox import TryLater

log = structlog.get_logger(__name__)
NAME = "account-mails"
FAMILIES = (MAIL_EVENTS,)
MOST_MAILS = 3
MOST_MAILS_IN = timedelta(minutes=30)
"""So many mails of a kind a person gets in that time: whoever asks again and again floods nobody's mailbox."""
MOST_AT_ONCE = 2
"""A slow mail server must not hold up what else the worker does."""
RESET_PATH = "/reset-password"
VERIFY_PATH = "/verify-email"


class AccountMails:
    """A consumer of `auth.mail.*`. Raises MailNotSent and TryLater, and is tried again."""

    def __init__(self, settings: Settings, mailer: Mailer, clock: Clock) -> None:
        self._settings = settings
        self._mailer = mailer
        self._clock = clock
        self._slots = threading.BoundedSemaphore(MOST_AT_ONCE)
        keys = settings.key_ring()
        self._reset_key = keys.seals(b"luna password resets")[0]
        self._verification_key = keys.seals(b"luna email verifications")[0]

    def handle(self, session: Session, event: Outbox) -> None:
        wanted = MailWanted.model_validate(event.payload)
        user = self._who(session, wanted)
        mail = self._mail(session, event, wanted, user) if user and user.is_active else None
        if mail:
            self._send(mail)

    def _send(self, mail: Mail) -> None:
        if not self._slots.acquire(blocking=False):
            raise TryLater(timedelta(seconds=1))
        try:
            self._mailer.send(mail)
        finally:
            self._slots.release()

    def _who(self, session: Session, wanted: MailWanted) -> User | None:
        if wanted.user_id:
            return repository.get_user(session, wanted.user_id)
        return repository.get_user_by_email(session, wanted.email) if wanted.email else None

    def _mail(self, session: Session, event: Outbox, wanted: MailWanted, user: User) -> Mail | None:
        kind = MailKind(event.event_type.removeprefix(MAIL_EVENTS))
        if kind is MailKind.PASSWORD_CHANGED:
            return self._plain(event, user, mails.PASSWORD_CHANGED)
        if kind is MailKind.REGISTERED and not user.awaits_verification:
            return self._reset(session, event, user, mails.ALREADY_REGISTERED)
        if kind in (MailKind.REGISTERED, MailKind.VERIFICATION) and user.password_hash == UNSETTLED:
            return self._reset(session, event, user, mails.REGISTERED_AGAIN)
        if kind in (MailKind.REGISTERED, MailKind.VERIFICATION):
            return self._verification(session, event, wanted, user) if user.awaits_verification else None
        return self._reset(session, event, user, mails.INVITATION if kind is MailKind.INVITATION else mails.RESET)

    def _reset(self, session: Session, event: Outbox, user: User, words: mails.Words) -> Mail | None:
        seconds = self._settings.reset_token_seconds
        ends = event.created_at + timedelta(seconds=seconds)
        if not self._may_have_another(session, PasswordReset, event, user, ends):
            return None
        secret = MailedSecret.derive(self._reset_key, event.event_id, user.id)
        row = PasswordReset(id=event.event_id, user_id=user.id, token_hash=secret.digest())
        row.created_at, row.expires_at = event.created_at, ends
        repository.add_mailed_token(session, row)
        return self._linked(event, user, words, RESET_PATH, secret, seconds)

    def _verification(self, session: Session, event: Outbox, wanted: MailWanted, user: User) -> Mail | None:
        """Of the registration that asked for it only: another one came later with another password."""
        registration = registration_of(user.password_hash)
        seconds = self._settings.verification_token_seconds
        ends = event.created_at + timedelta(seconds=seconds)
        if wanted.registration not in (None, registration):
            return None
        if not self._may_have_another(session, EmailVerification, event, user, ends):
            return None
        secret = MailedSecret.derive(self._verification_key, event.event_id, user.id)
        row = EmailVerification(
            id=event.event_id, user_id=user.id, token_hash=secret.digest(), registration=registration
        )
        row.created_at, row.expires_at = event.created_at, ends
        repository.add_mailed_token(session, row)
        return self._linked(event, user, mails.VERIFY, VERIFY_PATH, secret, seconds)

    def _may_have_another(
        self,
        session: Session,
        kind: type[Token],
        event: Outbox,
        user: User,
        ends: datetime,
    ) -> bool:
        now = self._clock.now()
        room = repository.recent_tokens(session, kind, user.id, now - MOST_MAILS_IN) < MOST_MAILS
        if not room or now >= ends:
            log.info("mail_not_sent", mail=str(event.event_id), why="too late" if room else "enough were sent")
        return room and now < ends

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
