"""Reads and writes a second through the API, as a share of a bare FastAPI's over the same database in the same run."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPException

from sqlalchemy import select
from sqlalchemy.orm import Session

from luna_web.bench.client import CallFailed, Client, durations, percentile
from luna_web.bench.sections import Bench, Cell, Section
from luna_web.book.models import Book

PATH = "/api/v1/books"
CALLERS = 4
TITLES = 500
START_DEADLINE_S = 30.0
COLUMNS = ("what", "calls/s", "p50", "p95", "share of the bare one")
Act = Callable[[int, int], object]


def measure(bench: Bench) -> Section:
    """Four callers at a time, each kind for `bench.seconds`."""
    ids = bench.rows(_some_ids)
    with _bare_server() as address:
        ours = [bench.client.another() for _ in range(CALLERS)]
        bare = [Client(address) for _ in range(CALLERS)]

        def bare_read(who: int, number: int) -> object:
            return bare[who].get(f"/titles/{_one(ids, who, number)}")

        def bare_write(who: int, number: int) -> object:
            return bare[who].post("/titles", {"title": f"Title {number}"})

        def read(who: int, number: int) -> object:
            return ours[who].get(f"{PATH}/{_one(ids, who, number)}")

        def change(who: int, number: int) -> object:
            return ours[who].put(f"{PATH}/{_one(ids, who, number)}", {"publisher": f"Publisher {who} {number}"})

        def add(who: int, number: int) -> object:
            return ours[who].post(PATH, {"title": f"Title {number}"})

        rows = [
            *_pair(bench, "read a title", read, "bare read", bare_read),
            *_pair(bench, "change a title", change, "bare insert with outbox", bare_write),
            *_pair(bench, "add a title with a copy", add, "bare insert with outbox", bare_write),
        ]
    return Section(f"Reads and writes, {CALLERS} callers", COLUMNS, tuple(rows))


def _one(ids: Sequence[object], who: int, number: int) -> object:
    """Another title each time, and no two callers the same at once."""
    return ids[(who * 97 + number) % len(ids)]


def _some_ids(session: Session) -> Sequence[object]:
    return session.scalars(select(Book.id).where(Book.deleted_at.is_(None)).order_by(Book.id).limit(TITLES)).all()


def _pair(bench: Bench, ours: str, act: Act, bare: str, limit: Act) -> list[tuple[Cell, ...]]:
    bench.tell(f"throughput: {ours}")
    of_bare, of_ours = (durations(one, CALLERS, bench.seconds) for one in (limit, act))
    share = round(len(of_ours) / len(of_bare), 2)
    return [_row(ours, of_ours, bench.seconds, share), _row(bare, of_bare, bench.seconds, 1.0)]


def _row(name: str, taken: Sequence[float], seconds: float, share: float) -> tuple[Cell, ...]:
    return name, round(len(taken) / seconds), percentile(taken, 0.5), percentile(taken, 0.95), share


@contextlib.contextmanager
def _bare_server() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--factory", "luna_web.bench.bare:create_app", "--host", "127.0.0.1"]
    options = ["--port", str(port), "--no-access-log", "--log-level", "warning"]
    process = subprocess.Popen([*command, *options], env=os.environ)  # noqa: S603 - our own interpreter
    try:
        _wait(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _wait(address: str, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_DEADLINE_S
    while process.poll() is None and time.monotonic() < end:
        try:
            Client(address).get("/openapi.json")
        except (OSError, HTTPException):
            time.sleep(0.05)
        else:
            return
    raise CallFailed(f"the bare server does not answer at {address}")
