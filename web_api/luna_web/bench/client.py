"""HTTP over one kept connection, with as little of its own as can be."""

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

TIMEOUT_S = 30.0
IDLE_S = 2.0
"""After this long without a call the connection is made anew: the server may have closed it."""


class CallFailed(RuntimeError):
    """The server refused a call of the benchmark."""


class Client:
    """Calls one server, as nobody or with a token; each answer must be a success."""

    def __init__(self, address: str, token: str | None = None) -> None:
        self._address = address
        self._connection = HTTPConnection(urlsplit(address).netloc, timeout=TIMEOUT_S)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._last = 0.0

    def get(self, path: str, **params: object) -> Any:
        return self._call("GET", f"{path}?{urlencode(params)}" if params else path)

    def post(self, path: str, body: object) -> Any:
        return self._call("POST", path, body)

    def put(self, path: str, body: object) -> Any:
        return self._call("PUT", path, body)

    def another(self) -> "Client":
        """The same caller over a connection of its own."""
        copy = Client(self._address)
        copy._headers = dict(self._headers)
        return copy

    def _call(self, method: str, path: str, body: object = None) -> Any:
        sent = json.dumps(body).encode() if body is not None else None
        headers = self._headers | ({"Content-Type": "application/json"} if sent else {})
        if time.monotonic() - self._last > IDLE_S:
            self._connection.close()
        self._connection.request(method, path, sent, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        self._last = time.monotonic()
        if answer.status >= 400:
            raise CallFailed(f"{method} {path}: {answer.status} {content[:300]!r}")
        return json.loads(content)


def timed(act: Callable[[], object]) -> float:
    """How long it took, in seconds."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def durations(act: Callable[[int, int], object], callers: int, seconds: float) -> list[float]:
    """What each call took while so many callers call as fast as they can; `act` gets the caller's and call's number."""
    end = time.perf_counter() + seconds

    def call(caller: int) -> list[float]:
        taken: list[float] = []
        while time.perf_counter() < end:
            taken.append(timed(partial(act, caller, len(taken))))
        return taken

    with ThreadPoolExecutor(callers) as pool:
        return [one for taken in pool.map(call, range(callers)) for one in taken]


def percentile(values: Sequence[float], share: float) -> float:
    """In milliseconds, by nearest rank."""
    ordered = sorted(values)
    return round(1000 * ordered[max(0, min(len(ordered) - 1, round(share * len(ordered)) - 1))], 2)
