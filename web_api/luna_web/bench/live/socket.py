"""A WebSocket client that costs next to nothing (RFC 6455), so that a thousand of them measure the server."""

import asyncio
import base64
import os
import struct
from collections.abc import Callable
from typing import cast

TEXT, CLOSE = 0x1, 0x8
PONG = b'{"op":"pong"}'


class Socket(asyncio.Protocol):
    """Hands each text message to `heard` with its moment (seconds of the machine's clock); answers LUNA's pings.

    `said` is sent as soon as the connection is open. `lost` is called once, with the close code (1006 without one).
    """

    def __init__(
        self, host: str, path: str, token: str, said: str, heard: Callable[[bytes], None], lost: Callable[[int], None]
    ) -> None:
        self._request = _handshake(host, path, token)
        self._said = said
        self._heard = heard
        self._lost = lost
        self._open = False
        self._code = 1006
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop's own is none by inheritance
        self._transport = transport
        transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost(self._code)

    def stop_reading(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._open and not self._opened():
            return
        while (frame := self._next_frame()) is not None:
            opcode, payload = frame
            if opcode == CLOSE:
                self._code = struct.unpack("!H", payload[:2])[0] if len(payload) > 1 else 1005
            elif payload.startswith(b'{"op":"ping"'):
                self._send(PONG)
            else:
                self._heard(payload)

    def _opened(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        if not self._buffer.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(bytes(self._buffer[:80]).decode(errors="replace"))
        del self._buffer[: end + 4]
        self._open = True
        if self._said:
            self._send(self._said.encode())
        return True

    def _next_frame(self) -> tuple[int, bytes] | None:
        """A server's frames are whole and not masked."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, start = buffer[1] & 0x7F, 2
        if size == 126:
            size, start = int.from_bytes(buffer[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(buffer[2:10], "big"), 10
        if len(buffer) < start + size:
            return None
        payload = bytes(buffer[start : start + size])
        opcode = buffer[0] & 0x0F
        del buffer[: start + size]
        return opcode, payload

    def _send(self, payload: bytes) -> None:
        """Masked with zeros, which is allowed and costs nothing."""
        if self._transport is not None:
            self._transport.write(frame_head(len(payload), 0x80) + bytes(4) + payload)


def frame_head(size: int, masked: int = 0) -> bytes:
    """The beginning of a whole text frame of so many bytes."""
    if size < 126:
        return bytes((0x80 | TEXT, masked | size))
    if size < 65_536:
        return bytes((0x80 | TEXT, masked | 126)) + size.to_bytes(2, "big")
    return bytes((0x80 | TEXT, masked | 127)) + size.to_bytes(8, "big")


def _handshake(host: str, path: str, token: str) -> bytes:
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: luna.v1, bearer.{token}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
