"""Cookies of the auth service: never seen by scripts, never sent by other sites, never in the open.

`__Secure-` has the browser refuse one that was set without TLS (RFC 6265bis, section 4.1.3). Browsers take localhost
for secure.
"""

import hmac

from fastapi import Request
from starlette.responses import Response

from luna_web.auth.errors import ForeignOrigin
from luna_web.shared.config import Settings

REFRESH = "__Secure-luna_refresh"
DEVICE = "__Secure-luna_device"
PATH = "/api/v1/auth"


def put_refresh(response: Response, token: str, settings: Settings) -> None:
    _put(response, REFRESH, token, settings.refresh_token_seconds)


def put_device(response: Response, token: str, settings: Settings) -> None:
    _put(response, DEVICE, token, settings.device_token_seconds)


def clear_refresh(response: Response) -> None:
    response.delete_cookie(REFRESH, path=PATH, secure=True, httponly=True, samesite="strict")


def _put(response: Response, name: str, token: str, seconds: int) -> None:
    response.set_cookie(name, token, max_age=seconds, path=PATH, secure=True, httponly=True, samesite="strict")


def check_origin(request: Request, settings: Settings) -> None:
    """ForeignOrigin unless a page of ours asks: our own Origin, and a header that no form of another site can send."""
    origin = request.headers.get("Origin", "")
    ours = hmac.compare_digest(origin.encode(), settings.origin.encode())
    if not ours or not request.headers.get("X-Requested-With"):
        raise ForeignOrigin()
