"""From which pages browsers may open the channel (OWASP ASVS 5, 4.4.2). Pure.

The token is never one that a browser sends by itself, so that a foreign page gains nothing by a socket; this keeps it
from opening one at all. Programs that are no browsers send no Origin (RFC 6454, section 7.3) and are not asked for one.
"""

from collections.abc import Collection
from urllib.parse import urlsplit


def is_welcome(origin: str | None, host: str | None, ours: Collection[str]) -> bool:
    """Whether a page of `origin` may: one of `ours`, or a page of the very host that was asked (`Host`)."""
    if origin is None or origin in ours:
        return True
    try:
        asked_from = urlsplit(origin).netloc.lower()
    except ValueError:
        return False
    return asked_from != "" and asked_from == (host or "").lower()
