"""What goes by mail: a forgotten password, an email to verify."""

from fastapi import Request
from starlette.responses import Response

from luna_web.auth import cookies
from luna_web.auth.errors import ResetTokenInvalid, VerificationTokenInvalid, WeakPassword
from luna_web.auth.events import MailKind
from luna_web.auth.schemas import MailIn, NothingOut, ResetOut, ResetPasswordIn, VerifyEmailIn
from luna_web.auth.wiring import Accounts, TheAccounts
from luna_web.shared.audit import RequestMeta
from luna_web.shared.envelope import ok
from luna_web.shared.errors import RateLimited
from luna_web.shared.principal import public_uncounted
from luna_web.shared.request_meta import Meta
from luna_web.shared.routing import LunaRouter

router = LunaRouter(prefix="/api/v1/auth", tags=["auth"])


@router.post("/forgot-password", rule=public_uncounted, data=NothingOut, status=202, errors=(RateLimited,))
def forgot_password(body: MailIn, accounts: TheAccounts, meta: Meta, request: Request) -> Response:
    """Have a link to choose a new password mailed. The answer is the same whether or not there is such an account.

    The `device_token` of an earlier login here, in the body or as its cookie, has the mail sent at once, however often
    others have asked for this account; without it that can take ten minutes.
    """
    return _asked(accounts, MailKind.RESET, body, meta, request)


@router.post(
    "/reset-password", rule=public_uncounted, data=ResetOut, errors=(ResetTokenInvalid, WeakPassword, RateLimited)
)
def reset_password(body: ResetPasswordIn, accounts: TheAccounts, meta: Meta, request: Request) -> Response:
    """Choose a new password with the token of a mailed link: once, within 30 minutes. It ends every session."""
    device_token = accounts.recovery.reset(body.token, body.new_password, meta)
    response = ok(ResetOut(device_token=device_token), request=request)
    cookies.put_device(response, device_token, accounts.runtime.settings)
    return response


@router.post("/verify-email", rule=public_uncounted, data=NothingOut, errors=(VerificationTokenInvalid, RateLimited))
def verify_email(body: VerifyEmailIn, accounts: TheAccounts, meta: Meta, request: Request) -> Response:
    """Verify an email with the token of a mailed link. The account may log in from then on."""
    accounts.recovery.verify(body.token, meta)
    return ok(NothingOut(), request=request)


@router.post("/verify-email/resend", rule=public_uncounted, data=NothingOut, status=202, errors=(RateLimited,))
def resend_verification(body: MailIn, accounts: TheAccounts, meta: Meta, request: Request) -> Response:
    """Have the mail sent again. The answer is the same whether or not an account waits for it."""
    return _asked(accounts, MailKind.VERIFICATION, body, meta, request)


def _asked(accounts: Accounts, kind: MailKind, body: MailIn, meta: RequestMeta, request: Request) -> Response:
    device = body.device_token or request.cookies.get(cookies.DEVICE)
    allowance = accounts.recovery.ask(kind, body.email, device, meta)
    return ok(NothingOut(), request=request, status=202, headers=allowance.headers)
