"""Which addresses of push services we talk to: an endpoint comes from a browser, and anybody can write one. Pure.

We open connections to the services of the list alone, by https and on its own port: nobody can have us call another
machine, ours least of all.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

LONGEST = 2000


def fault_of(endpoint: str, services: Sequence[str]) -> str | None:
    """Why we do not send there; None if we do. `*.push.example` stands for every name below `push.example`."""
    if len(endpoint) > LONGEST:
        return f"must have at most {LONGEST} characters"
    if not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint or "\\" in endpoint:
        return "must be an address in ASCII"
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "must be an address"
    if parts.scheme != "https" or not host:
        return "must begin with https://"
    if port not in (None, 443) or "@" in parts.netloc or parts.fragment:
        return "must have neither a port nor a user nor a fragment"
    if not any(_matches(host, service.lower()) for service in services):
        return f"must be of a push service that this library uses: {', '.join(services)}"
    return None


def host_of(endpoint: str) -> str:
    return urlsplit(endpoint).hostname or ""


def _matches(host: str, service: str) -> bool:
    if service.startswith("*."):
        return host.endswith(service[1:]) and host != service[1:]
    return host == service
