"""Who the staff are, for those who tell them things."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Boolean, Text, Uuid, column, select, table
from sqlalchemy.orm import Session

from luna_web.shared.principal import STAFF_ROLES

_users = table("users", column("id", Uuid()), column("role", Text()), column("is_active", Boolean()))


def staff_ids(session: Session) -> Sequence[UUID]:
    """Every active librarian and administrator."""
    return session.scalars(
        select(_users.c.id).where(_users.c.role.in_(sorted(STAFF_ROLES)), _users.c.is_active).order_by(_users.c.id)
    ).all()
