"""What tests of the worker need: events, consumers, and the worker as a process of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from luna_web.shared.config import Settings
from luna_web.shared.runtime import Runtime
from tests.integration.web.worker.processes import Valkey, WorkerProcess


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A Valkey of this test alone, that can die and come back empty."""
    server = Valkey(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def start_worker(
    settings: Settings, runtime: Runtime, valkey: Valkey, tmp_path: Path
) -> Iterator[Callable[[], WorkerProcess]]:
    """Starts `python -m luna_web.worker` on this test's database and Valkey, as often as one likes."""
    started: list[WorkerProcess] = []

    def start() -> WorkerProcess:
        number = len(started)
        started.append(
            WorkerProcess(settings, valkey, tmp_path / f"worker-{number}.log", tmp_path / f"notify-{number}")
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
