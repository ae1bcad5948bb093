"""Every query of the auth service."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, bindparam, delete, func, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from luna_web.auth.domain import UNSETTLED, RevokedWhy
from luna_web.auth.models import EmailVerification, MailedToken, PasswordReset, User, UserSession
from luna_web.shared.models import AuditLog
from luna_web.shared.principal import Role

Token = TypeVar("Token", PasswordReset, EmailVerification)
TokenKind = type[PasswordReset] | type[EmailVerification]


def users_of(session: Session, user_ids: Collection[UUID]) -> Sequence[User]:
    return session.scalars(select(User).where(User.id.in_(user_ids))).all() if user_ids else ()


def get_user(session: Session, user_id: UUID) -> User | None:
    return session.scalar(select(User).where(User.id == user_id))


def is_active(session: Session, user_id: UUID) -> bool:
    """As the table has it now, not as this transaction has seen it."""
    return bool(session.scalar(_IS_ACTIVE, {"user_id": user_id}))


_IS_ACTIVE = select(User.is_active).where(User.id == bindparam("user_id", type_=Uuid()))


def get_user_by_email(session: Session, email: str) -> User | None:
    return session.scalar(select(User).where(func.lower(User.email) == func.lower(email)))


def lock_user(session: Session, user_id: UUID) -> User | None:
    """The user, read anew and kept from changing while this transaction lasts."""
    query = select(User).where(User.id == user_id)
    return session.scalar(query.with_for_update(key_share=True).execution_options(populate_existing=True))


def list_users(session: Session) -> Sequence[User]:
    return session.scalars(select(User).order_by(User.created_at, User.id)).all()


def add_user(session: Session, user: User) -> bool:
    """Insert; False if the email is taken, also by somebody who registers at the same moment."""
    query = insert(User).values(_given(user)).on_conflict_do_nothing().returning(User.id)
    return session.scalar(query) is not None


def _given(user: User) -> dict[str, Any]:
    columns = {attr.key: getattr(user, attr.key) for attr in User.__mapper__.column_attrs}
    return {key: value for key, value in columns.items() if value is not None}


def unsettle_waiting(session: Session, newcomer: User) -> None:
    """An account of this email that waits for verification, other than the newcomer's own, has no password any more."""
    waiting = update(User).where(func.lower(User.email) == func.lower(newcomer.email), User.awaits_verification)
    others = waiting.where(User.id != newcomer.id).values(password_hash=UNSETTLED, version=User.version + 1)
    session.execute(others.execution_options(synchronize_session=False))


def lock_active_admins(session: Session) -> Sequence[UUID]:
    """The ids of active administrators; none becomes another's last while this transaction lasts."""
    query = select(User.id).where(User.role == Role.ADMIN, User.is_active).order_by(User.id)
    return session.scalars(query.with_for_update(key_share=True)).all()


def users(words: str | None, role: str | None, is_active: bool | None) -> Select[User]:
    """Each of `words` stands somewhere in email or name."""
    found = select(User)
    for word in (words or "").lower().split():
        found = found.where(_search_text().like(f"%{_literal(word)}%", escape="\\"))
    if role is not None:
        found = found.where(User.role == role)
    return found if is_active is None else found.where(User.is_active.is_(is_active))


def _search_text() -> ColumnElement[str]:
    # As the index has it.
    return func.lower(User.email + literal_column("' '") + User.first_name + literal_column("' '") + User.last_name)


def _literal(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def live_sessions(user_id: UUID, now: datetime) -> Select[UserSession]:
    return select(UserSession).where(
        UserSession.user_id == user_id, UserSession.revoked_at.is_(None), UserSession.expires_at > now
    )


def sessions_beyond(session: Session, user_id: UUID, most: int, now: datetime) -> Sequence[UUID]:
    """The living sessions of a user beyond the `most` that were used last."""
    living = live_sessions(user_id, now).with_only_columns(UserSession.id)
    newest_first = living.order_by(UserSession.last_used_at.desc(), UserSession.id.desc())
    return session.scalars(newest_first.offset(most)).all()


def lock_session(session: Session, session_id: UUID) -> UserSession | None:
    """The session, locked and read anew: refreshes of one session follow one another."""
    query = select(UserSession).where(UserSession.id == session_id)
    return session.scalar(query.with_for_update().execution_options(populate_existing=True))


def revoke_sessions(
    session: Session, user_id: UUID, these: Collection[UUID] | None, now: datetime, why: RevokedWhy
) -> Sequence[UUID]:
    """End living sessions of a user, `these` or all; returns which.

    `revoked_at` is by the database's clock, since that is what other processes look for them by.
    """
    query = update(UserSession).where(UserSession.user_id == user_id)
    if these is not None:
        query = query.where(UserSession.id.in_(these))
    living = query.where(UserSession.revoked_at.is_(None), UserSession.expires_at > now)
    ended = living.values(revoked_at=func.clock_timestamp(), revoked_why=why).returning(UserSession.id)
    return session.scalars(ended.execution_options(synchronize_session=False)).all()


def add_mailed_token(session: Session, row: MailedToken) -> None:
    """Insert; a second time it changes nothing: the mail goes out at least once, and it is the same mail."""
    columns = {attr.key: getattr(row, attr.key) for attr in type(row).__mapper__.column_attrs}  # type: ignore[attr-defined]
    session.execute(insert(type(row)).values(columns).on_conflict_do_nothing())


def alone_with_mails(session: Session, kind: TokenKind, user_id: UUID) -> bool:
    """Whether no other transaction sends mails of this kind to this user; none does while this one lasts, if so."""
    name = func.hashtextextended(f"{kind.__tablename__}:{user_id}", 0)
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(name))))


