"""Who asks, and who may: roles, the principal of a request, the rules of routes.

Every route declares a rule (`shared.routing.LunaRouter`); what has none does not start.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from luna_web.shared.errors import Forbidden, Unauthenticated
from luna_web.shared.rate_limits import address_group

if TYPE_CHECKING:
    from luna_web.shared.runtime import Runtime

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Role(StrEnum):
    STUDENT = "STUDENT"
    LIBRARIAN = "LIBRARIAN"
    ADMIN = "ADMIN"


STAFF_ROLES = frozenset({Role.LIBRARIAN, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Principal:
    """A person with a valid access token of a living session."""

    user_id: UUID
    email: str
    role: Role
    session_id: UUID

    @property
    def is_staff(self) -> bool:
        return self.role in STAFF_ROLES


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may use a route: `roles` None = everybody, also without a token.

    `without_database`: a token's signature and what this process remembers of ended sessions are enough, and
    PostgreSQL is not asked (emergency stops).
    `counted`: each call counts against the caller's limit of reads or writes. Not so what must never be refused
    (emergency stops, health) and what counts by rules of its own (logins).
    """

    name: str
    roles: frozenset[Role] | None
    without_database: bool = False
    counted: bool = True

    def admit(self, principal: Principal) -> None:
        """Forbidden unless the principal's role is among those of the rule."""
        if self.roles is not None and principal.role not in self.roles:
            raise Forbidden()


def requires(*roles: Role, without_database: bool = False, counted: bool = True) -> Rule:
    return Rule("requires " + ", ".join(sorted(roles)), frozenset(roles), without_database, counted)


public = Rule("public", None)
public_uncounted = Rule("public, not counted", None, counted=False)
any_user = requires(*Role)
staff = requires(*STAFF_ROLES)
admin = requires(Role.ADMIN)
staff_in_emergency = requires(*STAFF_ROLES, without_database=True, counted=False)


def bearer_token(request: Request) -> str:
    """The token of the Authorization header; Unauthenticated without one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated()
    return token.strip()


def authenticate(runtime: "Runtime", token: str, *, without_database: bool = False) -> Principal:
    """The principal of an access token, if its session still lives."""
    principal = runtime.tokens.verify(token, runtime.clock.now()).principal
    if _ended(runtime, principal.session_id, without_database):
        raise Unauthenticated("This session has ended")
    return principal


def _ended(runtime: "Runtime", session_id: UUID, without_database: bool) -> bool:
    # A frozen database must not hold up a stop: what this process remembers is at most a second old, or all there is.
    if without_database:
        return runtime.revocations.known_revoked(session_id)
    return runtime.revocations.is_revoked(session_id)


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
