"""What administrators do with accounts. Whoever loses a role or their account loses their sessions with it."""

from dataclasses import dataclass
from secrets import token_urlsafe
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.auth import repository
from luna_web.auth.domain import RevokedWhy
from luna_web.auth.errors import LastAdmin
from luna_web.auth.events import MailKind, ask_for_mail
from luna_web.auth.models import User
from luna_web.auth.passwords import Passwords
from luna_web.auth.ports import Departures
from luna_web.auth.schemas import CreateUserIn, UserChangeIn
from luna_web.auth.service import NewUser, apply_profile, check_password, found, insert, view
from luna_web.auth.sessions import Sessions
from luna_web.shared.audit import RequestMeta, audit
from luna_web.shared.database import transaction
from luna_web.shared.errors import ValidationFailed
from luna_web.shared.paging import Order, Page, PageParams, paginate
from luna_web.shared.principal import Principal, Role
from luna_web.shared.runtime import Runtime

SORTS = {
    "created_at": User.created_at,
    "email": User.email,
    "first_name": User.first_name,
    "last_name": User.last_name,
    "role": User.role,
}
CANNOT_BE_TAKEN_AWAY = ("role", "is_active")


@dataclass(frozen=True, slots=True)
class UserFilter:
    """`words` each stand somewhere in email or name; None = anything."""

    words: str | None = None
    role: Role | None = None
    is_active: bool | None = None


def list_users(session: Session, wanted: UserFilter, page: PageParams) -> Page[User]:
    query = repository.users(wanted.words, wanted.role, wanted.is_active)
    return paginate(session, query, page, SORTS, default="created_at", tie=User.id, default_order=Order.ASC)


class Administration:
    """In the name of `principal`, an ADMIN."""

    def __init__(self, runtime: Runtime, passwords: Passwords, sessions: Sessions, departures: Departures) -> None:
        self._runtime = runtime
        self._passwords = passwords
        self._sessions = sessions
        self._departures = departures

    def create(self, principal: Principal, wanted: CreateUserIn, meta: RequestMeta) -> User:
        """Make an account. Without a password its owner gets a mail to choose one, so that nobody else knows it.

        Raises WeakPassword, EmailTaken.
        """
        if wanted.password is not None:
            check_password(wanted.password, wanted.email)
        # A password that nobody is told cannot be used, and hashes like any other.
        password = wanted.password or token_urlsafe(32)
        hashed = self._passwords.hash(password)
        new = NewUser(**wanted.model_dump(exclude={"password"}), password=password)
        with transaction(self._runtime.session_factory) as session:
            user = insert(session, new, hashed)
            changes = {"role": user.role, "invited": wanted.password is None}
            audit(session, principal, "user.created", "user", user.id, changes, meta)
            if wanted.password is None:
                ask_for_mail(session, MailKind.INVITATION, user_id=user.id)
        return user

    def change(
        self, session: Session, principal: Principal, user_id: UUID, wanted: UserChangeIn, meta: RequestMeta
    ) -> User:
        """Change names, phone number, role, whether the account is active; what is not given stays.

        Raises UserNotFound, LastAdmin, UserInUse, ValidationFailed.
        """
        given = wanted.model_dump(exclude_unset=True)
        if empty := [name for name in CANNOT_BE_TAKEN_AWAY if given.get(name, "") is None]:
            raise ValidationFailed({name: ["must not be empty"] for name in empty})
        self._keep_an_admin(session, user_id, given.get("role"), given.get("is_active"))
        user = found(repository.lock_user(session, user_id))
        role, active = given.pop("role", user.role), given.pop("is_active", user.is_active)
        if given:
            apply_profile(user, given)
            audit(session, principal, "user.profile_changed", "user", user.id, {"fields": sorted(given)}, meta)
        if role != user.role:
            self._change_role(session, principal, user, role, meta)
        if active and not user.is_active:
            self._activate(session, principal, user, meta)
        if not active and user.is_active:
            self._deactivate(session, principal, user, meta)
        session.flush()
        session.refresh(user)
        return user

    def deactivate(self, session: Session, principal: Principal, user_id: UUID, meta: RequestMeta) -> User:
        """Nothing is deleted: the account cannot be used until it is active again. Raises as `change` does."""
        return self.change(session, principal, user_id, UserChangeIn(is_active=False), meta)

    def end_sessions(self, session: Session, principal: Principal, user_id: UUID, meta: RequestMeta) -> int:
        """Log somebody out everywhere; how many sessions that were. Raises UserNotFound."""
        user = found(repository.lock_user(session, user_id))
        ended = self._sessions.revoke(session, user.id, None, RevokedWhy.ADMIN)
        audit(session, principal, "user.sessions_ended", "user", user.id, {"sessions": len(ended)}, meta)
        return len(ended)

    def _keep_an_admin(self, session: Session, user_id: UUID, role: Role | None, active: bool | None) -> None:
        """Locks every administrator before anything else, so that two who go at once do not leave none."""
        if role in (None, Role.ADMIN) and active is not False:
            return
        if list(repository.lock_active_admins(session)) == [user_id]:
            raise LastAdmin()

    def _change_role(self, session: Session, principal: Principal, user: User, role: Role, meta: RequestMeta) -> None:
        changes = {"from": user.role, "to": role}
        user.role = role
        user.version += 1
        self._sessions.revoke(session, user.id, None, RevokedWhy.ROLE)
        audit(session, principal, "user.role_changed", "user", user.id, changes, meta)

    def _activate(self, session: Session, principal: Principal, user: User, meta: RequestMeta) -> None:
        user.is_active = True
        user.version += 1
        audit(session, principal, "user.activated", "user", user.id, {}, meta)

    def _deactivate(self, session: Session, principal: Principal, user: User, meta: RequestMeta) -> None:
        self._departures.settle(session, view(user), principal, meta)
        user.is_active = False
        user.version += 1
        ended = self._sessions.revoke(session, user.id, None, RevokedWhy.DISABLED)
        audit(session, principal, "user.deactivated", "user", user.id, {"sessions": len(ended)}, meta)
