"""What the last bootstrap was made from and what it left, so that one that would change nothing is known as such.

Standard library and psycopg alone: to load the application only to find nothing to do costs seconds at every start.

A bootstrap is told apart by its `Origin`: the plan, the settings, the floor's files, and every file of this package, of
the migrations and of the seed catalog. It stands as long as nothing that a bootstrap looks at has changed in the
database since: the schema's revision, floor, waypoints, robots, the catalog's mark, and the plan's people being there.
Both are kept in the database, so a restored dump brings its own with it. In doubt it does not stand.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

WEB_API = Path(__file__).resolve().parents[2]
CODE = ("luna_web", "migrations", "catalog_seed")
SETTING = "bootstrap"
CONNECT_TIMEOUT_S = 2
STATEMENT_TIMEOUT_MS = 5_000

Connection = psycopg.Connection[tuple[Any, ...]]

_READ_BY_BOOTSTRAP = """
SELECT
  (SELECT array_agg(version_num ORDER BY version_num) FROM alembic_version),
  (SELECT value FROM settings WHERE name = 'catalog.seed'),
  (SELECT json_agg((id, map_id, checksum) ORDER BY id) FROM maps),
  (SELECT json_agg((id, map_id, location_code, name, is_active, deleted_at) ORDER BY id) FROM waypoints),
  (SELECT json_agg((id, robot_name, namespace, bridge_url, home_waypoint_id, token_encrypted, deleted_at) ORDER BY id)
     FROM robots)
"""
_MISSING_PEOPLE = """
SELECT count(*) FROM unnest(%s::text[]) AS wanted WHERE lower(wanted) NOT IN (SELECT lower(email) FROM users)
"""


@dataclass(frozen=True)
class Origin:
    """What a bootstrap is made from. `key` stands for all of it and gives no secret away."""

    key: str
    emails: tuple[str, ...]


def origin(plan_text: str, environment: Mapping[str, str], now: datetime, folder: Path) -> Origin | None:
    """Of this plan with these variables; None of a plan or a floor that only a bootstrap can say what is wrong with.

    `folder` is where the process runs (a `.env` there has settings, too). Of people only the emails count: who is there
    is left as they are. The month counts, for a bootstrap makes the audit trail's partitions for those that follow it.
    """
    try:
        plan = json.loads(plan_text)
        emails = [user["email"] for user in plan.get("users", [])]
        parts = [
            json.dumps({**plan, "users": emails}, sort_keys=True),
            f"{now:%Y-%m}",
            json.dumps(sorted((name, value) for name, value in environment.items() if name.startswith("LUNA_"))),
            _contents([folder / ".env"] if (folder / ".env").exists() else []),
            *(_contents(_files(WEB_API / code)) for code in CODE),
            _contents(_files(Path(plan["floor"])) if plan.get("floor") else []),
        ]
        secret = environment.get("LUNA_ENCRYPTION_KEY", "").encode()
        digest = hmac.digest(secret, json.dumps(parts).encode(), "sha256")
        return Origin(digest.hex(), tuple(map(str, emails)))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.parent.name != "__pycache__")


def _contents(files: Iterable[Path]) -> str:
    """A digest of names and contents."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def connect(owner_url: str) -> Connection:
    """As the database's owner, with SQLAlchemy's form of the address. Raises psycopg.Error."""
    return psycopg.connect(
        owner_url.replace("postgresql+psycopg://", "postgresql://", 1),
        connect_timeout=CONNECT_TIMEOUT_S,
        options=f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC",
        application_name="luna-bootstrap",
        autocommit=True,
    )


def stands(connection: Connection, made_from: Origin) -> bool:
    """Whether the last bootstrap was this one, came to its end, and would find everything as it left it."""
    try:
        row = connection.execute("SELECT value FROM settings WHERE name = %s", [SETTING]).fetchone()
        known = row[0] if row else None
        if not isinstance(known, dict) or known.get("key") != made_from.key:
            return False
        missing = connection.execute(_MISSING_PEOPLE, [list(made_from.emails)]).fetchone()
        return missing == (0,) and known.get("left") == _left(connection)
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        return False


def forget(connection: Connection) -> None:
    """A bootstrap begins: until it has come to its end nothing stands."""
    try:
        connection.execute("DELETE FROM settings WHERE name = %s", [SETTING])
    except psycopg.errors.UndefinedTable:
        return


def remember(connection: Connection, made_from: Origin) -> None:
    """A bootstrap has come to its end."""
    connection.execute(
        "INSERT INTO settings (name, value) VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value",
        [SETTING, Jsonb({"key": made_from.key, "left": _left(connection)})],
    )


def _left(connection: Connection) -> str:
    row = connection.execute(_READ_BY_BOOTSTRAP).fetchone()
    return hashlib.sha256(str(row).encode()).hexdigest()
