"""Changing one's own password."""

from sqlalchemy.orm import Session

from luna_web.auth import repository
from luna_web.auth.attempts import Attempts
from luna_web.auth.domain import RevokedWhy
from luna_web.auth.errors import WrongPassword
from luna_web.auth.events import MailKind, ask_for_mail
from luna_web.auth.models import PasswordReset, User
from luna_web.auth.passwords import Passwords
from luna_web.auth.proven import act_as_proven
from luna_web.auth.service import check_password, found
from luna_web.auth.sessions import Sessions
from luna_web.shared.audit import RequestMeta, audit
from luna_web.shared.database import transaction
from luna_web.shared.principal import Principal
from luna_web.shared.runtime import Runtime


class PasswordChange:
    def __init__(self, runtime: Runtime, passwords: Passwords, attempts: Attempts, sessions: Sessions) -> None:
        self._runtime = runtime
        self._passwords = passwords
        self._attempts = attempts
        self._sessions = sessions

    def change(self, principal: Principal, current: str, new: str, meta: RequestMeta) -> None:
        """A new password for who knows the current one; every other session of theirs ends.

        Raises WrongPassword, WeakPassword, TooManyAttempts, DependencyUnavailable without Redis.
        """
        check_password(new, principal.email, "new_password")
        known = self._known(principal)
        with self._attempts.of_user(principal.user_id, meta) as attempt:
            right = self._passwords.matches(known.password_hash, current)
            attempt.settle(right, principal.user_id)
        if not right:
            raise WrongPassword()
        hashed = self._passwords.hash(new)

        def replace(session: Session, user: User) -> None:
            user.password_hash = hashed
            user.version += 1
            repository.use_up_tokens(session, PasswordReset, user.id, self._runtime.clock.now())
            ended = self._sessions.revoke_others(session, principal, RevokedWhy.PASSWORD)
            changes = {"sessions": len(ended)}
            audit(session, principal, "user.password_changed", "user", user.id, changes, meta)
            ask_for_mail(session, MailKind.PASSWORD_CHANGED, user_id=user.id)

        factory = self._runtime.session_factory
        act_as_proven(factory, self._passwords, known, current, replace, WrongPassword)

    def _known(self, principal: Principal) -> User:
        with transaction(self._runtime.session_factory) as session:
            return found(repository.get_user(session, principal.user_id))
