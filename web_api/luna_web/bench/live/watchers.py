"""The clients: what they hear, how late it is, and what they miss."""

import asyncio
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from luna_web.bench.live.library import SAID_A_SECOND
from luna_web.bench.live.socket import Socket

PATH = "/api/v1/notifications/ws"
SUBSCRIBE = '{"op":"subscribe","channels":["robots","me"]}'
AT_ONCE = 50
READY_DEADLINE_S = 300.0
_OBSERVED = b'"observed_at":"'
_SAID = re.compile(rb'"said": ?([0-9.]+)')


@dataclass
class Heard:
    """What one scenario's clients heard, in seconds."""

    age: list[float] = field(default_factory=list)
    """Of a status in a frame when it arrived: that of one robot, the same one in every frame."""
    wait: list[float] = field(default_factory=list)
    """From that robot's first word that the frame before could not show until this frame was there."""
    event: list[float] = field(default_factory=list)
    """From the writing of an event until it was there."""
    frames: int = 0
    bytes: int = 0


@dataclass
class Watcher:
    """One client. While `noting`, it measures; what it counts of events it counts from its snapshot on."""

    person: str
    heard: Heard
    noting: list[bool]
    ready: int = 0
    events: int = 0
    closed: int | None = None
    _seen: float | None = None
    socket: Socket | None = None

    def hear(self, message: bytes) -> None:
        now = time.time()
        if message.startswith(b'{"op":"state"'):
            self._hear_state(message, now)
        elif message.startswith(b'{"op":"event"'):
            self.events += 1
            said = _SAID.search(message)
            if self.noting[0] and said:
                self.heard.event.append(now - float(said[1]))
        elif message.startswith(b'{"op":"subscribed"'):
            self.ready += 1

    def _hear_state(self, message: bytes, now: float) -> None:
        start = message.rindex(_OBSERVED) + len(_OBSERVED)
        stamp = message[start : message.index(b'"', start)].decode()
        observed = datetime.fromisoformat(stamp).timestamp()
        before, self._seen = self._seen, observed
        if not self.noting[0]:
            return
        self.heard.frames += 1
        self.heard.bytes += len(message)
        self.heard.age.append(now - observed)
        if before is not None and observed > before:
            self.heard.wait.append(now - min(before + 1 / SAID_A_SECOND, observed))

    def lost(self, code: int) -> None:
        self.closed = code


async def open_all(
    ports: list[int], tokens: dict[str, str], count: int, heard: Heard
) -> tuple[list[Watcher], list[bool]]:
    """So many watchers, spread over people and instances; returns when each has both its snapshots."""
    noting, people = [False], list(tokens)
    watchers = [Watcher(people[number % len(people)], heard, noting) for number in range(count)]
    loop = asyncio.get_running_loop()
    for start in range(0, count, AT_ONCE):
        some = watchers[start : start + AT_ONCE]
        opening = (_open(loop, one, ports[n % len(ports)], tokens[one.person]) for n, one in enumerate(some))
        await asyncio.gather(*opening)
    end = loop.time() + READY_DEADLINE_S
    while any(watcher.ready < 2 for watcher in watchers):
        if loop.time() > end:
            ready = sum(watcher.ready == 2 for watcher in watchers)
            closed = sorted({watcher.closed for watcher in watchers if watcher.closed is not None})
            raise SystemExit(f"after {READY_DEADLINE_S:.0f} s {ready} of {count} clients are ready; closed: {closed}")
        await asyncio.sleep(0.1)
    return watchers, noting


async def _open(loop: asyncio.AbstractEventLoop, watcher: Watcher, port: int, token: str) -> None:
    def make() -> Socket:
        watcher.socket = Socket(f"127.0.0.1:{port}", PATH, token, SUBSCRIBE, watcher.hear, watcher.lost)
        return watcher.socket

    await loop.create_connection(make, "127.0.0.1", port)


def missing(watchers: Iterable[Watcher], told: Mapping[str, int]) -> int:
    """How many events, of all that these should have had, did not come, or came twice."""
    return sum(abs(told.get(one.person, 0) - one.events) for one in watchers)
