"""sd_notify: tells whoever started this process how it is (systemd's sd_notify(3))."""

import os
import socket


def notify(message: str) -> None:
    """Send `READY=1`, `STATUS=…` and the like, where somebody listens. A lost message is no error."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(message.encode(), f"\0{address[1:]}" if address.startswith("@") else address)
    except OSError:
        return
