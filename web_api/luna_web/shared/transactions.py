"""The one transaction of a request, from its first statement to its commit before the answer."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import partial, wraps
from typing import Annotated, Any, TypeVar

from anyio import CancelScope, CapacityLimiter, to_thread
from fastapi import Depends, Request
from sqlalchemy.orm import Session

T = TypeVar("T")
_open_session: ContextVar[Session | None] = ContextVar("luna_open_session", default=None)
"""That of the request that is being answered."""


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
