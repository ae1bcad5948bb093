"""Where a request came from, for the audit trail."""

from ipaddress import ip_address
from typing import Annotated

from fastapi import Depends, Request

from luna_web.shared.audit import RequestMeta


def request_meta(request: Request) -> RequestMeta:
    return RequestMeta(client_address(request), request.headers.get("User-Agent", "")[:300] or None)


def client_address(request: Request) -> str | None:
    try:
        return str(ip_address(request.client.host.partition("%")[0])) if request.client else None
    except ValueError:
        return None


async def _meta(request: Request) -> RequestMeta:
    # On the event loop: an emergency stop takes it, too, and must not queue for a thread.
    return request_meta(request)


Meta = Annotated[RequestMeta, Depends(_meta)]
