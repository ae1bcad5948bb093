"""Starts that somebody thinks better of."""

from __future__ import annotations

import signal
import subprocess
from contextlib import closing

import pytest

from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.state import Lock
from luna_embedded.supervision.control import ask
from tests.domains import Domain
from tests.e2e.conftest import free_port, open_folder
from tests.e2e.world import World, wait_until


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_start_in_the_background_that_is_interrupted_leaves_nothing_running(how: signal.Signals) -> None:
    with open_folder() as folder, closing(Domain()) as domain:
        world = World(folder / "state", free_port(), domain.number)
        starting = world.begin("up", "--detach", "--port", str(world.port))
        wait_until("something has started", lambda: has_begun(world))

        starting.send_signal(how)

        assert starting.wait(60) == Exit.INTERRUPTED, starting.communicate()
        assert not Lock(world.directory).is_held()
        assert subprocess.run(["pgrep", "-f", str(folder)], check=False, capture_output=True).stdout == b""


def has_begun(world: World) -> bool:
    try:
        return any(part["pid"] for part in ask(world.directory.control_socket, "status")["parts"])
    except Refusal:
        return False
