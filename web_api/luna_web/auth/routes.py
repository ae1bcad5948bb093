"""HTTP of accounts and sessions."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from luna_web.auth import service
from luna_web.auth.errors import (
    AccountDisabled,
    EmailTaken,
    InvalidCredentials,
    RefreshTokenInvalid,
    RefreshTokenReused,
    RegistrationClosed,
    TooManyAttempts,
    WeakPassword,
)
from luna_web.auth.passwords import Passwords
from luna_web.auth.schemas import (
    LoggedInOut,
    LoginIn,
    LogoutIn,
    NothingOut,
    ProfileIn,
    RefreshIn,
    RegisterIn,
    TokensOut,
    UserOut,
)
from luna_web.auth.service import Accounts, LoggedIn
from luna_web.auth.sessions import IssuedTokens, Sessions
from luna_web.shared.audit import Meta
from luna_web.shared.database import DbSession
from luna_web.shared.envelope import ok
from luna_web.shared.errors import RateLimited
from luna_web.shared.principal import CurrentPrincipal, any_user, public
from luna_web.shared.rate_limits import RateLimits
from luna_web.shared.routing import LunaRouter
from luna_web.shared.runtime import Port, Runtime

router = LunaRouter(prefix="/api/v1/auth", tags=["auth"])


ACCOUNTS: Port[Accounts] = Port("accounts")


def accounts(request: Request) -> Accounts:
    """One for the process, since it bounds how many passwords are hashed at a time."""
    runtime: Runtime = request.app.state.luna
    return runtime.once(ACCOUNTS, lambda: make_accounts(runtime))


def make_accounts(runtime: Runtime) -> Accounts:
    return Accounts(runtime, Passwords.of(runtime.settings), RateLimits(runtime.redis), Sessions(runtime))


def sessions(request: Request) -> Sessions:
    return Sessions(request.app.state.luna)


TheAccounts = Annotated[Accounts, Depends(accounts)]
TheSessions = Annotated[Sessions, Depends(sessions)]


@router.post(
    "/register",
    rule=public,
    data=LoggedInOut,
    status=201,
    errors=(EmailTaken, WeakPassword, RegistrationClosed, RateLimited),
)
def register(body: RegisterIn, accounts: TheAccounts, meta: Meta, request: Request) -> Response:
    """Open an account as a student and log in."""
    return _logged_in(accounts.register(body, meta), request, status=201)


@router.post("/login", rule=public, data=LoggedInOut, errors=(InvalidCredentials, AccountDisabled, TooManyAttempts))
def login(body: LoginIn, accounts: TheAccounts, meta: Meta, request: Request) -> Response:
    """Log in with email and password."""
    return _logged_in(accounts.login(body.email, body.password, meta), request)


@router.post("/refresh", rule=public, data=TokensOut, errors=(RefreshTokenInvalid, RefreshTokenReused))
def refresh(body: RefreshIn, sessions: TheSessions, meta: Meta, request: Request) -> Response:
    """Change a refresh token for a new pair. Each is good once; one that comes again ends the session."""
    return ok(_pair(sessions.refresh(body.refresh_token, meta)), request=request)


@router.post("/logout", rule=any_user, data=NothingOut)
def logout(
    session: DbSession,
    principal: CurrentPrincipal,
    sessions: TheSessions,
    meta: Meta,
    request: Request,
    body: LogoutIn | None = None,
    all: bool = False,  # noqa: A002 - the parameter's public name
) -> Response:
    """End this session and that of the refresh token, or with `?all=true` all of one's own.

    It counts everywhere within a second.
    """
    also = body.refresh_token if body else None
    sessions.end(session, principal, meta, everywhere=all, refresh_token=also)
    return ok(NothingOut(), request=request)


@router.get("/me", rule=any_user, data=UserOut)
def get_me(session: DbSession, principal: CurrentPrincipal, request: Request) -> Response:
    """One's own account."""
    return ok(UserOut.model_validate(service.profile(session, principal)), request=request)


@router.put("/me", rule=any_user, data=UserOut)
def put_me(body: ProfileIn, session: DbSession, principal: CurrentPrincipal, meta: Meta, request: Request) -> Response:
    """Change one's own names and phone number."""
    return ok(UserOut.model_validate(service.update_profile(session, principal, body, meta)), request=request)


def _logged_in(done: LoggedIn, request: Request, status: int = 200) -> Response:
    pair = _pair(done.tokens)
    data = LoggedInOut(**pair.model_dump(), user=UserOut.model_validate(done.user))
    return ok(data, request=request, status=status, headers=done.allowance.headers)


def _pair(tokens: IssuedTokens) -> TokensOut:
    return TokensOut(access_token=tokens.access_token, refresh_token=tokens.refresh_token, expires_in=tokens.expires_in)
