"""When PostgreSQL or Redis is away, and when it is back."""

import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from luna_web.auth.app import SERVICE as AUTH
from luna_web.book.app import SERVICE as BOOK
from luna_web.main import create_app
from luna_web.shared.app import make_app
from luna_web.shared.config import Settings
from luna_web.shared.database import POOL_TIMEOUT_S
from luna_web.shared.migrate import migrate, owner_engine
from luna_web.shared.runtime import Check, Runtime, Service, make_runtime
from tests.integration import servers
from tests.integration.in_process import make_client
from tests.integration.servers import wait_until
from tests.integration.world import PASSWORD, Api, People, data, refused

PATIENCE_S = POOL_TIMEOUT_S - 2
"""Nobody waits for a connection of the pool where there can be none."""


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[servers.Postgres]:
    with servers.postgres() as server:
        with server.admin() as connection:
            connection.execute("CREATE ROLE luna_owner LOGIN")
            connection.execute("CREATE ROLE luna_app LOGIN")
            connection.execute("CREATE DATABASE luna OWNER luna_owner")
        engine = owner_engine(server.url("luna_owner", "luna"))
        migrate(engine, lambda _: None)
        engine.dispose()
        yield server


@pytest.fixture(scope="module")
def own_valkey() -> Iterator[servers.Valkey]:
    with servers.valkey() as server:
        yield server


@pytest.fixture
def runtime(own_postgres: servers.Postgres, own_valkey: servers.Valkey) -> Runtime:
    settings = Settings(
        _env_file=None,
        database_url=own_postgres.url("luna_app", "luna"),
        redis_url=own_valkey.url,
        argon2_memory_kib=1024,
        argon2_passes=1,
    )
    return make_runtime(settings)


@pytest.fixture
def client(runtime: Runtime) -> Iterator[Api]:
    """Catalog and accounts as they run in production: with the watch for ended sessions."""
    with make_client(create_app([AUTH, BOOK], runtime=runtime), lifespan=True) as http:
        yield Api(http)


@pytest.fixture
def student(client: Api, runtime: Runtime) -> Api:
    return People(client.http, runtime).make().api


class TestPostgresAway:
    def test_every_endpoint_says_so_soon_and_all_goes_on_when_it_is_back(
        self, client: Api, student: Api, own_postgres: servers.Postgres
    ) -> None:
        data(student.get("/books"))
        own_postgres.stop()

        calls: list[Callable[[], httpx.Response]] = [
            lambda: student.get("/books"),
            lambda: student.get("/auth/me"),
            lambda: client.post("/auth/login", {"email": "a@example.org", "password": PASSWORD}),
            lambda: client.get("//health/ready"),
        ]
        for call in calls:
            began = time.monotonic()
            answer = call()
            details = refused(answer, 503, "DEPENDENCY_UNAVAILABLE")
            assert time.monotonic() - began < PATIENCE_S
            assert "postgresql" in details["dependency"].lower()
            assert int(answer.headers["Retry-After"]) > 0
        assert client.get("//health/live").status_code == 200

        own_postgres.start()
        wait_until("the API answers again", lambda: student.get("/books").status_code == 200)
        data(student.get("/auth/me"))
        assert data(client.get("//health/ready"))["status"] == "ok"


class TestRedisAway:
    def test_reading_goes_on_and_logging_in_does_not(
        self, client: Api, student: Api, own_valkey: servers.Valkey
    ) -> None:
        own_valkey.stop()

        data(student.get("/books"))
        details = refused(
            client.post("/auth/login", {"email": "a@example.org", "password": PASSWORD}), 503, "DEPENDENCY_UNAVAILABLE"
        )
        assert details == {"dependency": "Redis"}
        told = refused(client.get("//health/ready"), 503, "DEPENDENCY_UNAVAILABLE")
        assert told["checks"]["postgresql"] == "ok"
        assert told["checks"]["redis"] != "ok"

        own_valkey.start()
        refused(
            client.post("/auth/login", {"email": "a@example.org", "password": PASSWORD}), 401, "INVALID_CREDENTIALS"
        )


class TestChecks:
    @pytest.mark.parametrize(("critical", "status"), [(True, 503), (False, 200)])
    def test_a_service_adds_its_own(self, runtime: Runtime, critical: bool, status: int) -> None:
        check = Check("robot links", lambda _: "no connection to luna1", critical)
        with make_client(make_app("LUNA", [Service("robot", (), (check,))], runtime)) as http:
            answer = Api(http).get("//health/ready")

        assert answer.status_code == status
        assert "no connection to luna1" in answer.text
