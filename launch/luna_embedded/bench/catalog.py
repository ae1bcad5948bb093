"""`./luna bench catalog`: measures the catalog at a million titles, over servers of its own in the state directory."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from rich.console import Console

from luna_embedded.bench.sections import show
from luna_embedded.bench.servers import servers
from luna_embedded.credentials import load
from luna_embedded.exit_codes import Exit
from luna_embedded.layout import Checkout
from luna_embedded.parts.run import Run
from luna_embedded.parts.variables import manage_variables
from luna_embedded.state import StateDir

BENCH_DEADLINE_S = 3600.0
MOST_RECORDS = 50_000
"""Imported in each format."""


def bench_catalog(checkout: Checkout, state: Path, titles: int, times: int, console: Console) -> int:
    """Load ``titles`` made-up titles if they are not there yet, ask each kind of question ``times`` times."""
    path = state / "bench-catalog.json"
    console.print(f"Servers of its own, in {state / 'bench-catalog'}; the first time loads {titles:,} titles.")
    with servers(checkout, StateDir(state / "bench-catalog")) as run:
        code = _measure(run, titles, times, path)
    if shown := show(code, path, console):
        return shown
    console.print(f"`rm -r {state / 'bench-catalog'}` frees the room of its database.")
    return Exit.OK


def _measure(run: Run, titles: int, times: int, path: Path) -> int:
    logins = {one.role: {"email": one.email, "password": one.password} for one in load(run.state, ()).logins()}
    words = ["--titles", str(titles), "--times", str(times), "--records", str(min(titles, MOST_RECORDS))]
    words += ["--address", run.address, "--out", str(path)]
    done = subprocess.run(
        [run.web_python, "-m", "luna_web.bench", *words],
        input=json.dumps({"librarian": logins["LIBRARIAN"], "crowd": logins["STUDENT"]}),
        env=manage_variables(run),
        cwd=run.checkout.root,
        text=True,
        timeout=BENCH_DEADLINE_S,
        check=False,
    )
    return done.returncode
