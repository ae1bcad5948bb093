"""The receiving end of systemd's notify protocol (sd_notify(3)): one datagram socket per part."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

LONGEST_MESSAGE = 4096


def parse(message: bytes) -> dict[str, str]:
    """``NAME=value`` lines of one datagram; anything else in it is ignored."""
    lines = message.decode(errors="replace").splitlines()
    return {name: value for name, separator, value in (line.partition("=") for line in lines) if separator}


class NotifySocket:
    """Listens for one part and hands each message on."""

    def __init__(self, path: Path, heard: Callable[[dict[str, str]], None]) -> None:
        path.unlink(missing_ok=True)
        self.path = path
        self._heard = heard
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(str(path))
        path.chmod(0o600)
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self.path.unlink(missing_ok=True)

    def _read(self) -> None:
        self._heard(parse(self._socket.recv(LONGEST_MESSAGE)))
