"""uvicorn's WebSocket, with two ways to be rid of a peer, and one to send many the same.

    uvicorn luna_web.main:app --ws luna_web.shared.websocket:WebSocketProtocol

A closed connection whose last bytes nobody takes would stay open for as long as its peer likes, and ASGI knows no way
to cut it off; the scope's extension `luna.abort` is one. And frames that no message comes of (pings, pongs, pieces of
messages) never reach the application, which could not count them: a peer that sends nothing but those, for which we
would reckon and keep pongs without end, is cut off here.

A server's frames are not masked (RFC 6455, section 5.1), so that those of one text are the same bytes for everybody:
`text_frame` makes them, the extension `luna.write` sends them as they are.
"""

from typing import Any, cast

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

ABORT = "luna.abort"
WRITE = "luna.write"
SMALL_FRAMES = 500
"""That a peer may send in `SMALL_FRAMES_SECONDS` without a message."""
SMALL_FRAMES_SECONDS = 10.0


def text_frame(text: str) -> bytes:
    """A text as the one frame of a server (RFC 6455, section 5.2)."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        return b"\x81" + size.to_bytes(1, "big") + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def text_of(frame: bytes) -> str:
    """What `text_frame` was given."""
    return frame[{126: 4, 127: 10}.get(frame[1], 2) :].decode()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    _small_frames = 0
    _counted_from = 0.0

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        scope = getattr(self, "scope", None)
        if scope is not None:
            extensions = cast("dict[str, Any]", scope["extensions"])
            extensions[ABORT] = {"abort": self.transport.abort}
            extensions[WRITE] = {"write": self.write}

    async def write(self, frames: bytes) -> None:
        """Whole frames, once the peer has taken what came before them. Raises OSError where it is gone."""
        if not self.writable.is_set():
            await self.writable.wait()
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise ClientDisconnected
        self.transport.write(frames)

    def handle_ping(self) -> None:
        if self._allows_one_more():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        if self._allows_one_more():
            super().handle_pong(event)

    def handle_cont(self, event: Frame) -> None:
        if self._allows_one_more():
            super().handle_cont(event)

    def _allows_one_more(self) -> bool:
        now = self.loop.time()
        if now - self._counted_from > SMALL_FRAMES_SECONDS:
            self._counted_from, self._small_frames = now, 0
        self._small_frames += 1
        if self._small_frames <= SMALL_FRAMES:
            return True
        self.transport.abort()
        return False
