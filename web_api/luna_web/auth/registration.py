"""Opening an account for oneself.

Where everybody may register, a taken email is told (EMAIL_TAKEN). Where emails must be verified, nothing is: a new
account, one that still waits and one that somebody has get the same answer after the same work; the mail says which.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from luna_web.auth import repository
from luna_web.auth.attempts import Attempts
from luna_web.auth.devices import folded
from luna_web.auth.domain import registration_of
from luna_web.auth.errors import DomainNotAdmitted, RegistrationClosed
from luna_web.auth.events import MailKind, ask_for_mail
from luna_web.auth.logins import LoggedIn
from luna_web.auth.passwords import Passwords
from luna_web.auth.schemas import RegisterIn
from luna_web.auth.service import NewUser, check_password, insert, unsaved
from luna_web.auth.sessions import Sessions
from luna_web.shared.audit import RequestMeta, audit
from luna_web.shared.config import Registration as Mode
from luna_web.shared.database import transaction
from luna_web.shared.errors import Forbidden
from luna_web.shared.library_settings import RegistrationRules, library_rules
from luna_web.shared.principal import Role
from luna_web.shared.rate_limits import Allowance, RateLimits, address_group
from luna_web.shared.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Waiting:
    """Registered, or not: whoever reads the mails of `email` learns it."""

    email: str
    allowance: Allowance


class Registration:
    def __init__(
        self, runtime: Runtime, passwords: Passwords, limits: RateLimits, attempts: Attempts, sessions: Sessions
    ) -> None:
        self._runtime = runtime
        self._passwords = passwords
        self._limits = limits
        self._attempts = attempts
        self._sessions = sessions

    def register(self, wanted: RegisterIn, meta: RequestMeta) -> LoggedIn | Waiting:
        """A new STUDENT, logged in; or one who waits for verification, where the library asks for it.

        Raises Forbidden, RegistrationClosed, DomainNotAdmitted, WeakPassword, EmailTaken, RateLimited.
        """
        settings, rules = self._runtime.settings, self._rules()
        allowance = self._limits.take(settings.register_limit_per_address, "register", address_group(meta.ip_address))
        if wanted.role not in (None, Role.STUDENT):
            raise Forbidden("Registration makes students; other roles are given by an administrator")
        if rules.mode is Mode.CLOSED:
            raise RegistrationClosed()
        if rules.mode is Mode.DOMAINS:
            self._admit_domain(wanted.email, rules.domains)
        check_password(wanted.password, wanted.email)
        hashed = self._passwords.hash(wanted.password)
        new = NewUser(**wanted.model_dump(exclude={"role"}), role=Role.STUDENT)
        if rules.mode is Mode.DOMAINS:
            return self._wait(new, hashed, meta, allowance)
        return self._log_in(new, hashed, meta, allowance)

    def _rules(self) -> RegistrationRules:
        with transaction(self._runtime.session_factory) as session:
            return library_rules(self._runtime).now(session).registration

    def _admit_domain(self, email: str, domains: Sequence[str]) -> None:
        if folded(email).rpartition("@")[2] not in {folded(domain) for domain in domains}:
            raise DomainNotAdmitted(domains)

    def _log_in(self, new: NewUser, hashed: str, meta: RequestMeta, allowance: Allowance) -> LoggedIn:
        with transaction(self._runtime.session_factory) as session:
            user = insert(session, new, hashed)
            tokens = self._sessions.open(session, user, meta)
            audit(session, tokens.principal, "user.registered", "user", user.id, {}, meta)
        return LoggedIn(user, tokens, self._attempts.device_token(user.id), allowance)

    def _wait(self, new: NewUser, hashed: str, meta: RequestMeta, allowance: Allowance) -> Waiting:
        """Of two who register one email before it is verified neither's password counts: its reader chooses one."""
        user = unsaved(new, hashed)
        user.awaits_verification = True
        with transaction(self._runtime.session_factory) as session:
            made = repository.add_user(session, user)
            repository.unsettle_waiting(session, user)
            action = "user.registered" if made else "user.registration_refused"
            audit(session, None, action, "user", user.id if made else None, {"awaits_verification": True}, meta)
            ask_for_mail(session, MailKind.REGISTERED, email=new.email, registration=registration_of(hashed))
        return Waiting(new.email, allowance)
