"""The database: engine, sessions, transactions. That of a request is in `transactions`.

Services and repositories get a `Session` and never commit; who opened the transaction ends it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Engine, MetaData, Text, Uuid, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from luna_web.shared.appending import AppendingSession
from luna_web.shared.config import Settings
from luna_web.shared.cursor import LightCursor
from luna_web.shared.pinging import replace_broken

CONNECT_TIMEOUT_S = 2
# Whoever waits for a connection waits for calls that are at work: a rush is served late rather than refused. That the
# database is away is noticed by whoever has a connection or gets none, in CONNECT_TIMEOUT_S.
POOL_TIMEOUT_S = 10.0
TCP_TIMEOUT_MS = 3_000
STATEMENT_TIMEOUT_MS = 10_000
LOCK_TIMEOUT_MS = 5_000

SessionFactory = sessionmaker[Session]


class Base(DeclarativeBase):
    """Base of all tables. Times are aware, ids UUIDs, strings `text`."""

    metadata = MetaData(
        naming_convention={
            "ix": "%(table_name)s_%(column_0_N_name)s_idx",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "ck": "%(table_name)s_%(constraint_name)s_check",
            "fk": "%(table_name)s_%(column_0_name)s_fkey",
            "pk": "%(table_name)s_pkey",
        }
    )
    type_annotation_map = {datetime: DateTime(timezone=True), UUID: Uuid(), str: Text()}  # noqa: RUF012


def connect_args(*, statement_timeout_ms: int | None = None) -> dict[str, Any]:
    """What every connection of ours is opened with: bounded waits, UTC. A statement's time of 0 has no bound."""
    longest = STATEMENT_TIMEOUT_MS if statement_timeout_ms is None else statement_timeout_ms
    options = (
        f"-c statement_timeout={longest} -c lock_timeout={LOCK_TIMEOUT_MS}"
        " -c idle_in_transaction_session_timeout=30000 -c timezone=UTC"
    )
    return {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "tcp_user_timeout": TCP_TIMEOUT_MS,
        "options": options,
        "application_name": "luna",
        "cursor_factory": LightCursor,
    }


def make_engine(settings: Settings, *, url: str | None = None) -> Engine:
    """The pool of connections. A connection that PostgreSQL's restart broke is replaced unseen."""
    engine = create_engine(
        url or settings.database_url,
        pool_size=settings.database_pool_size,
        max_overflow=settings.database_pool_overflow,
        pool_timeout=POOL_TIMEOUT_S,
        hide_parameters=True,  # an error's text goes into logs; what was written may be a secret
        connect_args=connect_args(),
    )
    replace_broken(engine)
    return engine


def make_session_factory(engine: Engine) -> SessionFactory:
    return sessionmaker(engine, class_=AppendingSession, expire_on_commit=False)


@contextmanager
def transaction(factory: SessionFactory) -> Iterator[Session]:
    """One transaction outside of a request: commits at the end, rolls back on any error."""
    with factory() as session, session.begin():
        yield session


def after_commit(session: Session, act: Callable[[], object]) -> None:
    """Call `act` once this transaction is committed; never if it is not. Only for hints that may be lost.

    The end of a savepoint is none: nobody else sees yet what was done in it.
    """
    done = False

    def committed(session: Session) -> None:
        nonlocal done
        if not done and not session.in_nested_transaction():
            done = True
            act()

    event.listen(session, "after_commit", committed)
