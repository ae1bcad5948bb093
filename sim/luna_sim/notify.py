"""Readiness as systemd understands it (sd_notify(3)); without NOTIFY_SOCKET nothing happens."""

import os
import socket


def notify(*lines: str) -> None:
    """Send assignments such as `READY=1` or `STATUS=...` to whoever started this process."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        try:
            sender.sendto("\n".join(lines).encode(), address)
        except OSError:
            # Whoever asked to be told is gone; that is no reason to stop.
            return
