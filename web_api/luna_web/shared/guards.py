"""Holding a route's rule on its requests: the token is read, its principal admitted, the call counted.

Counting asks Redis and needs a thread; each change of thread costs a call about as much as the question itself. So an
endpoint that runs in a thread has its call counted there, before all else (`counting`), and one that does not come to
that is counted when its request is refused (`count_refused`).
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from luna_web.shared.errors import Unauthenticated
from luna_web.shared.principal import Principal, Rule, authenticate, authenticate_at_once
from luna_web.shared.rate_limits import address_group

if TYPE_CHECKING:
    from luna_web.shared.runtime import Runtime

T = TypeVar("T")
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


def bearer_token(request: Request) -> str:
    """The token of the Authorization header; Unauthenticated without one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated()
    return token.strip()


def count(request: Request, who: str) -> None:
    """Count this request against the limit of `who`; the answer tells what is left. Raises RateLimited."""
    runtime: Runtime = request.app.state.luna
    allowance = runtime.traffic.take(who, writes=request.method not in _READING)
    request.state.answer_headers = allowance.headers


def address_of(request: Request) -> str:
    """By whom a request is counted while nobody is logged in."""
    try:
        return f"address:{address_group(request.client.host if request.client else None)}"
    except ValueError:
        return "address:unknown"


@dataclass(slots=True)
class _Due:
    """A request that is still to be counted, once."""

    request: Request
    who: str
    counted: bool = False

    def count(self) -> None:
        if not self.counted:
            self.counted = True
            count(self.request, self.who)


_due: ContextVar[_Due | None] = ContextVar("luna_count_due", default=None)


def counting(endpoint: Callable[..., T]) -> Callable[..., T]:
    """The endpoint of a route whose guard leaves the counting to it."""

    @wraps(endpoint)
    def counted(*args: Any, **kwargs: Any) -> T:
        due = _due.get()
        if due is not None:
            due.count()
        return endpoint(*args, **kwargs)

    return counted


async def count_refused() -> None:
    """Count a request that was refused before its endpoint could. Raises RateLimited, which comes before any reason."""
    due = _due.get()
    if due is not None and not due.counted:
        await run_in_threadpool(due.count)


def guard(rule: Rule, *, counts: bool) -> Callable[..., Any]:
    """The dependency that holds a rule on a route. `counts`: at once, since its endpoint does not (`counting`)."""
    held: Callable[..., Any]
    if rule.roles is None:
        held = _counting_addresses(counts) if rule.counted else _admitting_all()
    else:
        held = _enforcing(rule, counts)
    held.rule = rule  # type: ignore[attr-defined]  # read by `routing.rule_of`
    return held


def _admitting_all() -> Callable[..., Any]:
    async def admit_all() -> None:
        """Nothing is asked of anybody."""

    return admit_all


def _counting_addresses(counts: bool) -> Callable[..., Any]:
    def count_address(request: Request) -> None:
        count(request, address_of(request))

    async def have_address_counted(request: Request) -> None:
        _due.set(_Due(request, address_of(request)))

    return count_address if counts else have_address_counted


def _enforcing(rule: Rule, counts: bool) -> Callable[..., Any]:
    def authenticated(request: Request) -> Principal:
        return authenticate(request.app.state.luna, bearer_token(request))

    def known(request: Request) -> Principal | None:
        runtime, token = request.app.state.luna, bearer_token(request)
        if rule.without_database:
            return authenticate(runtime, token, without_database=True)
        return authenticate_at_once(runtime, token)

    async def enforce(request: Request) -> None:
        """On the event loop, unless PostgreSQL has to be asked whether the session has ended.

        Without it nobody is asked, so that the call does not queue behind those that fill the thread pool.
        """
        principal = known(request)
        if principal is None:
            principal = await run_in_threadpool(authenticated, request)
        if rule.counted:
            due = _Due(request, f"user:{principal.user_id}")
            _due.set(due)
            if counts:
                await run_in_threadpool(due.count)
        request.state.principal = principal
        rule.admit(principal)

    return enforce


def declared(rule: Rule) -> Callable[..., Any]:
    """Says which rule a WebSocket's endpoint holds itself (`routing.rule_of` reads it)."""

    async def nothing() -> None:
        """The endpoint asks for the token and admits."""

    nothing.rule = rule  # type: ignore[attr-defined]
    return nothing


async def current_principal(request: Request) -> Principal:
    """Whom the route's rule admitted. A programming error on public routes."""
    principal = request.state.principal
    assert isinstance(principal, Principal)  # noqa: S101 - the rule put it there
    return principal


CurrentPrincipal = Annotated[Principal, Depends(current_principal)]
