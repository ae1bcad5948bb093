"""The limit: frames of one size, ready beforehand but for their time, to everybody at once. No framework, no rules.

Usage: python -m luna_web.bench.live.bare PORT SIZE FRAMES_A_SECOND
"""

import asyncio
import sys
from datetime import UTC, datetime
from typing import cast

from luna_web.bench.live.socket import frame_head

ACCEPTED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
HEALTHY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
READY = b'{"op":"subscribed"}'


class Peer(asyncio.Protocol):
    peers: "set[Peer]" = set()  # noqa: RUF012 - one server a process

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop's own is none by inheritance
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"GET /health"):
            self.transport.write(HEALTHY)
            self.transport.close()
        elif data.startswith(b"GET "):
            ready = frame_head(len(READY)) + READY
            self.transport.write(ACCEPTED + ready + ready)
            self.peers.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.peers.discard(self)


async def main(port: int, size: int, per_second: float) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_server(Peer, "127.0.0.1", port)
    due = loop.time()
    while True:
        due = max(due + 1 / per_second, loop.time())
        await asyncio.sleep(due - loop.time())
        stamp = datetime.now(UTC).isoformat()
        payload = f'{{"op":"state","pad":"{"x" * (size - 80)}","observed_at":"{stamp}"}}'.encode()
        frame = frame_head(len(payload)) + payload
        for peer in list(Peer.peers):
            peer.transport.write(frame)


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
