"""Servers of a benchmark's own, in its state directory, so that nobody's library is touched."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from luna_embedded import assembly
from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.layout import Checkout, this_checkout
from luna_embedded.parts.run import Options, Run
from luna_embedded.planning import Place, recorded_run
from luna_embedded.running import Assemble, supervise
from luna_embedded.state import StateDir
from luna_embedded.supervision.control import ask
from luna_embedded.up import down

START_DEADLINE_S = 240.0
POLL_S = 0.2


@contextlib.contextmanager
def servers(
    checkout: Checkout, state: StateDir, module: str = "luna_embedded.bench.web_servers"
) -> Iterator[Run]:
    """The servers of a module while the block lasts. Raises Refusal if they do not start."""
    state.path.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", module, str(state.path), str(_free_port())]
    process = subprocess.Popen(command, cwd=checkout.root, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        _until_running(state, process)
        yield recorded_run(checkout, state, os.environ)
    finally:
        with contextlib.suppress(Refusal):
            down(state)
        process.wait(60)


def keep_running(state: str, options: Options, assemble: Assemble = assembly.parts) -> int:
    """What such a module does: its parts under the real supervisor, until it is told to end. Returns an exit code."""
    try:
        supervise(this_checkout(), Place(StateDir(Path(state)), named=True), options, lambda _: None, assemble)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return refusal.code
    return 0


def _until_running(state: StateDir, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(Refusal):
            snapshot = ask(state.control_socket, "status")
            if snapshot["supervisor_pid"] == process.pid and snapshot["state"] == "running":
                return
        time.sleep(POLL_S)
    raise Refusal("The servers of the benchmark do not start.", f"See {state.logs}.", Exit.FAILED)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
