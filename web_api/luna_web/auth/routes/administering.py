"""What administrators do: accounts of others, the audit trail."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request
from pydantic import AfterValidator, AwareDatetime
from starlette.responses import Response

from luna_web.auth import administration, service, trail
from luna_web.auth.administration import UserFilter
from luna_web.auth.errors import EmailTaken, LastAdmin, UserInUse, UserNotFound, WeakPassword
from luna_web.auth.models import User
from luna_web.auth.repository import TrailFilter
from luna_web.auth.schemas import AuditLogOut, CreateUserIn, EndedOut, ManagedUserOut, UserChangeIn
from luna_web.auth.wiring import TheAccounts
from luna_web.shared.cursors import After, read_cursor
from luna_web.shared.envelope import created, ok, page
from luna_web.shared.fields import storable
from luna_web.shared.guards import CurrentPrincipal
from luna_web.shared.models import AuditLog
from luna_web.shared.page_query import Paging
from luna_web.shared.principal import Role, admin
from luna_web.shared.request_meta import Meta
from luna_web.shared.routing import LunaRouter
from luna_web.shared.transactions import DbSession

router = LunaRouter(prefix="/api/v1/auth", tags=["administration"])
Words = Annotated[
    str | None, Query(max_length=100, description="Words of email or name"), AfterValidator(lambda v: v and storable(v))
]
Text = Annotated[str | None, Query(max_length=100), AfterValidator(lambda v: v and storable(v))]


async def user_filter(q: Words = None, role: Role | None = None, is_active: bool | None = None) -> UserFilter:
    return UserFilter(q, role, is_active)


@router.get("/users", rule=admin, items=ManagedUserOut)
def list_users(
    session: DbSession, wanted: Annotated[UserFilter, Depends(user_filter)], paging: Paging, request: Request
) -> Response:
    """Everybody who has an account. Sorts: created_at (default), email, first_name, last_name, role."""
    found = administration.list_users(session, wanted, paging)
    return page([ManagedUserOut.model_validate(user) for user in found.items], found.pagination, request=request)


@router.post("/users", rule=admin, data=ManagedUserOut, status=201, errors=(EmailTaken, WeakPassword))
def create_user(
    body: CreateUserIn, principal: CurrentPrincipal, accounts: TheAccounts, meta: Meta, request: Request
) -> Response:
    """Open an account with a role. Without a password the person gets a mail to choose one."""
    user = accounts.administration.create(principal, body, meta)
    return created(ManagedUserOut.model_validate(user), request=request, location=f"/api/v1/auth/users/{user.id}")


@router.get("/users/{user_id}", rule=admin, data=ManagedUserOut, errors=(UserNotFound,))
def get_user(user_id: UUID, session: DbSession, request: Request) -> Response:
    """One account."""
    return _shown(service.account(session, user_id), request)


@router.put("/users/{user_id}", rule=admin, data=ManagedUserOut, errors=(UserNotFound, LastAdmin, UserInUse))
def change_user(
    user_id: UUID, body: UserChangeIn, session: DbSession, principal: CurrentPrincipal, accounts: TheAccounts,
    meta: Meta, request: Request,
) -> Response:  # fmt: skip
    """Change names, phone number or role, deactivate or activate again. A lost role or account ends its sessions."""
    return _shown(accounts.administration.change(session, principal, user_id, body, meta), request)


@router.delete("/users/{user_id}", rule=admin, data=ManagedUserOut, errors=(UserNotFound, LastAdmin, UserInUse))
def deactivate_user(
    user_id: UUID, session: DbSession, principal: CurrentPrincipal, accounts: TheAccounts, meta: Meta,
    request: Request,
) -> Response:  # fmt: skip
    """Deactivate an account: its sessions and pending requests end, loans stay. `PUT` with `is_active` undoes it."""
    return _shown(accounts.administration.deactivate(session, principal, user_id, meta), request)


@router.delete("/users/{user_id}/sessions", rule=admin, data=EndedOut, errors=(UserNotFound,))
def end_sessions_of_user(
    user_id: UUID, session: DbSession, principal: CurrentPrincipal, accounts: TheAccounts, meta: Meta,
    request: Request,
) -> Response:  # fmt: skip
    """Log somebody out everywhere, within a second."""
    ended = accounts.administration.end_sessions(session, principal, user_id, meta)
    return ok(EndedOut(sessions=ended), request=request)


async def trail_filter(
    user_id: UUID | None = None,
    action: Text = None,
    resource_type: Text = None,
    resource_id: Text = None,
    trace_id: Text = None,
    since: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    until: Annotated[AwareDatetime | None, Query(alias="to")] = None,
) -> TrailFilter:
    return TrailFilter(user_id, action, resource_type, resource_id, trace_id, since, until)


@router.get("/audit-logs", rule=admin, items=AuditLogOut)
def list_audit_logs(
    session: DbSession,
    wanted: Annotated[TrailFilter, Depends(trail_filter)],
    paging: Paging,
    request: Request,
    after: After = None,
) -> Response:
    """Who did what, newest first. `from` is included, `to` is not; `meta.next` leads to the next page."""
    found = trail.list_trail(session, wanted, paging, read_cursor(after) if after else None)
    meta = {"next": trail.next_cursor(found)}
    return page([_row(row) for row in found.items], found.pagination, request=request, meta=meta)


def _shown(user: User, request: Request) -> Response:
    return ok(ManagedUserOut.model_validate(user), request=request)


def _row(row: AuditLog) -> AuditLogOut:
    return AuditLogOut(
        id=row.id,
        at=row.at,
        user_id=row.user_id,
        role=row.role,
        action=row.action,
        resource_type=row.resource_type,
        resource_id=row.resource_id,
        changes=row.changes,
        ip_address=str(row.ip_address) if row.ip_address else None,
        trace_id=row.trace_id,
    )
