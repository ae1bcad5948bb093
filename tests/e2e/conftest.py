"""One running LUNA for the tests of this folder that a worker takes."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.domains import Domain
from tests.e2e.world import World


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
