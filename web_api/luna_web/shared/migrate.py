"""Bringing a database to the newest schema. Alembic is only loaded when there is something to do."""

import re
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import ProgrammingError

from luna_web.shared.database import connect_args

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
PARTITIONED = ("audit_logs",)
MONTHS_AHEAD = 13
_LOCK = 0x4C554E41  # "LUNA": one migration at a time
_REVISION = re.compile(r'^(revision|down_revision) = "?([^"\n]+)"?$', re.MULTILINE)


def newest_revision(folder: Path = MIGRATIONS) -> str:
    """The revision that no other builds on. ValueError if there is not exactly one."""
    revisions: set[str] = set()
    parents: set[str] = set()
    for file in (folder / "versions").glob("*.py"):
        named = dict(_REVISION.findall(file.read_text()))
        revisions.add(named["revision"])
        parents.add(named["down_revision"])
    heads = revisions - parents
    if len(heads) != 1:
        raise ValueError(f"the migrations have {len(heads)} heads: {sorted(heads)}")
    return heads.pop()


def owner_engine(url: str) -> Engine:
    """A connection as the owner; migrations may take long."""
    patient = connect_args(statement_timeout_ms=0)
    return create_engine(url, connect_args=patient, pool_size=1, max_overflow=0, hide_parameters=True)


def migrate(engine: Engine, progress: Callable[[str], None]) -> bool:
    """Upgrade to the newest schema; says whether anything was done. Safe to run twice at once."""
    newest = newest_revision()
    with engine.connect() as connection:
        before = _current(connection)
        if before == newest:
            _make_partitions(connection)
            return False
        progress(f"schema {before or 'empty'} → {newest}")
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        connection.commit()
        _upgrade(connection)
        _make_partitions(connection)
    return True


def _current(connection: Connection) -> str | None:
    try:
        version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return version
    except ProgrammingError:
        return None
    finally:
        connection.rollback()


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()


def _make_partitions(connection: Connection) -> None:
    """Partitions for the months to come, so that a database that is started once a year has them."""
    for table in PARTITIONED:
        connection.execute(
            text("SELECT ensure_monthly_partitions(:parent, current_date, :months)"),
            {"parent": table, "months": MONTHS_AHEAD},
        )
    connection.commit()
