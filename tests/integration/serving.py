"""An app on a socket, for tests whose clients must not share its process's turn-taking."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from luna_web.shared.websocket import WebSocketProtocol
from tests.integration.servers import wait_until


@contextmanager
def on_a_port(app: FastAPI) -> Iterator[int]:
    """The port on loopback where a thread of its own serves the app, lifespans included, as the embedded run does."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    port: int = listening.getsockname()[1]
    config = uvicorn.Config(
        app, log_level="warning", ws=WebSocketProtocol, ws_ping_interval=0,
        ws_per_message_deflate=False, ws_max_size=65536, timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        wait_until("the server serves", lambda: server.started)
        yield port
    finally:
        server.should_exit = True
        thread.join(10)
