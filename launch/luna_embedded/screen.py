"""What people see of a run: parts as they start, the greeting, the table of `status`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from luna_embedded.credentials import Login

Snapshot = Mapping[str, Any]
QUIET_PERIOD_S = 10.0
COLOURS = {"running": "green", "done": "green", "given up": "bold red", "backing off": "yellow", "stopped": "dim"}


class StartScreen:
    """A line for each part that serves or fails, and, on a terminal, one live line of what is awaited."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._told: dict[str, tuple[str, int]] = {}
        self._last = clock()
        self._live: Status | None = Status("Starting …", console=console) if console.is_terminal else None

    def __enter__(self) -> StartScreen:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def update(self, snapshot: Snapshot) -> None:
        """Tell what is new."""
        for row in snapshot["parts"]:
            self._tell(row)
        awaited = ", ".join(_awaited(row) for row in snapshot["parts"] if row["state"] == "starting")
        if self._live:
            self._live.update(f"Starting {escape(awaited)} …" if awaited else "Starting …")
        elif awaited and self._clock() - self._last > QUIET_PERIOD_S:
            self._last = self._clock()
            self._console.print(f"  still starting: {awaited}", markup=False)

    def _tell(self, row: Mapping[str, Any]) -> None:
        now = (row["state"], row["restarts"])
        if self._told.get(row["name"]) == now:
            return
        self._told[row["name"]] = now
        if row["state"] in ("running", "done"):
            self._console.print(f"  [green]✓[/] {row['name']}")
        elif row["state"] in ("backing off", "given up"):
            self._console.print(f"  [red]✗[/] {row['name']} {row['state']}: {escape(row['why'])}", soft_wrap=True)


def _awaited(row: Mapping[str, Any]) -> str:
    return f"{row['name']} ({row['says']})" if row["says"] else str(row["name"])


def greet(
    console: Console, address: str, logins: Sequence[Login], state: str, elapsed: float, *, attached: bool, option: str
) -> None:
    """What is printed once everything serves."""
    console.print(f"\n[bold green]LUNA is running[/] at [bold]{address}[/] (ready after {elapsed:.1f} s)\n")
    table = Table(box=None, padding=(0, 2))
    for heading in ("who", "login", "password"):
        table.add_column(heading, no_wrap=True)
    for login in logins:
        table.add_row(login.role.lower(), login.email, login.password)
    console.print(table)
    console.print(
        f"\nTry:  ./luna demo{option}       a student and a librarian deliver a book; watch the robot drive\n"
        f"      {address}/docs    every request of the API, to try in the browser\n"
        f"      ./luna status{option}     what runs, and how much it takes\n"
        f"      ./luna logs web -f{option}\n",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    end = (
        "Ctrl-C stops everything and loses nothing."
        if attached
        else f"./luna down{option} stops everything and loses nothing."
    )
    console.print(f"{end} State and logs: {state}", markup=False, highlight=False, soft_wrap=True)


def status_table(snapshot: Snapshot) -> Table:
    """All parts with state and appetite."""
    table = Table(box=None, padding=(0, 2))
    for heading in ("part", "state", "pid", "for", "restarts", "cpu", "memory", ""):
        table.add_column(heading, justify="right" if heading in ("pid", "for", "restarts", "cpu", "memory") else "left")
    for row in snapshot["parts"]:
        state = f"[{COLOURS.get(row['state'], 'cyan')}]{row['state']}[/]"
        cpu = f"{row['cpu_percent']:.0f} %" if row.get("cpu_percent") is not None else ""
        memory = f"{row['memory_mb']:.0f} MB" if row.get("memory_mb") is not None else ""
        pid, since = str(row["pid"] or ""), f"{row['seconds']:.0f} s"
        table.add_row(
            row["name"], state, pid, since, str(row["restarts"]), cpu, memory, escape(row["says"] or row["why"])
        )
    return table
