"""`luna status`, `logs`, and orders to single parts."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from rich.console import Console

from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.measure import measure
from luna_embedded.screen import status_table
from luna_embedded.state import StateDir
from luna_embedded.supervision.control import ask
from luna_embedded.supervision.logs import follow as follow_log
from luna_embedded.supervision.logs import last_lines

ORDER_DEADLINE_S = 60.0
MEANT = {"stop": ("stopped", "done"), "start": ("running", "done"), "restart": ("running", "done")}


def measured(state: StateDir) -> dict[str, Any]:
    """What the supervisor says, with processor and memory of every part. Raises Refusal if none runs."""
    snapshot = ask(state.control_socket, "status")
    usage = measure(
        {row["name"]: row["pid"] for row in snapshot["parts"] if row["pid"]}
        | {"supervisor": snapshot["supervisor_pid"]}
    )
    for row in snapshot["parts"]:
        used = usage.get(row["name"])
        row["cpu_percent"], row["memory_mb"] = (used.cpu_percent, used.memory_mb) if used else (None, None)
    # The supervisor's children are the parts; what it takes itself is the difference.
    snapshot["memory_mb"] = round(usage["supervisor"].memory_mb, 1) if "supervisor" in usage else None
    snapshot["cpu_percent"] = round(usage["supervisor"].cpu_percent, 1) if "supervisor" in usage else None
    return snapshot


def show(state: StateDir, console: Console, *, as_json: bool) -> int:
    """Print what runs. Returns 0, or 3 if nothing does."""
    try:
        snapshot = measured(state)
    except Refusal as refusal:
        if not as_json or refusal.code != Exit.NOT_RUNNING:
            raise
        snapshot = {"state": "stopped", "address": None, "state_dir": str(state.path), "parts": []}
    if as_json:
        print(json.dumps(snapshot, indent=1))
    else:
        speed = f"{snapshot['sim_speed']:g} × real time"
        console.print(f"LUNA is [bold]{snapshot['state']}[/] at {snapshot['address']}, simulation at {speed}")
        console.print(status_table(snapshot))
        console.print(f"Everything: {snapshot['cpu_percent']:.0f} % of a core, {snapshot['memory_mb']:.0f} MB.")
        console.print(" · ".join(f"{name} {version}" for name, version in snapshot["versions"].items()), style="dim")
    return Exit.NOT_RUNNING if snapshot["state"] == "stopped" else Exit.OK


def show_log(state: StateDir, part: str, lines: int, *, follow: bool) -> None:
    """Print the end of a part's log; with ``follow`` what comes after, until Ctrl-C. Raises Refusal."""
    path = state.log(part)
    if "/" in part or not path.exists():
        there = ", ".join(sorted(log.stem for log in state.logs.glob("*.log")))
        raise Refusal(
            f"There is no log of {part!r}.",
            f"There are: {there}" if there else "LUNA has not run here yet.",
            Exit.USAGE,
        )
    for line in last_lines(path, lines):
        print(line)
    if follow:
        for text in follow_log(path):
            sys.stdout.write(text)
            sys.stdout.flush()


def order(state: StateDir, verb: str, part: str) -> None:
    """Stop, start or restart a part and wait until it has. Raises Refusal."""
    before = _row(state, part)
    ask(state.control_socket, verb, part)
    end = time.monotonic() + ORDER_DEADLINE_S
    while not _is_obeyed(verb, before, row := _row(state, part)):
        if time.monotonic() > end or row["state"] == "given up":
            raise Refusal(f"{part} is {row['state']}: {row['why']}", f"See ./luna logs {part}.")
        time.sleep(0.05)


def _row(state: StateDir, part: str) -> dict[str, Any]:
    rows = ask(state.control_socket, "status")["parts"]
    found: dict[str, Any] | None = next((row for row in rows if row["name"] == part), None)
    if found is None:
        raise Refusal(
            f"No part is called {part!r}.", "There are: " + ", ".join(row["name"] for row in rows), Exit.USAGE
        )
    return found


def _is_obeyed(verb: str, before: dict[str, Any], now: dict[str, Any]) -> bool:
    return now["state"] in MEANT[verb] and (verb != "restart" or now["pid"] is None or now["pid"] != before["pid"])
