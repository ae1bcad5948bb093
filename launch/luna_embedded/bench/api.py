"""`./luna bench api`: measures what readers and desks call most, over servers of its own in the state directory."""

from __future__ import annotations

import subprocess
from pathlib import Path

from rich.console import Console

from luna_embedded.bench.sections import show
from luna_embedded.bench.servers import servers
from luna_embedded.exit_codes import Exit
from luna_embedded.layout import Checkout
from luna_embedded.parts import postgres, web
from luna_embedded.parts.run import Run
from luna_embedded.parts.variables import manage_variables
from luna_embedded.reset import wipe
from luna_embedded.state import StateDir
from luna_embedded.supervision.control import ask

DEADLINE_S = 3600.0
WRITES = 20
"""Of each kind, for each number of clients, by `count`: one takes but milliseconds."""


def bench_api(checkout: Checkout, state: Path, count: int, console: Console) -> int:
    """``20 × count`` writes of each kind and twice as many reads, by 1, 16 and 64 clients each, in an empty library."""
    path, own = state / "bench-api.json", StateDir(state / "bench-api")
    wipe(own)  # what earlier runs wrote would slow this one down
    with servers(checkout, own) as run:
        code = _measure(run, count * WRITES, path)
    if shown := show(code, path, console):
        return shown
    console.print(f"`rm -r {own.path}` frees the room of its database.")
    return Exit.OK


def _measure(run: Run, writes: int, path: Path) -> int:
    pids = {part["name"]: str(part["pid"]) for part in ask(run.state.control_socket, "status")["parts"]}
    words = ["--address", run.address, "--server", pids[web.NAME], "--database", pids[postgres.NAME]]
    done = subprocess.run(
        [run.web_python, "-m", "luna_web.bench.api", *words, "--writes", str(writes), "--out", str(path)],
        env=manage_variables(run),
        cwd=run.checkout.root,
        timeout=DEADLINE_S,
        check=False,
    )
    return done.returncode
