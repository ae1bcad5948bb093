"""The world of these tests: state directories that PostgreSQL's user can reach, and runs of the two servers in them."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
import redis

from luna_embedded.credentials import load
from luna_embedded.exit_codes import Refusal
from luna_embedded.parts import valkey
from luna_embedded.parts.postgres_home import socket_folder
from luna_embedded.ports import pick
from luna_embedded.state import StateDir, read_json
from luna_embedded.supervision.control import ask
from luna_embedded.supervision.records import look

T = TypeVar("T")
DEADLINE = 60.0


def until(what: str, look: Callable[[], T | None], deadline: float = DEADLINE) -> T:
    """The first truthy answer of ``look``; an AssertionError that says ``what`` after ``deadline`` seconds."""
    end = time.monotonic() + deadline
    while True:
        is_late = time.monotonic() >= end  # asked before the look: it may be this process that stood still
        if found := look():
            return found
        assert not is_late, f"not within {deadline:.0f} s: {what}"
        time.sleep(0.05)


@dataclass
class ServersRun:
    """PostgreSQL and Valkey under a supervisor in its own process."""

    state: StateDir
    port: int
    process: subprocess.Popen[str]

    def status(self) -> dict[str, Any]:
        """What the supervisor answers, once it does."""
        return until("the supervisor answers", self._told)

    def _told(self) -> dict[str, Any] | None:
        try:
            return ask(self.state.control_socket, "status")
        except Refusal:
            return None

    def part(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(part for part in self.status()["parts"] if part["name"] == name)
        return found

    def runs_without(self, name: str, dead: int) -> bool:
        """Whether a part runs, and not as the process ``dead``."""
        part = self.part(name)
        return bool(part["state"] == "running" and part["pid"] != dead)

    def wait_until_up(self) -> None:
        until("both servers run", lambda: self.status()["state"] == "running")

    def recorded_pids(self) -> list[int]:
        return [pid for pid, _ in read_json(self.state.processes).values()]

    def database(self) -> psycopg.Connection[tuple[Any, ...]]:
        password = load(self.state, []).postgres_owner
        host = socket_folder(self.state)
        return psycopg.connect(
            host=str(host), dbname="luna", user="luna_owner", password=password, autocommit=True, connect_timeout=5
        )

    def cache(self) -> redis.Redis:
        return redis.Redis.from_url(valkey.redis_url(self.state.run))

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that others may pass through (pytest's own are closed)."""
    folder = Path(tempfile.mkdtemp(prefix="luna-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


Begin = Callable[..., ServersRun]


@pytest.fixture
def begin(open_folder: Path) -> Iterator[Begin]:
    """Starts runs: ``begin(state=…, port=…, free=…, named=…)``; ends those that are left."""
    runs: list[ServersRun] = []

    def start(
        state: Path | None = None, port: int | None = None, free: int | None = None, *, named: bool = True
    ) -> ServersRun:
        state, port = state or open_folder / "state", port or pick([], 1)[0]
        words = [
            sys.executable,
            "-m",
            "tests.integration.luna_embedded.servers_only",
            str(state),
            str(port),
            str(named),
        ]
        process = subprocess.Popen(
            words + ([str(free)] if free is not None else []),
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        runs.append(ServersRun(StateDir(state), port, process))
        return runs[-1]

    yield start
    for run in runs:
        if run.process.poll() is None:
            run.stop()
        if run.process.stderr:
            run.process.stderr.close()


def is_gone(pid: int) -> bool:
    """Whether a process has ended (one that nobody has waited for has ended, too)."""
    process = look(pid)
    return process is None or process.zombie
