"""PostgreSQL: a cluster of its own, passwords by SCRAM, reachable by unix socket only."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from luna_embedded.credentials import Credentials
from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.parts.postgres_home import PostgresHome, socket_folder
from luna_embedded.parts.probes import postgres_serves
from luna_embedded.parts.run import Run
from luna_embedded.supervision.lifecycle import Rules
from luna_embedded.supervision.part import Part

NAME = "postgres"
OWNER, APP, DATABASE = "luna_owner", "luna_app", "luna"
PORT = 5432
INITDB_DEADLINE_S = 120
# Everything not named here is PostgreSQL's default; fsync and full_page_writes stay on.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0777",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "checkpoint_completion_target": "0.9",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    "log_min_duration_statement": "1000",
}
SETTINGS_VARIABLE = "LUNA_POSTGRES_SETTINGS"
"""What a person wants otherwise, in words: `shared_buffers=4GB max_wal_size=4GB`."""
MAY_BE_GIVEN = frozenset(
    {
        "autovacuum_max_workers", "autovacuum_work_mem", "checkpoint_completion_target", "checkpoint_timeout",
        "effective_cache_size", "effective_io_concurrency", "huge_pages", "jit", "log_checkpoints", "log_lock_waits",
        "log_min_duration_statement", "log_temp_files", "maintenance_io_concurrency", "maintenance_work_mem",
        "max_connections", "max_parallel_maintenance_workers", "max_parallel_workers",
        "max_parallel_workers_per_gather", "max_wal_size", "max_worker_processes", "min_wal_size", "random_page_cost",
        "shared_buffers", "temp_buffers", "wal_buffers", "wal_compression", "work_mem",
    }
)  # fmt: skip
"""Memory, log, planning and what is told: nothing that could lose a commit or let anyone else in."""


def database_url(user: str, password: str, sockets: Path) -> str:
    """SQLAlchemy's address of LUNA's database."""
    return f"postgresql+psycopg://{user}:{password}@/{DATABASE}?host={sockets}"


def first_statements(credentials: Credentials) -> str:
    """What follows initdb: the tables' owner, the web tier's role, their database. One statement a line."""
    return "\n".join(
        [
            f"CREATE ROLE {OWNER} LOGIN PASSWORD '{credentials.postgres_owner}';",
            f"CREATE ROLE {APP} LOGIN PASSWORD '{credentials.postgres_app}';",
            f"CREATE DATABASE {DATABASE} OWNER {OWNER};",
            f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;",
            f"GRANT CONNECT, TEMPORARY ON DATABASE {DATABASE} TO {APP};",
            "",
        ]
    )


def settings(given: str) -> dict[str, str]:
    """`SETTINGS`, with what is `given` in their place. Raises Refusal; values are PostgreSQL's to judge."""
    wanted = {}
    for word in given.split():
        name, _, value = word.partition("=")
        if name not in MAY_BE_GIVEN or not value:
            right = f"{SETTINGS_VARIABLE}='shared_buffers=4GB max_wal_size=4GB', say; what may be given: "
            what = f"{SETTINGS_VARIABLE} has {word!r}, which is no setting with a value, or none that may be given."
            raise Refusal(what, right + ", ".join(sorted(MAY_BE_GIVEN)), Exit.USAGE)
        wanted[name] = value
    return SETTINGS | wanted


def part(run: Run, home: PostgresHome) -> Part:
    """The database server. SIGINT is its fast shutdown: transactions are rolled back, everything is on disk.

    Raises Refusal if settings are given that cannot be.
    """
    sockets = socket_folder(run.state)
    options = [f"-c{name}={value}" for name, value in settings(run.base.get(SETTINGS_VARIABLE, "")).items()]
    return Part(
        name=NAME,
        command=(str(home.binaries / "postgres"), "-D", str(home.data), "-k", str(sockets), *options),
        environment=_variables(run),
        rules=Rules(start_deadline=120.0, stop_deadline=20.0),
        probe=lambda: postgres_serves(sockets / f".s.PGSQL.{PORT}", OWNER, DATABASE),
        prepare=lambda: prepare(run, home, sockets),
        account=home.account,
        folder=home.folder,
        stop_signal=signal.SIGINT,
        death_signal=signal.SIGINT,
    )


def prepare(run: Run, home: PostgresHome, sockets: Path) -> None:
    """Make socket folder and cluster where they are not there yet; take a stale lock file away. Raises Refusal."""
    sockets.mkdir(exist_ok=True)
    if home.account:
        os.chown(sockets, home.account.uid, home.account.gid)
    sockets.chmod(0o711)
    if not (home.data / "PG_VERSION").exists():
        _make_cluster(run, home)
    _drop_stale_lock(home.data)


def _make_cluster(run: Run, home: PostgresHome) -> None:
    """initdb beside the final place, then a rename: a cluster is whole or not there."""
    draft, password = home.folder / "data.new", home.folder / "superuser-password"
    shutil.rmtree(draft, ignore_errors=True)
    password.write_text(run.credentials.postgres_superuser)
    password.chmod(0o600)
    if home.account:
        os.chown(password, home.account.uid, home.account.gid)
    try:
        locale = ["-E", "UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
        login = ["-U", "postgres", "-A", "scram-sha-256", "--pwfile", str(password)]
        _tool(run, home, ["initdb", "-D", str(draft), *locale, *login, "--no-instructions"])
    finally:
        password.unlink()
    _tool(run, home, ["postgres", "--single", "-D", str(draft), "postgres"], first_statements(run.credentials))
    draft.rename(home.data)


def _tool(run: Run, home: PostgresHome, command: Sequence[str], stdin: str = "") -> None:
    account = home.account
    done = subprocess.run(
        [str(home.binaries / command[0]), *command[1:]],
        input=stdin,
        env=_variables(run),
        cwd=home.folder,
        capture_output=True,
        text=True,
        timeout=INITDB_DEADLINE_S,
        check=False,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    if done.returncode != 0 or "ERROR:" in done.stderr:
        raise Refusal(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-600:]}")


def _drop_stale_lock(data: Path) -> None:
    """After a power cut another process may have the id in postmaster.pid; PostgreSQL would take it for itself.

    Nobody else runs this cluster: the supervisor's lock is ours and what its last holder left is ended.
    """
    (data / "postmaster.pid").unlink(missing_ok=True)


def _variables(run: Run) -> dict[str, str]:
    return {name: value for name, value in run.base.items() if not name.startswith("LUNA_")} | {
        "LC_ALL": "C",
        "TZ": "UTC",
    }
