"""The database: engine, sessions, the one transaction of a request.

Services and repositories get a `Session` and never commit; who opened the transaction ends it.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import partial, wraps
from typing import Annotated, Any, TypeVar
from uuid import UUID

from anyio import CancelScope, CapacityLimiter, to_thread
from fastapi import Depends, Request
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
T = TypeVar("T")
_open_session: ContextVar[Session | None] = ContextVar("luna_open_session", default=None)
"""That of the request that is being answered."""


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


def connect_args(*, statement_timeout_ms: int = STATEMENT_TIMEOUT_MS) -> dict[str, Any]:
    """What every connection of ours is opened with: bounded waits, UTC."""
    options = (
        f"-c statement_timeout={statement_timeout_ms} -c lock_timeout={LOCK_TIMEOUT_MS}"
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


async def db_session(request: Request) -> Session:
    """The request's transaction. It commits before the answer is sent, so that an answer is always true.

    No thread is needed to begin it: nothing is connected before the first statement. A route that is a plain function
    ends it in the thread that it runs in (`ending_transaction`); for others, and for what failed, `settled` does.
    """
    session: Session = request.app.state.luna.session_factory()
    session.begin()
    _open_session.set(session)
    return session


async def settled(answer: Awaitable[T]) -> T:
    """The answer to a request, whose transaction is committed by then if it has one, and undone if something failed.

    Around the whole route, not a dependency that yields: what FastAPI builds around one of those takes a tenth of the
    event loop's time for a call.
    """
    try:
        given = await answer
        session = _open_session.get()
        if session is not None and session.in_transaction():
            await _in_a_thread(partial(_end, session))
        return given
    except BaseException:
        session = _open_session.get()
        if session is not None:
            await _in_a_thread(session.close)
        raise
    finally:
        _open_session.set(None)


def ending_transaction(endpoint: Callable[..., T]) -> Callable[..., T]:
    """The endpoint of a route, followed by the commit of its request's transaction if it has one."""

    @wraps(endpoint)
    def ended(*args: Any, **kwargs: Any) -> T:
        answer = endpoint(*args, **kwargs)
        session = _open_session.get()
        if session is not None:
            session.commit()
        return answer

    return ended


def _end(session: Session) -> None:
    with session:
        session.commit()


async def _in_a_thread(act: Callable[[], None]) -> None:
    """In a thread of its own: it gives a connection back that those who have all others may be waiting for."""
    with CancelScope(shield=True):
        await to_thread.run_sync(act, limiter=CapacityLimiter(1))


DbSession = Annotated[Session, Depends(db_session)]


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
