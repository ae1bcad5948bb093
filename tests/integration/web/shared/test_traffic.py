"""Everybody's reads and writes are counted, and what goes on while Redis is away."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from luna_web.main import ALL, create_app
from luna_web.shared.clock import FixedClock
from luna_web.shared.config import Settings
from luna_web.shared.errors import RateLimited
from luna_web.shared.principal import Role
from luna_web.shared.rate_limits import Traffic
from luna_web.shared.runtime import Runtime, make_runtime
from tests.integration.in_process import make_client
from tests.integration.web.worker.processes import Valkey
from tests.integration.world import PASSWORD, Api, Catalog, People, Person, data, refused

HEADERS = {"ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"}


def make_traffic(runtime: Runtime) -> Traffic:
    """Five reads and three writes a minute, in a minute that does not end."""
    return Traffic(runtime.redis, "5/minute", "3/minute", clock=lambda: 1_800_000_000.0)


class Library:
    def __init__(self, runtime: Runtime, api: Api) -> None:
        self.runtime = runtime
        self.api = api
        self.people = People(api.http, runtime)


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A Valkey of this test alone, that can die."""
    server = Valkey(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def library(settings: Settings, runtime: Runtime, valkey: Valkey) -> Iterator[Library]:
    """By a clock that stands still: a refresh that comes again is a retry, however long it took to come."""
    redis_url = f"unix://{valkey.socket}?db=0"
    own = make_runtime(settings.model_copy(update={"redis_url": redis_url}), FixedClock(datetime.now(UTC)))
    own.traffic = make_traffic(own)
    with make_client(create_app([replace(service, lifespan=None) for service in ALL], runtime=own)) as http:
        yield Library(own, Api(http))
    own.close()


@pytest.fixture
def ada(library: Library) -> Person:
    return library.people.make(email="ada@example.org")


def read(person: Person) -> Any:
    return person.api.get("/auth/me")


def write(person: Person) -> Any:
    return person.api.put("/auth/me", {"first_name": "Ada"})


class TestLimits:
    def test_reads_and_writes_are_counted_apart(self, ada: Person) -> None:
        assert [read(ada).status_code for _ in range(6)] == [200] * 5 + [429]
        assert [write(ada).status_code for _ in range(4)] == [200] * 3 + [429]

    def test_answers_tell_what_is_left(self, ada: Person) -> None:
        answers = [read(ada) for _ in range(6)]

        assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["4", "3", "2", "1", "0", "0"]
        assert {answer.headers["RateLimit-Limit"] for answer in answers} == {"5"}
        assert all(1 <= int(answer.headers["RateLimit-Reset"]) <= 60 for answer in answers)
        refused(answers[-1], 429, "RATE_LIMITED")
        assert answers[-1].headers["Retry-After"] == answers[-1].headers["RateLimit-Reset"]

    def test_errors_are_counted_and_tell_too(self, ada: Person) -> None:
        answer = ada.api.get("/auth/users")

        refused(answer, 403, "FORBIDDEN")
        assert set(answer.headers) >= HEADERS

    def test_each_is_counted_once_wherever_it_is_refused(self, ada: Person) -> None:
        """By its rule, by what was typed, by a dependency, by its endpoint; beyond the limit all hear of that."""
        paths = ("/auth/users", "/books?limit=0", "/books?isbn=1", f"/books/{ada.id}", "/auth/me")
        answers = [ada.api.get(path) for path in (*paths, *paths)]

        assert [answer.status_code for answer in answers] == [403, 422, 422, 404, 200] + [429] * 5
        assert [answer.headers["RateLimit-Remaining"] for answer in answers[:5]] == ["4", "3", "2", "1", "0"]

    def test_each_person_has_their_own(self, library: Library, ada: Person) -> None:
        for _ in range(6):
            read(ada)

        data(read(library.people.make()))

    def test_two_processes_count_together(self, library: Library, ada: Person) -> None:
        other = make_traffic(library.runtime)
        for _ in range(5):
            other.take(f"user:{ada.id}", writes=False)

        refused(read(ada), 429, "RATE_LIMITED")

    def test_a_refresh_counts_for_its_session(self, library: Library, ada: Person) -> None:
        token = data(library.api.post("/auth/login", {"email": ada.email, "password": PASSWORD}))["refresh_token"]
        answers = [library.api.post("/auth/refresh", {"refresh_token": token}) for _ in range(4)]

        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]

    def test_an_emergency_stop_is_neither_counted_nor_refused(self, library: Library) -> None:
        librarian = library.people.make(Role.LIBRARIAN)
        for _ in range(4):
            write(librarian)

        for _ in range(5):
            answer = librarian.api.post("/robot/emergency-stop", {"reason": "test"})
            assert answer.status_code != 429
            assert not HEADERS & set(answer.headers)

    def test_health_is_not_counted(self, library: Library) -> None:
        answers = [library.api.get("//health/live") for _ in range(8)]

        assert {answer.status_code for answer in answers} == {200}
        assert not HEADERS & set(answers[0].headers)

    def test_a_request_costs_one_round_trip(self, library: Library, ada: Person) -> None:
        read(ada)
        before = commands(library.runtime)
        read(ada)

        assert commands(library.runtime) - before - 1 == 1  # the look itself is one


