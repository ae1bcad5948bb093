"""The administrator's commands on a database of their own: one as a process, the rest in this one."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from luna_web.book.seed import SEED
from luna_web.shared.config import Settings
from luna_web.shared.keys import read_key
from tests.integration.servers import Postgres
from tests.integration.web.commands import Done, Run, commands
from tests.integration.web.shared.own_database import PASSWORD, PLAN, ROOT, Connection, own_database, variables


@pytest.fixture
def manage(postgres_server: Postgres) -> Run:
    return commands(variables(postgres_server))


def bootstrap(server: Postgres) -> Done:
    """`python -m luna_web.manage.bootstrap`, with nothing in its environment but what it must know."""
    return subprocess.run(
        [sys.executable, "-m", "luna_web.manage.bootstrap"],
        env={"PYTHONPATH": str(ROOT / "web_api"), "PATH": "", **variables(server)},
        cwd=ROOT,
        input=json.dumps(PLAN),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def database(settings: Settings, postgres_server: Postgres) -> Iterator[Connection]:
    """Migrated and empty."""
    with own_database(postgres_server, template="luna_migrated") as connection:
        yield connection


def test_bootstrap_makes_everything_and_the_second_time_nothing(postgres_server: Postgres, manage: Run) -> None:
    with own_database(postgres_server, template="template0") as database:
        first = bootstrap(postgres_server)
        books, robots, users = (
            database.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - names of our own
            for table in ("books", "robots", "users")
        )
        at_once = bootstrap(postgres_server)
        again = manage("bootstrap", "--json", "-", stdin=json.dumps(PLAN))

        assert (first.returncode, first.stderr) == (0, "")
        assert "catalog: 3,000 titles added" in first.stdout
        assert books == (len(SEED.read_text(encoding="utf-8").splitlines()),)
        assert (robots, users) == ((1,), (1,))
        assert (at_once.returncode, at_once.stdout) == (0, "nothing has changed since the last start\n")
        assert (again.returncode, again.stderr) == (0, "")
        assert again.stdout.splitlines() == [
            "database is up to date",
            "floor is up to date",
            "catalog is up to date",
            "robot luna1 is up to date",
            "ada@example.org exists",
        ]
        assert PASSWORD not in first.stdout
        every_copy_has_a_barcode_a_shelf_and_a_desk(database)


def every_copy_has_a_barcode_a_shelf_and_a_desk(database: Connection) -> None:
    assert database.execute("SELECT count(*) FROM copies WHERE barcode !~ '^3[0-9]{13}$'").fetchone() == (0,)
    assert database.execute("SELECT count(*) FROM copies WHERE shelf_location IS NULL").fetchone() == (0,)
    desks = {row[0] for row in database.execute("SELECT DISTINCT home_desk FROM copies")}
    assert desks == {"DESK-1", "DESK-2"}
    per_title = {row[0] for row in database.execute("SELECT DISTINCT count(*) FROM copies GROUP BY book_id")}
    assert per_title == {1, 2, 3}


@pytest.mark.usefixtures("database")
class TestUsers:
    def create(self, manage: Run, email: str = "bea@example.org", password: str = PASSWORD) -> Done:
        return manage("create-user", email, "--role", "LIBRARIAN", "--password-stdin", stdin=f"{password}\n")

    def test_a_user_is_made_once(self, manage: Run) -> None:
        assert self.create(manage).returncode == 0

        again = self.create(manage, "BEA@example.org")

        assert (again.returncode, again.stderr) == (1, "There is an account with this email already\n")
        users = json.loads(manage("list-users", "--json").stdout)
        assert [(user["email"], user["role"]) for user in users] == [("bea@example.org", "LIBRARIAN")]

    def test_a_weak_password_is_refused_and_told_why(self, manage: Run) -> None:
        refused = self.create(manage, password="robots")

        assert refused.returncode == 1
        assert "must have a digit" in refused.stderr

    def test_ensuring_a_user_who_is_there_changes_nothing(self, manage: Run) -> None:
        self.create(manage)
        words = ("bea@example.org", "--role", "ADMIN", "--first-name", "B", "--last-name", "C", "--password-stdin")

        assert manage("ensure-user", *words, stdin="Another-1!\n").returncode == 0
        assert json.loads(manage("list-users", "--json").stdout)[0]["role"] == "LIBRARIAN"

    def test_a_password_is_set(self, manage: Run, database: Connection) -> None:
        self.create(manage)
        before = database.execute("SELECT password_hash FROM users").fetchone()

        done = manage("set-password", "bea@example.org", "--password-stdin", stdin="Another-passw0rd!\n")

        assert done.returncode == 0
        assert database.execute("SELECT password_hash FROM users").fetchone() != before

    def test_nobody_is_told_so(self, manage: Run) -> None:
        refused = manage("set-password", "nobody@example.org", "--password-stdin", stdin="Another-passw0rd!\n")

        assert (refused.returncode, refused.stderr) == (1, "There is no such user\n")


class TestRefusals:
    def test_an_unknown_command_is_wrong_usage(self, manage: Run) -> None:
        assert manage("conjure").returncode == 2

    def test_a_password_on_the_command_line_is_not_taken(self, manage: Run) -> None:
        assert manage("create-user", "a@example.org", "--role", "ADMIN").returncode == 2

    def test_a_database_that_is_away_is_named(self, manage: Run) -> None:
        nowhere = "postgresql+psycopg://luna_owner@/luna?host=/nowhere"

        refused = manage("migrate", LUNA_DATABASE_OWNER_URL=nowhere)

        assert refused.returncode == 1
        assert "/nowhere" in refused.stderr
        assert "Traceback" not in refused.stderr

    def test_a_wrong_setting_is_named_as_its_variable(self, manage: Run) -> None:
        refused = manage("migrate", LUNA_SIM_SPEED="fast")

        assert refused.returncode == 1
        assert "LUNA_SIM_SPEED" in refused.stderr

    def test_a_plan_that_is_none_is_refused(self, manage: Run) -> None:
        refused = manage("bootstrap", "--json", "-", stdin='{"robots": [{"name": "luna1"}], "users": 3}')

        assert refused.returncode == 1
        assert "robots.0.token" in refused.stderr
        assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("algorithm", ["HS256", "EdDSA"])
def test_a_key_that_is_made_is_one_that_a_server_starts_with(manage: Run, algorithm: str) -> None:
    made = manage("make-key", "--algorithm", algorithm).stdout.split()

    assert made[0].startswith(f"{algorithm}:")
    assert Settings(_env_file=None, jwt_keys=",".join(made)).key_ring().newest == read_key(made[0])


def test_jobs_say_when_they_ran_and_with_what_result(
    manage: Run, database: psycopg.Connection[tuple[Any, ...]]
) -> None:
    manage("migrate")
    database.execute(
        "INSERT INTO jobs (name, every_seconds, last_started_at, last_finished_at, last_handled, last_error, failures)"
        " VALUES ('a', 60, '2026-01-01Z', '2026-01-01Z', 3, NULL, 0),"
        " ('b', 9, '2026-01-01Z', '2026-01-01Z', 0, 'no', 2),"
        " ('c', 9, NULL, NULL, NULL, NULL, 0)"
    )

    assert manage("jobs").stdout.splitlines() == [
        "a\tevery 60 s\t2026-01-01T00:00:00Z\t3 done",
        "b\tevery 9 s\t2026-01-01T00:00:00Z\tfailed 2 times: no",
        "c\tevery 9 s\tnever finished",
    ]
    assert [job["last_handled"] for job in json.loads(manage("jobs", "--json").stdout)] == [3, 0, None]
