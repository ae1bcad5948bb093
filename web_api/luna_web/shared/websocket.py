"""uvicorn's WebSocket, with a way to cut a peer off that does not even read that it was closed.

    uvicorn luna_web.main:app --ws luna_web.shared.websocket:WebSocketProtocol

ASGI knows no such thing: a closed connection whose last bytes nobody takes would stay open for as long as its peer
likes. The scope's extension `luna.abort` has it.
"""

from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

ABORT = "luna.abort"


class WebSocketProtocol(WebSocketsSansIOProtocol):
    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        scope = getattr(self, "scope", None)
        if scope is not None:
            extensions = cast("dict[str, Any]", scope["extensions"])
            extensions[ABORT] = {"abort": self.transport.abort}
