"""Logging in: a password for a session.

It takes short transactions of its own, so that no connection is held while a password is hashed.
"""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from luna_web.auth import repository
from luna_web.auth.attempts import Attempts
from luna_web.auth.errors import AccountDisabled, EmailUnverified, InvalidCredentials, TooManyAttempts
from luna_web.auth.models import User
from luna_web.auth.passwords import Passwords
from luna_web.auth.proven import act_as_proven
from luna_web.auth.sessions import IssuedTokens, Sessions
from luna_web.shared.audit import RequestMeta, audit
from luna_web.shared.database import transaction
from luna_web.shared.rate_limits import Allowance, RateLimits, address_group
from luna_web.shared.runtime import Runtime


@dataclass(frozen=True, slots=True)
class LoggedIn:
    user: User
    tokens: IssuedTokens
    device_token: str
    allowance: Allowance


class Logins:
    def __init__(
        self, runtime: Runtime, passwords: Passwords, limits: RateLimits, attempts: Attempts, sessions: Sessions
    ) -> None:
        self._runtime = runtime
        self._passwords = passwords
        self._limits = limits
        self._attempts = attempts
        self._sessions = sessions

    def login(self, email: str, password: str, device_token: str | None, meta: RequestMeta) -> LoggedIn:
        """A session for who knows the password.

        Raises InvalidCredentials (same answer and same work, account or not), AccountDisabled, EmailUnverified,
        TooManyAttempts, DependencyUnavailable without Redis.
        """
        limit = self._runtime.settings.login_limit_per_address
        claimed = self._attempts.device(device_token)
        # Looked up before it is counted only for who brings a token of ours, whether or not there is such an account.
        user = self._find(email) if claimed else None
        device = claimed if claimed and user and claimed.user_id == user.id else None
        who = f"device:{device.id.hex()}" if device else address_group(meta.ip_address)
        allowance = self._limits.take(limit, "login", who, TooManyAttempts)
        with self._attempts.attempt(email, device, meta) as attempt:
            user = user if claimed else self._find(email)
            right = self._passwords.matches(user.password_hash if user else None, password)
            attempt.settle(right, user.id if user else None)
        if user is None or not right:
            raise InvalidCredentials()
        if user.awaits_verification:
            raise EmailUnverified()
        if not user.is_active:
            raise AccountDisabled()
        tokens = self._open(user, password, meta)
        return LoggedIn(user, tokens, self._attempts.device_token(user.id, device), allowance)

    def _find(self, email: str) -> User | None:
        with transaction(self._runtime.session_factory) as session:
            return repository.get_user_by_email(session, email)

    def _open(self, known: User, password: str, meta: RequestMeta) -> IssuedTokens:
        """Hashed anew where parameters have changed, in place of the very hash that was compared."""
        renewed = self._passwords.hash(password) if self._passwords.outdated(known.password_hash) else None

        def open_session(session: Session, user: User) -> IssuedTokens:
            if renewed and user.password_hash == known.password_hash:
                user.password_hash = renewed
            tokens = self._sessions.open(session, user, meta)
            audit(session, tokens.principal, "user.logged_in", "session", tokens.principal.session_id, {}, meta)
            return tokens

        # What was deactivated or got another password since the look must not get in.
        factory = self._runtime.session_factory
        return act_as_proven(factory, self._passwords, known, password, open_session, InvalidCredentials)
