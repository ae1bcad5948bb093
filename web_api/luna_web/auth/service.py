"""Rules of accounts and sessions.

Logging in takes its own short transactions, so that no connection is held while a password is hashed.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.auth import repository
from luna_web.auth.domain import RevokedWhy, password_problems
from luna_web.auth.errors import (
    AccountDisabled,
    EmailTaken,
    InvalidCredentials,
    RegistrationClosed,
    TooManyAttempts,
    UserNotFound,
    WeakPassword,
)
from luna_web.auth.models import User
from luna_web.auth.passwords import Passwords, common_passwords
from luna_web.auth.schemas import ProfileIn, RegisterIn
from luna_web.auth.sessions import IssuedTokens, Sessions
from luna_web.shared.audit import RequestMeta, audit
from luna_web.shared.clock import Clock
from luna_web.shared.config import Registration
from luna_web.shared.database import transaction
from luna_web.shared.errors import Forbidden, ValidationFailed
from luna_web.shared.ids import new_id
from luna_web.shared.principal import Principal, Role
from luna_web.shared.rate_limits import Allowance, RateLimits, address_group
from luna_web.shared.runtime import Runtime


@dataclass(frozen=True, slots=True)
class UserView:
    """A person as other services see them."""

    id: UUID
    email: str
    role: Role
    first_name: str
    last_name: str
    is_active: bool

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}"


@dataclass(frozen=True, slots=True)
class NewUser:
    """An account to be made. `password` has not been checked yet."""

    email: str
    password: str
    role: Role
    first_name: str
    last_name: str
    phone_number: str | None = None


def get_user(session: Session, user_id: UUID) -> UserView:
    """A user, active or not; UserNotFound if there never was one."""
    return _view(_found(repository.get_user(session, user_id)))


def find_user_by_email(session: Session, email: str) -> UserView | None:
    user = repository.get_user_by_email(session, email)
    return _view(user) if user else None


def list_users(session: Session) -> Sequence[UserView]:
    return [_view(user) for user in repository.list_users(session)]


def profile(session: Session, principal: Principal) -> User:
    return _found(repository.get_user(session, principal.user_id))


def update_profile(session: Session, principal: Principal, change: ProfileIn, meta: RequestMeta) -> User:
    """Change one's own names and phone number; what is not given stays."""
    user = profile(session, principal)
    given = change.model_dump(exclude_unset=True)
    if any(given.get(name, "") is None for name in ("first_name", "last_name")):
        raise ValidationFailed({name: ["must not be empty"] for name in given if given[name] is None})
    for name, value in given.items():
        setattr(user, name, value)
    user.version += 1
    audit(session, principal, "user.profile_changed", "user", user.id, {"fields": sorted(given)}, meta)
    session.flush()
    session.refresh(user)
    return user


def create_user(session: Session, passwords: Passwords, new: NewUser) -> User:
    """Make an account. Raises WeakPassword, EmailTaken. Hashing takes its 40 ms inside of this transaction."""
    check_password(new.password, new.email)
    return _insert(session, new, passwords.hash(new.password))


def set_password(session: Session, passwords: Passwords, email: str, password: str, clock: Clock) -> User:
    """Give somebody a new password and end their sessions. Raises UserNotFound, WeakPassword."""
    user = _found(repository.get_user_by_email(session, email))
    check_password(password, user.email)
    user.password_hash = passwords.hash(password)
    user.version += 1
    repository.revoke_sessions(session, user.id, None, clock.now(), RevokedWhy.PASSWORD)
    return user


def check_password(password: str, email: str) -> None:
    """WeakPassword with everything that this password lacks."""
    problems = password_problems(password, email, common_passwords())
    if problems:
        raise WeakPassword(problems)


@dataclass(frozen=True, slots=True)
class LoggedIn:
    user: User
    tokens: IssuedTokens
    allowance: Allowance


class Accounts:
    """Registering and logging in."""

    def __init__(self, runtime: Runtime, passwords: Passwords, limits: RateLimits, sessions: Sessions) -> None:
        self._runtime = runtime
        self._passwords = passwords
        self._limits = limits
        self._sessions = sessions

    def register(self, wanted: RegisterIn, meta: RequestMeta) -> LoggedIn:
        """A new STUDENT, logged in. Raises Forbidden, RegistrationClosed, WeakPassword, EmailTaken, RateLimited."""
        settings = self._runtime.settings
        address = address_group(meta.ip_address)
        allowance = self._limits.take(settings.register_limit_per_address, "register", address)
        if wanted.role not in (None, Role.STUDENT):
            raise Forbidden("Registration makes students; other roles are given by an administrator")
        if settings.registration is not Registration.OPEN:
            raise RegistrationClosed()
        check_password(wanted.password, wanted.email)
        hashed = self._passwords.hash(wanted.password)
        with transaction(self._runtime.session_factory) as session:
            user = _insert(session, NewUser(**wanted.model_dump(exclude={"role"}), role=Role.STUDENT), hashed)
            tokens = self._sessions.open(session, user, meta)
            audit(session, tokens.principal, "user.registered", "user", user.id, {}, meta)
        return LoggedIn(user, tokens, allowance)

    def login(self, email: str, password: str, meta: RequestMeta) -> LoggedIn:
        """Raises InvalidCredentials (same answer and same time, account or not), AccountDisabled, TooManyAttempts."""
        settings = self._runtime.settings
        address = address_group(meta.ip_address)
        allowance = self._limits.take(settings.login_limit_per_address, "login", address, TooManyAttempts)
        account = self._account_key(email)
        self._limits.check(settings.login_failures_per_account, "login-failed", account, TooManyAttempts)
        with transaction(self._runtime.session_factory) as session:
            user = repository.get_user_by_email(session, email)
        if not self._passwords.matches(user.password_hash if user else None, password) or user is None:
            self._limits.take(settings.login_failures_per_account, "login-failed", account, TooManyAttempts)
            raise InvalidCredentials()
        if not user.is_active:
            raise AccountDisabled()
        return LoggedIn(user, self._open(user, password, meta), allowance)

    def _open(self, known: User, password: str, meta: RequestMeta) -> IssuedTokens:
        renewed = self._passwords.hash(password) if self._passwords.outdated(known.password_hash) else None
        with transaction(self._runtime.session_factory) as session:
            user = _found(repository.lock_user(session, known.id))
            if user.password_hash != known.password_hash or not user.is_active:
                raise InvalidCredentials()
            if renewed:
                user.password_hash = renewed
            tokens = self._sessions.open(session, user, meta)
            audit(session, tokens.principal, "user.logged_in", "session", tokens.principal.session_id, {}, meta)
        return tokens

    def _account_key(self, email: str) -> str:
        """What failures of an account are counted under: Redis learns no address."""
        key = self._runtime.settings.jwt_secret.get_secret_value().encode()
        return hmac.new(key, b"login-failed" + email.casefold().encode(), hashlib.sha256).hexdigest()


def _insert(session: Session, new: NewUser, password_hash: str) -> User:
    user = User(
        id=new_id(),
        email=new.email,
        password_hash=password_hash,
        first_name=new.first_name,
        last_name=new.last_name,
        phone_number=new.phone_number,
        role=new.role,
        is_active=True,
        version=1,
    )
    if not repository.add_user(session, user):
        raise EmailTaken()
    return _found(repository.get_user(session, user.id))


def _found(user: User | None) -> User:
    if user is None:
        raise UserNotFound()
    return user


def _view(user: User) -> UserView:
    return UserView(user.id, user.email, Role(user.role), user.first_name, user.last_name, user.is_active)
