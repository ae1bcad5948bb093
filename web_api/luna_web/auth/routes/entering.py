"""Registering, logging in, refreshing, logging out."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from luna_web.auth import cookies
from luna_web.auth.errors import (
    AccountDisabled,
    DomainNotAdmitted,
    EmailTaken,
    EmailUnverified,
    ForeignOrigin,
    InvalidCredentials,
    RefreshTokenInvalid,
    RefreshTokenReused,
    RegistrationClosed,
    TooManyAttempts,
    WeakPassword,
)
from luna_web.auth.logins import LoggedIn
from luna_web.auth.schemas import (
    LoggedInOut,
    LoginIn,
    LogoutIn,
    NothingOut,
    RefreshIn,
    RegisterIn,
    TokensOut,
    UserOut,
    WaitingOut,
)
from luna_web.auth.sessions import IssuedTokens
from luna_web.auth.wiring import TheAccounts
from luna_web.shared.envelope import ok
from luna_web.shared.errors import RateLimited, ValidationFailed
from luna_web.shared.guards import CurrentPrincipal, address_of, count
from luna_web.shared.principal import any_user, public_uncounted
from luna_web.shared.request_meta import Meta
from luna_web.shared.routing import LunaRouter
from luna_web.shared.transactions import DbSession

router = LunaRouter(prefix="/api/v1/auth", tags=["auth"])
AsCookie = Annotated[
    bool, Query(description="Put the refresh token into a cookie that no script sees, instead of the body")
]
NO_STORE = {"Cache-Control": "no-store"}
"""Tokens belong into no cache (RFC 6749, section 5.1)."""
MAILED = {202: ("The email must be verified: a mail is on its way, whether or not it had an account", WaitingOut)}


@router.post(
    "/register",
    rule=public_uncounted,
    data=LoggedInOut,
    status=201,
    also=MAILED,
    errors=(EmailTaken, WeakPassword, RegistrationClosed, DomainNotAdmitted, RateLimited),
)
def register(
    body: RegisterIn, accounts: TheAccounts, meta: Meta, request: Request, cookie: AsCookie = False
) -> Response:
    """Open an account as a student and log in (201), or wait for the mail where emails must be verified (202)."""
    done = accounts.registration.register(body, meta)
    if isinstance(done, LoggedIn):
        return _logged_in(done, accounts, request, cookie, status=201)
    return ok(WaitingOut(email=done.email), request=request, status=202, headers=done.allowance.headers)


@router.post(
    "/login",
    rule=public_uncounted,
    data=LoggedInOut,
    errors=(InvalidCredentials, AccountDisabled, EmailUnverified, TooManyAttempts),
)
def login(body: LoginIn, accounts: TheAccounts, meta: Meta, request: Request, cookie: AsCookie = False) -> Response:
    """Log in with email and password.

    The `device_token` of an earlier login here, in the body or as its cookie, spares this device the delays that
    failures elsewhere bring upon the account.
    """
    device = body.device_token or request.cookies.get(cookies.DEVICE)
    done = accounts.logins.login(body.email, body.password, device, meta)
    return _logged_in(done, accounts, request, cookie)


@router.post(
    "/refresh",
    rule=public_uncounted,
    data=TokensOut,
    errors=(RefreshTokenInvalid, RefreshTokenReused, ForeignOrigin, RateLimited),
)
def refresh(accounts: TheAccounts, meta: Meta, request: Request, body: RefreshIn | None = None) -> Response:
    """Change a refresh token for a new pair. Each is good once; one that comes again ends the session.

    Without a token in the body the cookie's is taken; that needs our own `Origin` and a header `X-Requested-With`, and
    the new one goes into the cookie, too.
    """
    given = body.refresh_token if body else None
    kept = None if given else request.cookies.get(cookies.REFRESH)
    if kept:
        cookies.check_origin(request, accounts.runtime.settings)
    text = given or kept
    if not text:
        raise ValidationFailed({"refresh_token": ["is needed, here or as the cookie"]})
    session_id = accounts.sessions.named_by(text)
    count(request, f"session:{session_id}" if session_id else address_of(request))
    tokens = accounts.sessions.refresh(text, meta)
    response = ok(_pair(tokens, in_body=kept is None), request=request, headers=NO_STORE)
    if kept:
        cookies.put_refresh(response, tokens.refresh_token, accounts.runtime.settings)
    return response


@router.post("/logout", rule=any_user, data=NothingOut)
def logout(
    session: DbSession,
    principal: CurrentPrincipal,
    accounts: TheAccounts,
    meta: Meta,
    request: Request,
    body: LogoutIn | None = None,
    all: bool = False,  # noqa: A002 - the parameter's public name
) -> Response:
    """End this session and that of the refresh token, or with `?all=true` all of one's own.

    It counts everywhere within a second. The refresh token's cookie goes.
    """
    also = (body.refresh_token if body else None) or request.cookies.get(cookies.REFRESH)
    accounts.sessions.end(session, principal, meta, everywhere=all, refresh_token=also)
    response = ok(NothingOut(), request=request)
    if cookies.REFRESH in request.cookies:
        cookies.clear_refresh(response)
    return response


def _logged_in(done: LoggedIn, accounts: TheAccounts, request: Request, cookie: bool, status: int = 200) -> Response:
    settings = accounts.runtime.settings
    pair = _pair(done.tokens, in_body=not cookie)
    device = None if cookie else done.device_token
    data = LoggedInOut(**pair.model_dump(), device_token=device, user=UserOut.model_validate(done.user))
    response = ok(data, request=request, status=status, headers={**done.allowance.headers, **NO_STORE})
    cookies.put_device(response, done.device_token, settings)
    if cookie:
        cookies.put_refresh(response, done.tokens.refresh_token, settings)
    return response


def _pair(tokens: IssuedTokens, *, in_body: bool) -> TokensOut:
    return TokensOut(
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token if in_body else None,
        expires_in=tokens.expires_in,
    )
