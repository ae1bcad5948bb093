"""Where a robot may be reached: addresses of bridges that LUNA may connect to. Pure.

The web tier connects to these from inside the network, with a token. So a host must be on the list of the
configuration (`LUNA_BRIDGE_HOSTS`) to the letter, and an address is nothing but scheme, host, port and path.
"""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

LONGEST = 500
_PLAIN = re.compile(r"wss?://[A-Za-z0-9.:\[\]_-]+(/[A-Za-z0-9._~-]+)*/?")
_NAMESPACE = re.compile(r"(/[A-Za-z][A-Za-z0-9_]*)+")
_PORTS = {"ws": 80, "wss": 443}


def wrong_with_bridge(url: str, allowed: Sequence[str]) -> str | None:
    """Why this is no bridge to connect to; None = it is.

    `allowed` names hosts, each with any port or, as `host:port`, with that one.
    """
    if len(url) > LONGEST or not _PLAIN.fullmatch(url):
        return "must look like ws://host:port/path or wss://host:port/path, without user, query and fragment"
    try:
        parts = urlsplit(url)
        port = _PORTS[parts.scheme] if parts.port is None else parts.port
    except ValueError as error:
        return f"is no address: {error}"
    if port == 0:
        return "the port must be 1 to 65535"
    host = (parts.hostname or "").rstrip(".")
    if not host or any(part in (".", "..") for part in parts.path.split("/")):
        return "must name a host, and no path with dots alone"
    listed = {entry.lower() for entry in allowed}
    shown = f"[{host}]" if ":" in host else host
    if listed.isdisjoint((host, shown, f"{shown}:{port}")):
        return f"{shown} is not among LUNA_BRIDGE_HOSTS"
    return None


def wrong_with_namespace(namespace: str) -> str | None:
    """Why this is no absolute ROS namespace; None = it is.

    Source: ROS 2 design, "Topic and Service name mapping to DDS", section "ROS 2 Name Requirements".
    """
    if not _NAMESPACE.fullmatch(namespace) or len(namespace) > 200:
        return "must look like /luna1: parts of letters, digits and _ that begin with a letter, each after a /"
    if "__" in namespace:
        return "must not contain two underscores in a row"
    return None
