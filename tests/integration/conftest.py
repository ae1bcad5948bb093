"""The world of integration tests: real PostgreSQL, real Valkey, the real app.

What to ask for:

- `client`: the whole app, nobody logged in; `student`, `librarian`, `admin`: the same, logged in as a fresh person.
  All are `Api`s: `student.get("/books")` speaks to `/api/v1/books`. Each test begins with an empty, migrated database.
- `people`: makes more persons (`people.make(Role.STUDENT)`), each with `.api`.
- `session`: an open transaction of the application's role, rolled back at the end, for calling services directly.
- `session_factory`, `runtime`: for what makes transactions of its own (workers, controllers, races).
- `serve`: starts an app of chosen services with their lifespans, where the background of a service matters.
- `queries`: counts the SQL statements of a block: `with queries() as seen: …; assert len(seen) <= 5`.
- `catalog`: puts titles and copies on the shelves.

The app of `client` runs no lifespans, so nothing happens behind a test's back. Servers live as long as the test run
(one pair per pytest-xdist worker); between tests whatever has rows is truncated.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace

import pytest
import structlog
from fastapi import FastAPI
from sqlalchemy import create_engine, event
from sqlalchemy.orm import Session

from luna_web.main import ALL, create_app
from luna_web.notification.tellings import TOLD_TO_NOBODY, told_types
from luna_web.shared import cache, database
from luna_web.shared import runtime as runtimes
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory
from luna_web.shared.library_settings import library_rules
from luna_web.shared.migrate import migrate, owner_engine
from luna_web.shared.principal import Role
from luna_web.shared.runtime import Runtime, Service, make_runtime
from tests.integration import servers
from tests.integration.in_process import make_client
from tests.integration.world import Api, Catalog, People

# What a test wrote, and only that: truncating makes new files for a table and each of its indexes, which takes longer
# than most tests. Where much was written it is the quicker way, and leaves nothing behind that later tests would read.
EMPTY = """
DO $$
DECLARE
  name text;
  used int;
BEGIN
  FOR name IN SELECT c.oid::regclass::text FROM pg_class c
              WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
                AND c.relname <> 'alembic_version'
  LOOP
    EXECUTE format('SELECT count(*) FROM (SELECT FROM %s LIMIT 101)', name) INTO used;
    IF used > 100 THEN
      EXECUTE 'TRUNCATE ' || name || ' CASCADE';
    ELSIF used > 0 THEN
      EXECUTE 'DELETE FROM ' || name;
    END IF;
  END LOOP;
END $$
"""
EVENTS = "SELECT DISTINCT event_type FROM outbox WHERE source <> 'test'"
PATIENCE_S = 60.0
WAITING = ("web/worker/", "web/notification/live/", "web/delivery/test_random_days", "web/test_fuzz")

# What goes wrong is told as `configure_logs` has it told; structlog alone draws every variable of every frame, which
# takes seconds an error.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts processes and waits for them goes first: as the last it would run while other workers have ended."""
    items.sort(key=lambda item: not any(place in item.nodeid for place in WAITING))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[servers.Postgres]:
    """A PostgreSQL with the roles and the empty database that LUNA expects."""
    with servers.postgres() as server:
        with server.admin() as connection:
            connection.execute("CREATE ROLE luna_owner LOGIN")
            connection.execute("CREATE ROLE luna_app LOGIN")
            connection.execute("CREATE DATABASE luna OWNER luna_owner")
        yield server


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    with servers.valkey() as server:
        yield server.url