def commands(runtime: Runtime) -> int:
    """Commands that clients have sent so far; those inside of scripts do not count."""
    seen: dict[str, Any] = runtime.redis.info("commandstats")  # type: ignore[assignment]
    own = ("cmdstat_evalsha", "cmdstat_info", "cmdstat_script|load", "cmdstat_hmget", "cmdstat_zadd")
    return sum(int(seen[name]["calls"]) for name in own if name in seen)


class TestWithoutRedis:
    @pytest.fixture(autouse=True)
    def _away(self, library: Library, ada: Person, valkey: Valkey) -> None:
        valkey.kill()

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("login", {"email": "ada@example.org", "password": PASSWORD}),
            ("register", {"email": "b@example.org", "password": PASSWORD, "first_name": "B", "last_name": "C"}),
            ("forgot-password", {"email": "ada@example.org"}),
            ("reset-password", {"token": "A" * 43, "new_password": PASSWORD}),
            ("verify-email", {"token": "A" * 43}),
            ("verify-email/resend", {"email": "ada@example.org"}),
        ],
    )
    def test_nobody_guesses_uncounted(self, library: Library, path: str, body: dict[str, str]) -> None:
        answer = library.api.post(f"/auth/{path}", body)

        assert refused(answer, 503, "DEPENDENCY_UNAVAILABLE") == {"dependency": "Redis"}
        assert int(answer.headers["Retry-After"]) > 0

    def test_guessing_ones_own_password_waits_too(self, ada: Person) -> None:
        body = {"current_password": PASSWORD, "new_password": "Another-horse-battery-7"}

        refused(ada.api.put("/auth/change-password", body), 503, "DEPENDENCY_UNAVAILABLE")

    def test_everything_else_goes_on_and_is_bounded_still(self, ada: Person, catalog: Catalog) -> None:
        catalog.add()

        assert [ada.api.get("/books").status_code for _ in range(6)] == [200] * 5 + [429]
        assert [write(ada).status_code for _ in range(4)] == [200] * 3 + [429]

    def test_a_session_ends_and_refreshes(self, library: Library, ada: Person) -> None:
        data(ada.api.post("/auth/logout"))

        refused(read(ada), 401, "UNAUTHENTICATED")

    def test_when_it_is_back_all_count_together_again(self, library: Library, valkey: Valkey) -> None:
        now = [0.0]
        traffic = Traffic(library.runtime.redis, "1/minute", "1/minute", lambda: now[0], lambda: 1_800_000_000.0)
        traffic.take("user:1", writes=False)
        valkey.start()
        now[0] += 2
        traffic.take("user:1", writes=False)

        other = Traffic(library.runtime.redis, "1/minute", "1/minute", clock=lambda: 1_800_000_000.0)
        with pytest.raises(RateLimited):
            other.take("user:1", writes=False)
