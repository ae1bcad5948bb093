"""sd_notify: tells whoever started this process how it is (systemd's sd_notify(3))."""

from __future__ import annotations

import os
import socket


def notify(**fields: str) -> bool:
    """Send `READY="1"`, `STATUS="…"` and the like; False if nobody listens. A lost message is not an error."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    text = "\n".join(f"{name}={value}" for name, value in fields.items())
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(text.encode(), address)
    except OSError:
        return False
    return True
