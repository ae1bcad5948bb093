"""Holding a route's rule on its requests: the token is read, its principal admitted, the call counted."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from luna_web.shared.errors import Unauthenticated
from luna_web.shared.principal import Principal, Rule, authenticate
from luna_web.shared.rate_limits import address_group

if TYPE_CHECKING:
    from luna_web.shared.runtime import Runtime

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


def bearer_token(request: Request) -> str:
    """The token of the Authorization header; Unauthenticated without one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated()
    return token.strip()


# Only declares the scheme in the OpenAPI document; `bearer_token` reads the header.
_declared = Security(HTTPBearer(bearerFormat="JWT", scheme_name="bearer", auto_error=False))


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


def guard(rule: Rule) -> Callable[..., Any]:
    """The dependency that holds a rule on a route."""

    async def admit_all() -> None:
        """Nothing is asked of anybody."""

    def count_address(request: Request) -> None:
        count(request, address_of(request))

    def admit(request: Request) -> None:
        principal = authenticate(request.app.state.luna, bearer_token(request), without_database=rule.without_database)
        if rule.counted:
            count(request, f"user:{principal.user_id}")
        request.state.principal = principal
        rule.admit(principal)

    def enforce(request: Request, _: Annotated[HTTPAuthorizationCredentials | None, _declared]) -> None:
        admit(request)

    async def enforce_at_once(request: Request, _: Annotated[HTTPAuthorizationCredentials | None, _declared]) -> None:
        """On the event loop: it asks nobody, and must not queue behind requests that fill the thread pool."""
        admit(request)

    held: Callable[..., Any] = enforce_at_once if rule.without_database else enforce
    if rule.roles is None:
        held = count_address if rule.counted else admit_all
    held.rule = rule  # type: ignore[attr-defined]  # read by `routing.rule_of`
    return held


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
