"""So many clients that call a server as fast as it answers, each over one kept connection.

It is to cost next to nothing beside the server, with which it shares a machine: calls are bytes made beforehand, and of
an answer only its status and length are read.
"""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"
RATE_LIMITED = 429


class DrivingFailed(RuntimeError):
    """The server does not answer as HTTP, or not in time."""


@dataclass
class Answers:
    """What came of some calls: seconds each took, how many had which status (0: none at all), one bad answer's text.

    `elapsed` is in seconds, from the first call to the last answer; `client_cpu` is this process's in seconds.
    """

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    elapsed: float = 0.0
    client_cpu: float = 0.0
    refused: str | None = None

    @property
    def limited(self) -> int:
        """How many were too many for the rate limit."""
        return self.statuses[RATE_LIMITED]

    @property
    def errors(self) -> int:
        """How many failed otherwise."""
        return sum(count for status, count in self.statuses.items() if not 200 <= status < 300) - self.limited

    @property
    def good(self) -> int:
        return sum(count for status, count in self.statuses.items() if 200 <= status < 300)

    def add(self, others: "Answers") -> None:
        """Count those of another pass, too."""
        self.seconds += others.seconds
        self.statuses += others.statuses
        self.elapsed += others.elapsed
        self.client_cpu += others.client_cpu
        self.refused = self.refused or others.refused


def call(method: str, path: str, headers: Mapping[str, str], body: object = None) -> bytes:
    """A whole request as it goes over the wire."""
    sent = b"" if body is None else json.dumps(body).encode()
    kind = {} if body is None else {"Content-Type": "application/json"}
    every = {"Host": "bench", **headers, **kind, "Content-Length": str(len(sent))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in every.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + sent


async def drive(address: str, calls: Sequence[bytes], clients: int, deadline: float = 300.0) -> Answers:
    """Have the calls made, the next by whichever client is free. Raises DrivingFailed after `deadline` seconds."""
    host, _, port = urlsplit(address).netloc.partition(":")
    answers, left = Answers(), iter(calls)
    loop = asyncio.get_running_loop()
    many = [_Client(left, answers) for _ in range(min(clients, len(calls)))]
    for one in many:
        await loop.create_connection(lambda one=one: one, host, int(port))  # type: ignore[misc]
    cpu, begun = time.process_time(), time.perf_counter()
    for one in many:
        one.begin()
    try:
        async with asyncio.timeout(deadline):
            await asyncio.gather(*(one.done for one in many))
    except TimeoutError:
        raise DrivingFailed(f"{len(answers.seconds)} of {len(calls)} calls within {deadline:.0f} s") from None
    finally:
        answers.elapsed, answers.client_cpu = time.perf_counter() - begun, time.process_time() - cpu
        for one in many:
            one.transport.close()
    return answers


class _Client(asyncio.Protocol):
    """Sends the next call when the answer to the last is whole."""

    transport: asyncio.Transport

    def __init__(self, calls: Iterator[bytes], answers: Answers) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._calls, self._answers = calls, answers
        self._got = b""
        self._sent_at: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own is none by inheritance

    def begin(self) -> None:
        sent = next(self._calls, None)
        if sent is None:
            self._sent_at = None
            self._end(None)
            return
        self._sent_at = time.perf_counter()
        self.transport.write(sent)

    def data_received(self, data: bytes) -> None:
        self._got += data
        try:
            whole = whole_answer(self._got)
        except DrivingFailed as failed:
            self._end(failed)
            return
        if whole is not None and self._sent_at is not None:
            self._note(whole)
            self._got = b""
            self.begin()

    def _note(self, status: int) -> None:
        self._answers.seconds.append(time.perf_counter() - (self._sent_at or 0.0))
        self._answers.statuses[status] += 1
        if not 200 <= status < 300 and self._answers.refused is None:
            self._answers.refused = self._got.partition(_HEAD_END)[2][:300].decode(errors="replace")

    def connection_lost(self, exc: Exception | None) -> None:
        if self._sent_at is not None:
            self._end(DrivingFailed("the server closed a connection in the middle of a call"))

    def _end(self, why: DrivingFailed | None) -> None:
        if self.done.done():
            return
        if why is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(why)


def whole_answer(got: bytes) -> int | None:
    """The status of the answer that these bytes are; None while some are missing.

    Raises DrivingFailed for what does not say how long it is, or is longer than it says.
    """
    end = got.find(_HEAD_END)
    if end < 0:
        return None
    length = _LENGTH.search(got, 0, end)
    if length is None:
        raise DrivingFailed(f"an answer without a length: {got[:end]!r}")
    missing = end + len(_HEAD_END) + int(length.group(1)) - len(got)
    if missing < 0:
        raise DrivingFailed("more than one answer to a call")
    return None if missing else int(got[9:12])
