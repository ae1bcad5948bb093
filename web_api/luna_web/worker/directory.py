"""Who people are, for those who tell them things."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, DateTime, Text, Uuid, column, select, table
from sqlalchemy.orm import Session

from luna_web.notification.people import Person
from luna_web.shared.principal import STAFF_ROLES, Role

_id, _role, _active = column("id", Uuid()), column("role", Text()), column("is_active", Boolean())
_email, _verified = column("email", Text()), column("email_verified_at", DateTime(timezone=True))
_users = table("users", _id, _role, _active, _email, _verified)
_session_id, _revoked = column("id", Uuid()), column("revoked_at", DateTime(timezone=True))
_sessions = table("sessions", _session_id, _revoked)


class Accounts:
    """The accounts as a directory of people."""

    def staff(self, session: Session) -> Sequence[Person]:
        return self._found(session, _role.in_(sorted(STAFF_ROLES)))

    def people(self, session: Session, ids: Collection[UUID]) -> Sequence[Person]:
        return self._found(session, _id.in_(ids)) if ids else []

    def living_sessions(self, session: Session, ids: Collection[UUID]) -> frozenset[UUID]:
        if not ids:
            return frozenset()
        return frozenset(
            session.scalars(select(_session_id).select_from(_sessions).where(_session_id.in_(ids), _revoked.is_(None)))
        )

    def _found(self, session: Session, which: ColumnElement[bool]) -> Sequence[Person]:
        query = select(_id, _role, _email, _verified).select_from(_users).where(which, _active).order_by(_id)
        return [
            Person(user_id, Role(role), email if verified else None)
            for user_id, role, email, verified in session.execute(query)
        ]
