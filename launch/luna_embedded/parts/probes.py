"""Small questions that tell whether a server serves. Each answers within a second."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

DEADLINE_S = 1.0
PROTOCOL_3 = 196608


def tcp_accepts(port: int) -> bool:
    """Whether something listens on this port of the loopback address."""
    try:
        with socket.create_connection(("127.0.0.1", port), DEADLINE_S):
            return True
    except OSError:
        return False


def http_status(port: int, path: str) -> int | None:
    """Status of a GET on the loopback address; None if there is no answer."""
    import http.client  # and email and ssl with it: only a supervisor asks, and every command would wait for them

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def valkey_serves(path: Path) -> bool:
    """Whether a Redis protocol server answers PING; while it loads its data it does not."""
    return _exchange(path, b"PING\r\n").startswith(b"+PONG")


def postgres_serves(path: Path, user: str, database: str) -> bool:
    """Whether PostgreSQL takes connections: it asks for a password ("R") rather than saying that it is starting ("E").

    Frontend/backend protocol 3.0, start-up message (PostgreSQL documentation, 54.7).
    """
    parameters = b"".join(word.encode() + b"\0" for word in ("user", user, "database", database)) + b"\0"
    message = struct.pack("!ii", len(parameters) + 8, PROTOCOL_3) + parameters
    return _exchange(path, message).startswith(b"R")


def _exchange(path: Path, message: bytes) -> bytes:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(DEADLINE_S)
            connection.connect(str(path))
            connection.sendall(message)
            return connection.recv(64)
    except OSError:
        return b""
