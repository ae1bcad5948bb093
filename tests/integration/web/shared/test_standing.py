"""A bootstrap that is skipped would have changed nothing: whatever could make it change something has it run."""

import io
import json
import os
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from luna_web.manage import bootstrap, standing
from luna_web.manage.standing import Origin
from luna_web.shared.config import Settings
from tests.integration.servers import Postgres
from tests.integration.web.commands import CHEAP_HASHES
from tests.integration.web.shared.own_database import PLAN, Connection, own_database, variables

NOW = datetime(2026, 3, 31, 23, 59, tzinfo=UTC)
SKIPPED = "nothing has changed since the last start\n"


class Start:
    """`python -m luna_web.manage.bootstrap` in this process; says whether it did anything."""

    def __init__(self, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self._patch, self._capture = patch, capture

    def __call__(self, plan: dict[str, Any]) -> str:
        self._capture.readouterr()
        self._patch.setattr("sys.stdin", io.StringIO(json.dumps(plan)))
        assert bootstrap.main() == 0
        return self._capture.readouterr().out


@pytest.fixture
def database(settings: Settings, postgres_server: Postgres) -> Iterator[Connection]:
    with own_database(postgres_server, template="luna_migrated") as connection:
        yield connection


@pytest.fixture
def start(
    postgres_server: Postgres, database: Connection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Start:
    for name, value in {**CHEAP_HASHES, **variables(postgres_server)}.items():
        monkeypatch.setenv(name, value)
    return Start(monkeypatch, capsys)


def plan_with(**changes: Any) -> dict[str, Any]:
    """PLAN without the catalog, which takes a while."""
    return {**deepcopy(PLAN), "catalog": False, **changes}


CHANGES = {
    "a robot deleted": "UPDATE robots SET deleted_at = now()",
    "a robot's address": "UPDATE robots SET bridge_url = 'ws://127.0.0.1:1/luna1'",
    "a robot's token": "UPDATE robots SET token_encrypted = 'x'",
    "a robot gone": "DELETE FROM robots",
    "a person renamed": "UPDATE users SET email = 'other@example.org'",
    "a person gone": "DELETE FROM users",
    "a waypoint out of use": "UPDATE waypoints SET is_active = false WHERE location_code = 'DOCK-1'",
    "another floor": "UPDATE maps SET checksum = repeat('0', 64)",
    "another seed catalog": """INSERT INTO settings (name, value) VALUES ('catalog.seed', '{"sha256": "x"}')""",
    "an older schema": "UPDATE alembic_version SET version_num = '0001_foundation'",
    "no schema": "DROP TABLE alembic_version",
    "nothing known": "DELETE FROM settings WHERE name = 'bootstrap'",
    "no settings": "DROP TABLE settings",
}
OF_NO_CONCERN = (
    "UPDATE users SET role = 'ADMIN', password_hash = 'x', is_active = false;"
    "UPDATE robots SET paused = true, version = version + 1;"
    "INSERT INTO users (id, email, password_hash, first_name, last_name, role)"
    " VALUES (gen_random_uuid(), 'new@example.org', 'x', 'New', 'Reader', 'STUDENT')"
)


def test_it_stands_until_something_that_a_bootstrap_looks_at_has_changed(start: Start, database: Connection) -> None:
    plan = plan_with()
    assert "robot luna1 registered" in start(plan)
    assert start(plan) == SKIPPED
    made_from = standing.origin(json.dumps(plan), os.environ, datetime.now(UTC), Path.cwd())
    assert made_from is not None

    def stands_after(change: str) -> bool:
        with database.transaction(force_rollback=True):
            database.execute(change)
            with database.transaction(force_rollback=True):
                return standing.stands(database, made_from)

    assert stands_after(OF_NO_CONCERN)
    assert {name for name, change in CHANGES.items() if stands_after(change)} == set()

    database.execute(CHANGES["a robot deleted"])
    database.execute(CHANGES["a person gone"])
    assert {"robot luna1 registered", "ada@example.org created as STUDENT"} <= set(start(plan).splitlines())
    assert database.execute("SELECT deleted_at FROM robots").fetchall() == [(None,)]
    assert start(plan) == SKIPPED


def test_one_that_did_not_end_never_stands(start: Start) -> None:
    """Another plan's bootstrap begins and fails in its middle: the first plan's is run again, too."""
    first, broken = plan_with(), plan_with(floor=None)
    broken["robots"].append({**broken["robots"][0], "name": "luna2", "namespace": "/luna2", "home_waypoint": "MOON"})
    start(first)

    with pytest.raises(SystemExit):
        start(broken)

    assert start(first) != SKIPPED
    assert start(first) == SKIPPED


def test_a_database_that_does_not_answer_is_left_to_the_bootstrap(
    start: Start, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LUNA_DATABASE_OWNER_URL", "postgresql+psycopg://luna_owner@127.0.0.1:1/luna")

    with pytest.raises(SystemExit) as refused:
        start(plan_with())

    assert refused.value.code == 1
    assert "the database says" in capsys.readouterr().err


class TestOrigin:
    """What tells bootstraps apart; needs no database."""

    def of(self, plan: dict[str, Any], *, now: datetime = NOW, folder: Path = Path("/"), **variables: str) -> Origin:
        found = standing.origin(json.dumps(plan), {"LUNA_ENCRYPTION_KEY": "k", **variables}, now, folder)
        assert found is not None
        return found

    def test_plan_settings_month_and_dotenv_count(self, tmp_path: Path) -> None:
        plan = plan_with()
        (tmp_path / ".env").write_text("LUNA_BRIDGE_HOSTS=robots.example.org")
        two = plan_with(robots=[*plan["robots"], {**plan["robots"][0], "name": "luna2"}])
        renamed = plan_with(users=[{**plan["users"][0], "email": "bea@example.org"}])
        others = [
            self.of(two),
            self.of(renamed),
            self.of(plan_with(catalog=True)),
            self.of(plan, LUNA_ENCRYPTION_KEY="other"),
            self.of(plan, LUNA_BRIDGE_HOSTS="robots.example.org"),
            self.of(plan, folder=tmp_path),
            self.of(plan, now=datetime(2026, 4, 1, tzinfo=UTC)),
        ]

        assert len({self.of(plan), *others}) == 1 + len(others)

    def test_the_day_and_variables_of_others_do_not(self) -> None:
        plan = plan_with()

        assert self.of(plan, PATH="/bin", now=datetime(2026, 3, 1, tzinfo=UTC)) == self.of(plan)

    def test_every_file_that_a_bootstrap_reads_counts(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        files = ("luna_web/robot/seed.py", "migrations/versions/0001.py", "catalog_seed/titles.jsonl", "floor/map.yaml")
        for name in files:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("as it was")
        monkeypatch.setattr(standing, "WEB_API", tmp_path)
        plan = plan_with(floor=str(tmp_path / "floor"))
        keys = {self.of(plan).key}

        for name in files:
            (tmp_path / name).write_text("as it is")
            keys.add(self.of(plan).key)
        (tmp_path / "migrations/versions/0002.py").write_text("new")
        keys.add(self.of(plan).key)

        assert len(keys) == len(files) + 2

    @pytest.mark.parametrize("plan", ["", "[]", '{"users": 3}', '{"users": [{}]}', '{"floor": 3}'])
    def test_of_a_plan_that_is_none_there_is_none(self, plan: str) -> None:
        assert standing.origin(plan, {}, NOW, Path("/")) is None
