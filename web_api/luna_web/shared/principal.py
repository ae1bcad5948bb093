"""Who asks, and who may: roles, principals, the rules of routes. `guards` holds them on requests.

Every route declares a rule (`shared.routing.LunaRouter`); what has none does not start.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from luna_web.shared.errors import Forbidden, Unauthenticated

if TYPE_CHECKING:
    from luna_web.shared.runtime import Runtime


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


def authenticate(runtime: "Runtime", token: str, *, without_database: bool = False) -> Principal:
    """The principal of an access token, if its session still lives."""
    principal = runtime.tokens.verify(token, runtime.clock.now()).principal
    if _ended(runtime, principal.session_id, without_database):
        raise Unauthenticated("This session has ended")
    return principal


def authenticate_at_once(runtime: "Runtime", token: str) -> Principal | None:
    """The same by what this process remembers of ended sessions; None where PostgreSQL has to be asked."""
    principal = runtime.tokens.verify(token, runtime.clock.now()).principal
    ended = runtime.revocations.remembers(principal.session_id)
    if ended:
        raise Unauthenticated("This session has ended")
    return None if ended is None else principal


def _ended(runtime: "Runtime", session_id: UUID, without_database: bool) -> bool:
    # A frozen database must not hold up a stop: what this process remembers is at most a second old, or all there is.
    if without_database:
        return runtime.revocations.known_revoked(session_id)
    return runtime.revocations.is_revoked(session_id)
