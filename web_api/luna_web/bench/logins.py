"""Logins a second, and how those who read the catalog fare meanwhile."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from luna_web.bench.client import Client, durations, percentile
from luna_web.bench.sections import Bench, Cell, Section

PATH = "/api/v1/books"
LOGGING_IN = 4
COLUMNS = ("what", "calls/s", "p50", "p95", "p99")


def token(address: str, email: str, password: str) -> str:
    """An access token."""
    answer = Client(address).post("/api/v1/auth/login", {"email": email, "password": password})
    return str(answer["data"]["access_token"])


def measure(bench: Bench) -> Section:
    """One reads alone, then beside four who log in as fast as they can."""
    bench.tell("logins")
    reader = bench.client.another()
    book = reader.get(PATH, limit=1)["data"][0]["id"]

    def read(_who: int, _number: int) -> object:
        return reader.get(f"{PATH}/{book}")

    alone = durations(read, 1, bench.seconds)
    with ThreadPoolExecutor(1) as crowd:
        logging_in = crowd.submit(_log_in, bench)
        beside = durations(read, 1, bench.seconds)
        logins = logging_in.result()
    named = ((f"logins, {LOGGING_IN} callers", logins), ("reads, nobody logs in", alone), ("reads meanwhile", beside))
    return Section("Logins", COLUMNS, tuple(_row(name, taken, bench.seconds) for name, taken in named))


def _log_in(bench: Bench) -> Sequence[float]:
    account = bench.crowd
    return durations(lambda *_: token(bench.address, account.email, account.password), LOGGING_IN, bench.seconds)


def _row(name: str, taken: Sequence[float], seconds: float) -> tuple[Cell, ...]:
    return name, round(len(taken) / seconds), percentile(taken, 0.5), percentile(taken, 0.95), percentile(taken, 0.99)
