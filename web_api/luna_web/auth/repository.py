"""Every query of the auth service."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from luna_web.auth.domain import RevokedWhy
from luna_web.auth.models import User, UserSession


def get_user(session: Session, user_id: UUID) -> User | None:
    return session.scalar(select(User).where(User.id == user_id))


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
    columns = {attr.key: getattr(user, attr.key) for attr in User.__mapper__.column_attrs}
    given = {key: value for key, value in columns.items() if value is not None}
    query = insert(User).values(given).on_conflict_do_nothing().returning(User.id)
    return session.scalar(query) is not None


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