@pytest.fixture(scope="session")
def settings(postgres_server: servers.Postgres, valkey_url: str) -> Settings:
    """Settings of the test world, with its database migrated, and a copy of that (`luna_migrated`) to copy again.

    Hashing is cheap here, or logins would be all we test.
    """
    settings = Settings(
        database_url=postgres_server.url("luna_app", "luna"),
        database_owner_url=postgres_server.url("luna_owner", "luna"),
        redis_url=valkey_url,
        argon2_memory_kib=1024,
        argon2_passes=1,
        read_limit="1000000/minute",
        write_limit="1000000/minute",
    )
    engine = owner_engine(postgres_server.url("luna_owner", "luna"))
    migrate(engine, lambda _: None)
    engine.dispose()
    with postgres_server.admin() as connection:
        connection.execute("CREATE DATABASE luna_migrated TEMPLATE luna OWNER luna_owner")
    return settings


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[None]:
    """This process waits for servers as long as it takes: what it asks may be served late where the machine is busy.

    One that was stopped refuses at once; what LUNA does when one is silent is asked with limits of a test's own.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "TIMEOUT_S", PATIENCE_S)
        patch.setattr(cache, "PATIENCE_S", PATIENCE_S)
        patch.setattr(runtimes, "REDIS_TIMEOUT_S", PATIENCE_S)
        patch.setattr(database, "CONNECT_TIMEOUT_S", int(PATIENCE_S))
        patch.setattr(database, "POOL_TIMEOUT_S", PATIENCE_S)
        patch.setattr(database, "LOCK_TIMEOUT_MS", int(1000 * PATIENCE_S))
        patch.setattr(database, "STATEMENT_TIMEOUT_MS", int(1000 * PATIENCE_S))
        yield


class Sweeper:
    """Empties the database, on one connection: what each new one reads of the catalog first takes six times as long."""

    def __init__(self, server: servers.Postgres) -> None:
        without_triggers = {"options": "-c session_replication_role=replica"}
        self.engine = create_engine(
            server.url("postgres", "luna"),
            isolation_level="AUTOCOMMIT",
            pool_size=1,
            pool_pre_ping=True,  # tests throw everybody out
            connect_args=without_triggers,
            execution_options={"no_parameters": True},
        )

    def sweep(self) -> set[str]:
        """Which types of events LUNA had recorded; gone with everything else."""
        with self.engine.connect() as connection:
            emitted = set(connection.exec_driver_sql(EVENTS).scalars())
            connection.exec_driver_sql(EMPTY)
        return emitted


@pytest.fixture(scope="session")
def sweeper(settings: Settings, postgres_server: servers.Postgres) -> Iterator[Sweeper]:
    sweeper = Sweeper(postgres_server)
    yield sweeper
    sweeper.engine.dispose()


@pytest.fixture(scope="session")
def shared_runtime(settings: Settings, patience: None) -> Iterator[Runtime]:
    runtime = make_runtime(settings)
    yield runtime
    runtime.close()


@pytest.fixture
def runtime(shared_runtime: Runtime, sweeper: Sweeper) -> Iterator[Runtime]:
    """The process's pools over an empty database and an empty Valkey."""
    library_rules(shared_runtime).forget()
    yield shared_runtime
    emitted = sweeper.sweep()
    shared_runtime.redis.flushall()
    # Whatever any test has LUNA do: it is in the table of who is told what, which would otherwise miss it in silence.
    assert emitted <= told_types() | set(TOLD_TO_NOBODY)


@pytest.fixture
def session_factory(runtime: Runtime) -> SessionFactory:
    return runtime.session_factory


@pytest.fixture
def session(session_factory: SessionFactory) -> Iterator[Session]:
    """A transaction that never commits."""
    with session_factory() as session:
        yield session
        session.rollback()


@pytest.fixture(scope="session")
def app(shared_runtime: Runtime) -> FastAPI:
    """The whole app, without background work."""
    quiet = [replace(service, lifespan=None) for service in ALL]
    return create_app(quiet, runtime=shared_runtime)


@pytest.fixture
def client(app: FastAPI, runtime: Runtime) -> Iterator[Api]:
    """The API, nobody logged in."""
    with make_client(app) as http:
        yield Api(http)


@pytest.fixture
def people(client: Api, runtime: Runtime) -> People:
    return People(client.http, runtime)


@pytest.fixture
def student(people: People) -> Api:
    return people.make(Role.STUDENT).api


@pytest.fixture
def librarian(people: People) -> Api:
    return people.make(Role.LIBRARIAN).api


@pytest.fixture
def admin(people: People) -> Api:
    return people.make(Role.ADMIN).api


@pytest.fixture
def catalog(session_factory: SessionFactory) -> Catalog:
    return Catalog(session_factory)


@pytest.fixture
def serve(settings: Settings, runtime: Runtime) -> Iterator[Callable[..., Api]]:
    """`serve()` or `serve([DELIVERY, ROBOT])`: an app with its lifespans running, in a runtime of its own.

    Ports that `luna_web.main` wires are wired here too, since it is `create_app` that makes it.
    """
    with ExitStack() as stack:

        def start(services: Sequence[Service] = ALL) -> Api:
            own = make_runtime(settings)
            return Api(stack.enter_context(make_client(create_app(services, runtime=own), lifespan=True)))

        yield start


@pytest.fixture
def queries(runtime: Runtime) -> Callable[[], AbstractContextManager[list[str]]]:
    """The SQL statements of a block, in order, but for the looks at the caller's session and at the settings."""

    @contextmanager
    def watch() -> Iterator[list[str]]:
        seen: list[str] = []

        def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
            if "FROM sessions" not in statement and "FROM settings" not in statement:
                seen.append(statement)

        event.listen(runtime.engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(runtime.engine, "before_cursor_execute", note)

    return watch
