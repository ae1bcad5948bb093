"""Reads and writes a second through the API, as a share of a bare FastAPI's over the same database in the same run."""

from collections.abc import Callable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from luna_web.bench.bare_server import bare_server
from luna_web.bench.client import Client, durations, percentile
from luna_web.bench.sections import Bench, Cell, Section
from luna_web.book.models import Book

PATH = "/api/v1/books"
CALLERS = 4
TITLES = 500
COLUMNS = ("what", "calls/s", "p50", "p95", "share of the bare one")
Act = Callable[[int, int], object]


def measure(bench: Bench) -> Section:
    """Four callers at a time, each kind for `bench.seconds`."""
    ids = bench.rows(_some_ids)
    with bare_server("luna_web.bench.bare:create_app") as (address, _):
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
