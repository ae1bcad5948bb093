"""`./luna bench catalog`: measures the catalog at a million titles, over servers of its own in the state directory."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from luna_embedded.credentials import load
from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.layout import Checkout
from luna_embedded.parts.run import Run
from luna_embedded.parts.variables import manage_variables
from luna_embedded.planning import recorded_run
from luna_embedded.state import StateDir
from luna_embedded.supervision.control import ask
from luna_embedded.up import down

START_DEADLINE_S = 240.0
BENCH_DEADLINE_S = 3600.0
POLL_S = 0.2
MOST_RECORDS = 50_000
"""Imported in each format."""


def bench_catalog(checkout: Checkout, state: Path, titles: int, times: int, console: Console) -> int:
    """Load ``titles`` made-up titles if they are not there yet, ask each kind of question ``times`` times."""
    path = state / "bench-catalog.json"
    console.print(f"Servers of its own, in {state / 'bench-catalog'}; the first time loads {titles:,} titles.")
    with servers(checkout, StateDir(state / "bench-catalog")) as run:
        code = _measure(run, titles, times, path)
    if code:
        console.print("[bold red]The measurement failed[/]; its last words are above.")
        return Exit.FAILED
    print_sections(path, console)
    console.print(f"`rm -r {state / 'bench-catalog'}` frees the room of its database.")
    return Exit.OK


def print_sections(path: Path, console: Console) -> None:
    """The tables that a measurement left there."""
    for section in json.loads(path.read_text())["sections"]:
        console.print(_table(section))
    console.print(f"Written to {path}.")


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


@contextlib.contextmanager
def servers(
    checkout: Checkout, state: StateDir, module: str = "luna_embedded.bench.catalog_servers"
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


def _table(section: dict[str, Any]) -> Table:
    """However narrow the screen, headings are broken and figures are not."""
    rows = [["—" if cell is None else str(cell) for cell in row] for row in section["rows"]]
    table = Table(title=section["title"], title_justify="left", padding=0)
    for number, heading in enumerate(section["columns"]):
        widest = max((len(row[number]) for row in rows), default=1)
        table.add_column(heading, justify="right" if number else "left", no_wrap=not number, min_width=widest)
    for row in rows:
        table.add_row(*row)
    return table
