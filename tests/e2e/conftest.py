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


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """LUNA with one robot and eight-fold time."""
    with open_folder() as folder, closing(Domain()) as domain:
        world = World(folder / "state", free_port(), domain.number)
        try:
            world.up()
            yield world
        finally:
            world.down()


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
