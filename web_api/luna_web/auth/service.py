"""Accounts as the rest of LUNA and the command line know them, and one's own."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.auth import repository
from luna_web.auth.domain import RevokedWhy, password_problems
from luna_web.auth.errors import EmailTaken, UserNotFound, WeakPassword
from luna_web.auth.models import PasswordReset, User
from luna_web.auth.passwords import Passwords, common_passwords
from luna_web.auth.schemas import ProfileIn
from luna_web.shared.audit import RequestMeta, audit
from luna_web.shared.clock import Clock
from luna_web.shared.errors import Unauthenticated, ValidationFailed
from luna_web.shared.ids import new_id
from luna_web.shared.principal import Principal, Role


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
    return view(found(repository.get_user(session, user_id)))


def names(session: Session, user_ids: Collection[UUID]) -> dict[UUID, str]:
    """What these persons are called, active or not."""
    return {user.id: view(user).full_name for user in repository.users_of(session, user_ids)}


def check_active(session: Session, user_id: UUID) -> None:
    """Unauthenticated if this account is active no more, whatever the caller's token says."""
    if not repository.is_active(session, user_id):
        raise Unauthenticated("This account is not active any more")


def find_user_by_email(session: Session, email: str) -> UserView | None:
    user = repository.get_user_by_email(session, email)
    return view(user) if user else None


def list_users(session: Session) -> Sequence[UserView]:
    return [view(user) for user in repository.list_users(session)]


def account(session: Session, user_id: UUID) -> User:
    """Raises UserNotFound."""
    return found(repository.get_user(session, user_id))


def profile(session: Session, principal: Principal) -> User:
    return found(repository.get_user(session, principal.user_id))


def update_profile(session: Session, principal: Principal, change: ProfileIn, meta: RequestMeta) -> User:
    """Change one's own names and phone number; what is not given stays."""
    user = profile(session, principal)
    given = change.model_dump(exclude_unset=True)
    apply_profile(user, given)
    audit(session, principal, "user.profile_changed", "user", user.id, {"fields": sorted(given)}, meta)
    session.flush()
    session.refresh(user)
    return user


def apply_profile(user: User, given: Mapping[str, Any]) -> None:
    """Names and phone number, as far as given. Raises ValidationFailed for a name that is taken away."""
    if any(given.get(name, "") is None for name in ("first_name", "last_name")):
        raise ValidationFailed({name: ["must not be empty"] for name in given if given[name] is None})
    for name, value in given.items():
        setattr(user, name, value)
    user.version += 1


def create_user(session: Session, passwords: Passwords, new: NewUser) -> User:
    """Make an account. Raises WeakPassword, EmailTaken. Hashing takes its 40 ms inside of this transaction."""
    check_password(new.password, new.email)
    return insert(session, new, passwords.hash(new.password))


def set_password(session: Session, passwords: Passwords, email: str, password: str, clock: Clock) -> User:
    """Give somebody a new password and end their sessions. Raises UserNotFound, WeakPassword."""
    user = found(repository.get_user_by_email(session, email))
    check_password(password, user.email)
    user.password_hash = passwords.hash(password)
    user.version += 1
    repository.use_up_tokens(session, PasswordReset, user.id, clock.now())
    repository.revoke_sessions(session, user.id, None, clock.now(), RevokedWhy.PASSWORD)
    return user


def check_password(password: str, email: str, field: str = "password") -> None:
    """WeakPassword with everything that this password lacks; `field` is where it came in."""
    problems = password_problems(password, email, common_passwords())
    if problems:
        raise WeakPassword(problems, field)


def insert(session: Session, new: NewUser, password_hash: str) -> User:
    """Make an account whose password was checked and hashed before. Raises EmailTaken."""
    user = unsaved(new, password_hash)
    if not repository.add_user(session, user):
        raise EmailTaken()
    return found(repository.get_user(session, user.id))


def unsaved(new: NewUser, password_hash: str) -> User:
    return User(
        id=new_id(),
        email=new.email,
        password_hash=password_hash,
        first_name=new.first_name,
        last_name=new.last_name,
        phone_number=new.phone_number,
        role=new.role,
        is_active=True,
        awaits_verification=False,
        version=1,
    )


def found(user: User | None) -> User:
    """Raises UserNotFound."""
    if user is None:
        raise UserNotFound()
    return user


def view(user: User) -> UserView:
    return UserView(user.id, user.email, Role(user.role), user.first_name, user.last_name, user.is_active)
