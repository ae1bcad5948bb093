"""One's own account: profile, password, sessions."""

from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from luna_web.auth import service
from luna_web.auth.errors import SessionNotFound, TooManyAttempts, WeakPassword, WrongPassword
from luna_web.auth.models import UserSession
from luna_web.auth.schemas import ChangePasswordIn, NothingOut, ProfileIn, SessionOut, UserOut
from luna_web.auth.wiring import TheAccounts
from luna_web.shared.envelope import ok, page
from luna_web.shared.guards import CurrentPrincipal
from luna_web.shared.page_query import Paging
from luna_web.shared.principal import any_user
from luna_web.shared.request_meta import Meta
from luna_web.shared.routing import LunaRouter
from luna_web.shared.transactions import DbSession

router = LunaRouter(prefix="/api/v1/auth", tags=["auth"])


@router.get("/me", rule=any_user, data=UserOut)
def get_me(session: DbSession, principal: CurrentPrincipal, request: Request) -> Response:
    """One's own account."""
    return ok(UserOut.model_validate(service.profile(session, principal)), request=request)


@router.put("/me", rule=any_user, data=UserOut)
def put_me(body: ProfileIn, session: DbSession, principal: CurrentPrincipal, meta: Meta, request: Request) -> Response:
    """Change one's own names and phone number."""
    return ok(UserOut.model_validate(service.update_profile(session, principal, body, meta)), request=request)


@router.put("/change-password", rule=any_user, data=NothingOut, errors=(WrongPassword, WeakPassword, TooManyAttempts))
def change_password(
    body: ChangePasswordIn, principal: CurrentPrincipal, accounts: TheAccounts, meta: Meta, request: Request
) -> Response:
    """Change one's own password, which takes the current one. It ends every other session."""
    accounts.password_change.change(principal, body.current_password, body.new_password, meta)
    return ok(NothingOut(), request=request)


@router.get("/sessions", rule=any_user, items=SessionOut)
def list_sessions(
    session: DbSession, principal: CurrentPrincipal, accounts: TheAccounts, paging: Paging, request: Request
) -> Response:
    """One's own living sessions, the last used first."""
    found = accounts.sessions.live(session, principal, paging)
    return page([_shown(row, principal.session_id) for row in found.items], found.pagination, request=request)


@router.delete("/sessions/{session_id}", rule=any_user, data=NothingOut, errors=(SessionNotFound,))
def end_session(
    session_id: UUID, session: DbSession, principal: CurrentPrincipal, accounts: TheAccounts, meta: Meta,
    request: Request,
) -> Response:  # fmt: skip
    """End one of one's own sessions, everywhere within a second."""
    accounts.sessions.end_one(session, principal, session_id, meta)
    return ok(NothingOut(), request=request)


def _shown(row: UserSession, current: UUID) -> SessionOut:
    return SessionOut(
        id=row.id,
        device=row.device,
        last_address=str(row.last_address) if row.last_address else None,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        current=row.id == current,
    )
