"""TCP ports and ROS domains that nobody else on this machine uses."""

from __future__ import annotations

import errno
import hashlib
import socket
from collections.abc import Callable, Iterable

from luna_embedded.exit_codes import Exit, Refusal

LOOPBACK = "127.0.0.1"
# Domains whose ports lie below Linux's ephemeral range (DDSI-RTPS 2.5, section 9.6.2.3: 7400 + 250 × domain + …).
DOMAINS = 101
TESTS = range(61, 80)
"""Domains that are left to LUNA's tests (`tests/domains.py`): a run must not hear them, nor they it."""


def is_free(port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> bool:
    """Whether this port of the loopback address can be had."""
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
        return True


def require_free(port: int, holder: Callable[[int], str]) -> None:
    """Raise Refusal if the port that was asked for is taken; ``holder`` names who has it, or ""."""
    if not is_free(port):
        by = f" by {name}" if (name := holder(port)) else ""
        raise Refusal(
            f"Port {port} is taken{by}.", f"Stop that, or choose another: ./luna up --port {port + 1}", Exit.IN_THE_WAY
        )


def holder_of(port: int) -> str:
    """Who listens on this port, as far as this user may see: "name (pid)"."""
    import psutil

    try:
        for connection in psutil.net_connections("tcp"):
            if (
                connection.laddr
                and connection.laddr.port == port
                and connection.status == psutil.CONN_LISTEN
                and connection.pid
            ):
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, OSError):
        return ""
    return ""


def pick(wanted: Iterable[int], count: int) -> list[int]:
    """``count`` free ports, those of ``wanted`` (the ports of the last run) first."""
    found = [port for port in dict.fromkeys(wanted) if is_free(port)][:count]
    held = []
    while len(found) < count:
        probe = socket.socket()
        held.append(probe)
        probe.bind((LOOPBACK, 0))
        port = probe.getsockname()[1]
        if port not in found:
            found.append(port)
    for probe in held:
        probe.close()
    return found


def pick_domain(seed: str, is_used: Callable[[int], bool]) -> int:
    """A ROS domain for a run, the same each time if it can be: by the name of the state directory, else the next."""
    there = [domain for domain in range(1, DOMAINS + 1) if domain not in TESTS]
    first = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big") % len(there)
    order = there[first:] + there[:first]
    return next((domain for domain in order if not is_used(domain)), order[0])


def domain_is_used(domain: int) -> bool:
    """Whether some participant is in this domain: the first one has this port for its discovery traffic."""
    return not is_free(7400 + 250 * domain + 10, socket.SOCK_DGRAM)
