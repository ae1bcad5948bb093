"""What goes by mail: a forgotten password, a mail to verify.

Who asks for a mail gets the same answer after the same work, whoever the email belongs to: one row in the outbox. The
worker looks the account up and derives the token (`auth.mailing`).
"""

from contextlib import suppress
from datetime import datetime

from sqlalchemy.orm import Session

from luna_web.auth import repository
from luna_web.auth.attempts import Attempts
from luna_web.auth.domain import MailedSecret, RevokedWhy, read_mailed_secret, registration_of
from luna_web.auth.errors import ResetTokenInvalid, VerificationTokenInvalid
from luna_web.auth.events import MailKind, ask_for_mail
from luna_web.auth.models import EmailVerification, PasswordReset, User
from luna_web.auth.passwords import Passwords
from luna_web.auth.repository import Token
from luna_web.auth.service import check_password, found
from luna_web.auth.sessions import Sessions
from luna_web.shared.audit import RequestMeta, audit
from luna_web.shared.database import transaction
from luna_web.shared.errors import DependencyUnavailable
from luna_web.shared.rate_limits import Allowance, RateLimits, address_group
from luna_web.shared.runtime import Runtime

ASKING = {MailKind.RESET: "forgot-password", MailKind.VERIFICATION: "resend-verification"}
"""The mails that anybody may ask for, and what asking is counted under."""


class Recovery:
    """Every call counts against its address, each kind for itself: who asks for many mails may still use a link.

    Raises RateLimited, and DependencyUnavailable without Redis.
    """

    def __init__(
        self, runtime: Runtime, passwords: Passwords, limits: RateLimits, attempts: Attempts, sessions: Sessions
    ) -> None:
        self._runtime = runtime
        self._passwords = passwords
        self._limits = limits
        self._attempts = attempts
        self._sessions = sessions

    def ask(self, kind: MailKind, email: str, device_token: str | None, meta: RequestMeta) -> Allowance:
        """Have a mail sent to this account, if there is one and it needs one.

        Who asks from a device that it knows does not wait for what others have asked for.
        """
        allowance = self._count(ASKING[kind], meta)
        device = self._attempts.device(device_token)
        with transaction(self._runtime.session_factory) as session:
            ask_for_mail(session, kind, email=email, device_of=device.user_id if device else None)
        return allowance

    def reset(self, token: str, password: str, meta: RequestMeta) -> str:
        """A new password for a mailed token; every session of the account ends. Returns a device token.

        Raises ResetTokenInvalid, WeakPassword.
        """
        self._count("reset-password", meta)
        secret = _secret(token, ResetTokenInvalid)
        email = self._email_of(secret)
        check_password(password, email, "new_password")
        hashed = self._passwords.hash(password)
        now = self._runtime.clock.now()
        with transaction(self._runtime.session_factory) as session:
            user = self._lock_owner(session, PasswordReset, secret, now)
            row = repository.lock_mailed_token(session, PasswordReset, secret.digest(), now)
            if row is None or user is None or not user.is_active:
                raise ResetTokenInvalid()
            user.password_hash = hashed
            user.version += 1
            self._verified(user)
            repository.use_up_tokens(session, PasswordReset, user.id, now)
            ended = self._sessions.revoke(session, user.id, None, RevokedWhy.PASSWORD)
            audit(session, None, "user.password_reset", "user", user.id, {"sessions": len(ended)}, meta)
            ask_for_mail(session, MailKind.PASSWORD_CHANGED, user_id=user.id)
        # The password is changed; that failures before it are forgiven is a kindness that can be missing.
        with suppress(DependencyUnavailable):
            self._attempts.forgive(user.email)
        return self._attempts.device_token(user.id)

    def verify(self, token: str, meta: RequestMeta) -> None:
        """The email is its owner's: the account may log in. Raises VerificationTokenInvalid."""
        self._count("verify-email", meta)
        secret = _secret(token, VerificationTokenInvalid)
        now = self._runtime.clock.now()
        with transaction(self._runtime.session_factory) as session:
            user = self._lock_owner(session, EmailVerification, secret, now)
            row = repository.lock_mailed_token(session, EmailVerification, secret.digest(), now)
            if row is None or user is None or row.registration != registration_of(user.password_hash):
                raise VerificationTokenInvalid()
            self._verified(user)
            user.version += 1
            repository.use_up_tokens(session, EmailVerification, user.id, now)
            audit(session, None, "user.email_verified", "user", user.id, {}, meta)

    @staticmethod
    def _lock_owner(session: Session, kind: type[Token], secret: MailedSecret, now: datetime) -> User | None:
        """The user first and their tokens after, in which order everybody locks them."""
        seen = repository.find_mailed_token(session, kind, secret.digest(), now)
        return repository.lock_user(session, seen.user_id) if seen else None

    def _verified(self, user: User) -> None:
        user.awaits_verification = False
        user.email_verified_at = user.email_verified_at or self._runtime.clock.now()

    def _email_of(self, secret: MailedSecret) -> str:
        """Whose password it is to be, for the rules; looked at before hashing, locked after it."""
        with transaction(self._runtime.session_factory) as session:
            row = repository.find_mailed_token(session, PasswordReset, secret.digest(), self._runtime.clock.now())
            if row is None:
                raise ResetTokenInvalid()
            return found(repository.get_user(session, row.user_id)).email

    def _count(self, what: str, meta: RequestMeta) -> Allowance:
        limit = self._runtime.settings.recovery_limit_per_address
        return self._limits.take(limit, what, address_group(meta.ip_address))


def _secret(token: str, refused: type[ResetTokenInvalid] | type[VerificationTokenInvalid]) -> MailedSecret:
    secret = read_mailed_secret(token)
    if secret is None:
        raise refused()
    return secret
