"""What the measurement needs in its database: titles, readers and librarians with sessions, the bare one's table."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from luna_web.auth.models import User, UserSession
from luna_web.bench.api.tables import CREATE
from luna_web.bench.load import load
from luna_web.bench.titles import Maker
from luna_web.book.domain import CopyStatus
from luna_web.book.models import Copy
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.ids import new_id
from luna_web.shared.principal import Principal, Role
from luna_web.shared.tokens import AccessTokens

NOBODY_LOGS_IN = "!"


class Library:
    """A database of the measurement's own. `owner_url` is that of the tables' owner, in SQLAlchemy's form."""

    def __init__(self, settings: Settings, factory: SessionFactory, owner_url: str) -> None:
        self._factory = factory
        self._owner = owner_url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._tokens = AccessTokens(settings.key_ring(), settings.access_token_seconds)

    def fill(self, titles: int) -> Sequence[UUID]:
        """Load made-up titles and make the bare server's table; those of the titles that have a free copy."""
        load(self._owner, Maker.from_seed(), titles, lambda _: None)
        with psycopg.connect(self._owner, autocommit=True) as connection:
            connection.execute(CREATE)
        free = select(Copy.book_id).where(Copy.status == CopyStatus.AVAILABLE, Copy.deleted_at.is_(None)).distinct()
        with self._factory() as session:
            return session.scalars(free.order_by(Copy.book_id)).all()

    def make_people(self, role: Role, count: int) -> Sequence[Principal]:
        """So many, each with a living session."""
        made = [Principal(new_id(), f"{new_id()}@bench.example", role, new_id()) for _ in range(count)]
        with transaction(self._factory) as session:
            session.execute(insert(User), [_user(one) for one in made])
            session.execute(insert(UserSession), [_session(one) for one in made])
        return made

    def token(self, principal: Principal) -> str:
        """An access token from now on."""
        return self._tokens.issue(principal, datetime.now(UTC))

    def settle(self) -> None:
        """Have the planner know what was written, so that no measurement runs into autovacuum's first look."""
        with psycopg.connect(self._owner, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")

    def session(self) -> Session:
        return self._factory()


def _user(one: Principal) -> dict[str, object]:
    return {
        "id": one.user_id, "email": one.email, "role": one.role, "first_name": "B", "last_name": "B",
        "is_active": True, "password_hash": NOBODY_LOGS_IN, "version": 1,
    }  # fmt: skip


def _session(one: Principal) -> dict[str, object]:
    ends = datetime.now(UTC) + timedelta(days=1)
    return {
        "id": one.session_id, "user_id": one.user_id, "refresh_hash": one.session_id.bytes * 2, "expires_at": ends,
    }  # fmt: skip