def mailed_since(
    session: Session, kind: TokenKind, user_id: UUID, since: datetime, *, by_owner: bool
) -> Sequence[datetime]:
    """When tokens were mailed to a user, used or not, for requests of their own or of anybody."""
    found = select(kind.created_at).where(kind.user_id == user_id, kind.created_at > since, kind.by_owner == by_owner)
    return session.scalars(found).all()


def mailed_after(
    session: Session, kind: TokenKind, user_id: UUID, asked: datetime, now: datetime, registration: str | None
) -> bool:
    """Whether a link that still works was mailed after that moment, of this registration if it is of one."""
    good = select(kind.id).where(kind.user_id == user_id, kind.created_at > asked)
    good = good.where(kind.used_at.is_(None), kind.expires_at > now)
    if kind is EmailVerification:
        good = good.where(EmailVerification.registration == registration)
    return session.scalar(good.limit(1)) is not None


def find_mailed_token(session: Session, kind: type[Token], digest: bytes, now: datetime) -> Token | None:
    """The token of this hash while it is good."""
    return session.scalar(_good(kind, digest, now))


def lock_mailed_token(session: Session, kind: type[Token], digest: bytes, now: datetime) -> Token | None:
    """The same, kept from being used by anybody else."""
    query = _good(kind, digest, now)
    return session.scalar(query.with_for_update().execution_options(populate_existing=True))


def _good(kind: type[Token], digest: bytes, now: datetime) -> Select[Token]:
    good = select(kind).where(kind.token_hash == digest)
    return good.where(kind.used_at.is_(None), kind.expires_at > now)


def use_up_tokens(session: Session, kind: type[Token], user_id: UUID, now: datetime) -> None:
    """No link that went to this user works any more."""
    living = update(kind).where(kind.user_id == user_id, kind.used_at.is_(None))
    session.execute(living.values(used_at=now).execution_options(synchronize_session=False))


def forget_tokens(session: Session, kind: TokenKind, after: timedelta, limit: int) -> int:
    """Delete mailed tokens, used or not, that long after their end by the database's clock; how many that were."""
    over = select(kind.id).where(kind.expires_at < func.clock_timestamp() - after).order_by(kind.expires_at)
    batch = over.limit(limit).with_for_update(skip_locked=True).scalar_subquery()
    gone = session.execute(delete(kind).where(kind.id.in_(batch)).execution_options(synchronize_session=False))
    return int(gone.rowcount)  # type: ignore[attr-defined]  # of a DELETE it is a CursorResult


@dataclass(frozen=True, slots=True)
class TrailFilter:
    """What is looked for in the audit trail; None = anything. `since` is included, `until` is not."""

    user_id: UUID | None = None
    action: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    trace_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def audit_logs(wanted: TrailFilter) -> Select[AuditLog]:
    equal = {
        AuditLog.user_id: wanted.user_id,
        AuditLog.action: wanted.action,
        AuditLog.resource_type: wanted.resource_type,
        AuditLog.resource_id: wanted.resource_id,
        AuditLog.trace_id: wanted.trace_id,
    }
    found = select(AuditLog).where(*(column == value for column, value in equal.items() if value is not None))
    if wanted.since:
        found = found.where(AuditLog.at >= wanted.since)
    return found.where(AuditLog.at < wanted.until) if wanted.until else found


def delete_ended_sessions(session: Session, before: datetime, limit: int) -> int:
    """Delete sessions that were ended or ran out before then; how many that were."""
    ended = or_(UserSession.revoked_at < before, UserSession.expires_at < before)
    batch = select(UserSession.id).where(ended).limit(limit).with_for_update(skip_locked=True).scalar_subquery()
    gone = session.execute(
        delete(UserSession).where(UserSession.id.in_(batch)).execution_options(synchronize_session=False)
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]  # of a DELETE it is a CursorResult
