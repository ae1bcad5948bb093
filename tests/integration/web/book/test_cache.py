"""What is cached is never wrong, is loaded once, and is missed by nobody while Redis is away."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import pytest
from pydantic import TypeAdapter
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import text

from luna_web.book.domain import CopyStatus
from luna_web.book.search import Filters
from luna_web.book.service.reading import Reader
from luna_web.delivery.circulation import LoansAndRequests
from luna_web.shared import cache as caching
from luna_web.shared.cache import Breaker, Cache, Kind
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.paging import PageParams
from luna_web.shared.runtime import Runtime
from tests.integration import servers
from tests.integration.conftest import PATIENCE_S
from tests.integration.world import Api, Catalog, data

NUMBERS = Kind("number", 60, TypeAdapter(int))
ASKED = Filters(q="old")
Watch = Callable[[], AbstractContextManager[list[str]]]


@pytest.fixture
def cache(runtime: Runtime) -> Cache:
    return Cache(runtime.redis)


class TestOneLoader:
    def test_of_many_who_ask_at_once_one_loads(self, cache: Cache) -> None:
        loads, together = [], threading.Barrier(8)
        loading = threading.Event()

        def load() -> int:
            loads.append(1)
            loading.wait(0.1)
            return 7

        def ask() -> int:
            together.wait(10)
            return cache.get_or_load(NUMBERS, "seven", load)

        with ThreadPoolExecutor(8) as pool:
            answers = [job.result(10) for job in [pool.submit(ask) for _ in range(8)]]

        assert (answers, len(loads)) == ([7] * 8, 1)

    def test_who_waits_too_long_loads_without_it(self, runtime: Runtime) -> None:
        now = iter(range(100))
        impatient = Cache(runtime.redis, sleep=lambda _: None, monotonic=lambda: float(next(now)))
        runtime.redis.set(f"{caching.PREFIX}number:slow:lock", "another")

        assert impatient.get_or_load(NUMBERS, "slow", lambda: 3) == 3

    def test_the_lock_of_one_who_died_expires(self, cache: Cache, runtime: Runtime) -> None:
        name = f"{caching.PREFIX}number:dead"
        seen: list[int] = []
        cache.get_or_load(NUMBERS, "dead", lambda: seen.append(runtime.redis.pttl(f"{name}:lock")) or 1)  # type: ignore[func-returns-value, arg-type]

        assert 0 < seen[0] <= caching.LOCK_MS
        assert not runtime.redis.exists(f"{name}:lock")

    def test_a_loader_that_fails_leaves_the_way_free(self, cache: Cache) -> None:
        with pytest.raises(ZeroDivisionError):
            cache.get_or_load(NUMBERS, "bad", lambda: 1 // 0)

        assert cache.get_or_load(NUMBERS, "bad", lambda: 2) == 2

    def test_one_who_lost_the_lock_does_not_take_anothers_away(self, cache: Cache, runtime: Runtime) -> None:
        lock = f"{caching.PREFIX}number:late:lock"

        cache.get_or_load(NUMBERS, "late", lambda: int(bool(runtime.redis.set(lock, "another"))))

        assert runtime.redis.get(lock) == b"another"

    def test_what_nobody_can_read_is_loaded_anew(self, cache: Cache, runtime: Runtime) -> None:
        runtime.redis.set(f"{caching.PREFIX}number:odd", b"\xff not a number")

        assert cache.get_or_load(NUMBERS, "odd", lambda: 5) == 5


class TestRedisAway:
    @pytest.fixture
    def deaf(self, tmp_path: object) -> Iterator[tuple[servers.Valkey, Cache, list[float]]]:
        """A Valkey of its own, a cache in front of it, and the clock of its breaker."""
        with servers.valkey() as server:
            now = [0.0]
            client = Redis.from_url(server.url, socket_timeout=PATIENCE_S, retry=Retry(NoBackoff(), 0))
            yield server, Cache(client, breaker=Breaker(lambda: now[0])), now
            client.close()

    def test_everything_is_loaded_and_after_the_first_nobody_tries(
        self, deaf: tuple[servers.Valkey, Cache, list[float]]
    ) -> None:
        server, cache, now = deaf
        server.stop()
        asked, look_up = [], cache._look_up
        cache._look_up = lambda keys, args: asked.append(keys) or look_up(keys, args)  # type: ignore[assignment, func-returns-value]

        assert [cache.get_or_load(NUMBERS, "x", lambda n=n: n) for n in range(5)] == [0, 1, 2, 3, 4]  # type: ignore[misc]
        assert len(asked) == 1

        server.start()
        now[0] += caching.RETRY_AFTER_S
        assert cache.get_or_load(NUMBERS, "x", lambda: 9) == 9
        assert cache.get_or_load(NUMBERS, "x", lambda: 10) == 9

    def test_a_breaker_lets_one_try_a_second(self) -> None:
        now = [0.0]
        breaker = Breaker(lambda: now[0])

        assert breaker.failed()
        assert not breaker.failed()
        assert not breaker.allows()
        now[0] = caching.RETRY_AFTER_S
        assert [breaker.allows() for _ in range(3)] == [True, False, False]
        assert breaker.succeeded()
        assert breaker.allows()


class TestNeverStale:
    def test_a_change_shows_at_once(self, librarian: Api, student: Api, catalog: Catalog) -> None:
        book = catalog.add("Dune")
        for title in ("Dune Messiah", "Children of Dune"):
            data(student.get(f"/books/{book}"))
            data(librarian.put(f"/books/{book}", {"title": title}))

            assert data(student.get(f"/books/{book}"))["title"] == title

    def test_a_list_shows_what_came_and_went(self, librarian: Api, student: Api, catalog: Catalog) -> None:
        def found() -> list[str]:
            return [book["title"] for book in data(student.get("/books", params={"q": "robots"}))]

        assert found() == []
        book = catalog.add("Robots")
        assert found() == ["Robots"]
        data(librarian.delete(f"/books/{book}"))
        assert found() == []

    def test_a_list_by_status_follows_the_copies(
        self, student: Api, catalog: Catalog, session_factory: SessionFactory
    ) -> None:
        def lent() -> int:
            return len(data(student.get("/books", params={"status": "CHECKED_OUT"})))

        catalog.add()
        assert lent() == 0
        with transaction(session_factory) as session:
            session.execute(text("UPDATE copies SET status = 'CHECKED_OUT'"))

        assert lent() == 1

    def test_a_list_read_before_a_change_is_not_shown_after_it(
        self, runtime: Runtime, session_factory: SessionFactory, cache: Cache, catalog: Catalog
    ) -> None:
        """The reader has the old ids in hand while the writer commits, and stores them afterwards."""
        catalog.add("Old")

        class Slow(Cache):
            def get_or_load(self, kind, key, load):  # type: ignore[no-untyped-def]
                def load_and_dawdle():  # type: ignore[no-untyped-def]
                    value = load()
                    with transaction(session_factory) as writer:
                        writer.execute(text("UPDATE books SET title = 'New', version = version + 1"))
                    return value

                return super().get_or_load(kind, key, load_and_dawdle)

        with transaction(session_factory) as session:
            assert Reader(session, Slow(runtime.redis), LoansAndRequests()).listed(ASKED, PageParams()).page.items
        with transaction(session_factory) as session:
            assert not Reader(session, cache, LoansAndRequests()).listed(ASKED, PageParams()).page.items

    def test_a_change_that_commits_late_raises_the_generation_late(
        self, session_factory: SessionFactory, student: Api, catalog: Catalog
    ) -> None:
        """Two writers at once; the first to write is the last to commit."""
        catalog.add("Robots one")
        with session_factory() as slow:
            slow.execute(text("UPDATE books SET title = 'Robots two', version = version + 1"))
            catalog.add("Robots three")
            assert len(data(student.get("/books", params={"q": "robots"}))) == 2
            assert data(student.get("/books", params={"q": "two"})) == []
            slow.commit()

        assert [book["title"] for book in data(student.get("/books", params={"q": "two"}))] == ["Robots two"]

    def test_writers_do_not_wait_for_each_others_generation(
        self, session_factory: SessionFactory, catalog: Catalog
    ) -> None:
        books = [catalog.add(f"Robots {number}") for number in range(3)]
        with session_factory() as one, session_factory() as two, session_factory() as three:
            for session, book in zip((one, two, three), books, strict=True):
                session.execute(text("SET LOCAL lock_timeout = '100ms'"))
                session.execute(text("UPDATE books SET title = 'x', version = 2 WHERE id = :id"), {"id": book})
            for session in (one, two, three):
                session.commit()

    def test_availability_is_live_while_the_list_is_cached(
        self, student: Api, catalog: Catalog, session_factory: SessionFactory
    ) -> None:
        """A list of titles does not depend on what becomes of copies, unless it asks for it."""
        catalog.add()
        data(student.get("/books"))
        with transaction(session_factory) as session:
            session.execute(text("UPDATE copies SET status = 'RESERVED'"))

        (book,) = data(student.get("/books"))
        assert book["status"] == CopyStatus.RESERVED


def test_a_search_is_answered_from_the_cache(student: Api, catalog: Catalog, queries: Watch) -> None:
    catalog.add("Robots")
    counts = []
    for _ in range(2):
        with queries() as seen:
            data(student.get("/books", params={"q": "robots"}))
        counts.append(len(seen))

    assert counts == [3, 2]
