"""One running LUNA for the tests of this folder that a worker takes."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.domains import Domain
from tests.e2e.world import World

LAST_LINES = 60


class Stage:
    """Where one LUNA of a worker runs at a time, until another is wanted: two more would be too slow for robots."""

    def __init__(self, folder: Path, domain: int) -> None:
        self._folder = folder
        self._domain = domain
        self._world: World | None = None

    def show(self, robots: int = 1, speed: float = 10.0) -> World:
        """A running LUNA with so many robots, in which time runs so many times as fast."""
        if self._world is None or (self._world.robots, self._world.speed) != (robots, speed):
            self.clear()
            state = self._folder / f"{robots}-at-{speed:g}"
            self._world = World(state, free_port(), self._domain, speed=speed, robots=robots)
            self._world.up()
        return self._world

    def clear(self) -> None:
        if self._world is not None:
            self._world.down()
        self._world = None


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    with open_folder() as folder, closing(Domain()) as domain:
        stage = Stage(folder, domain.number)
        try:
            yield stage
        finally:
            stage.clear()


@pytest.fixture(scope="module")
def world(stage: Stage) -> World:
    """LUNA with one robot and ten-fold time."""
    return stage.show()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that failed shows what each part of its LUNA said last: its folder is gone afterwards."""
    report = yield
    world = getattr(item, "funcargs", {}).get("world")
    if report.failed and isinstance(world, World):
        for log in sorted(world.directory.logs.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
            report.sections.append((f"log of {log.stem}", "\n".join(lines)))
    return report


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder open to others: PostgreSQL runs in it as an unprivileged user."""
    folder = Path(tempfile.mkdtemp(prefix="luna-e2e-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
