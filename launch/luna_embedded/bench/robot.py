"""`./luna bench robot`: how fast a robot's nodes act and stop, and what they take, on a simulator of their own.

Beside it, the limits of the same run: a service call between two bare nodes, and what a bare node takes.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from luna_embedded.bench.figures import Figures
from luna_embedded.bench.main import print_figures, write_result
from luna_embedded.bench.robot_servers import ROBOT, nodes
from luna_embedded.bench.sections import FAILURE
from luna_embedded.bench.servers import servers
from luna_embedded.exit_codes import Exit
from luna_embedded.layout import Checkout
from luna_embedded.measure import Usage, measure
from luna_embedded.parts.run import Run
from luna_embedded.parts.variables import ros_part_variables
from luna_embedded.state import StateDir
from luna_embedded.supervision.control import ask

PLACES = ("6.8", "7.2", "28.0", "10.2")
"""In front of the library's two desks, some 21 m apart: x, y, x, y in metres."""
PHASE_S = 10.0
TARGETS = {"idle": 5.0, "driving": 20.0}
"""Percent of a core, of all four nodes."""
MOST_MEMORY_MB = 170.0
LONGEST_STATUS = 1000
SLOWEST_STOP_MS = 30.0
PROBE = Path(__file__).with_name("robot_probe.py")
BUSY = "while True: pass"


@dataclass
class Seen:
    """What a measurement came to. ``usage`` and ``bare`` by phase; ``status`` has rate and size by phase."""

    usage: dict[str, Usage] = field(default_factory=dict)
    bare: dict[str, Usage] = field(default_factory=dict)
    status: list[dict[str, Any]] = field(default_factory=list)
    series: dict[str, list[float]] = field(default_factory=dict)
    refused: int = 0
    """Goals that were refused because nodes starved, and sent anew."""
    punctual: bool = False
    """Whether the probe went before the load."""


def bench_robot(checkout: Checkout, state: Path, count: int, console: Console) -> int:
    """``count`` goals and stops under load, after a while of standing and a while of driving without."""
    with servers(checkout, StateDir(state / "bench-robot"), "luna_embedded.bench.robot_servers") as run:
        seen = _measure(run, count, console)
    if not seen.series:
        console.print(FAILURE)
        return Exit.FAILED
    figures = figures_of(seen)
    rows = rows_of(seen)
    print_figures("robot", figures, console)
    console.print(_table(rows))
    if not seen.punctual:
        console.print("Durations have the probe's own delays in them: this user may not give it real-time priority.")
    write_result("robot", figures, state, console, taken=rows, punctual=seen.punctual)
    return Exit.OK


def figures_of(seen: Seen) -> list[Figures]:
    """Durations, the limit last."""
    names = {
        "zero": f"set_emergency_stop → zero cmd_vel (target p99 ≤ {SLOWEST_STOP_MS:g})",
        "stood": "set_emergency_stop → zero on odom",
        "answered": "set_emergency_stop → its answer",
        "set_out": "navigate_to_waypoint → motion on odom",
        "bare": "limit: service call between bare nodes",
    }
    return [Figures.of(title, seen.series[name]) for name, title in names.items()]


def rows_of(seen: Seen) -> list[dict[str, Any]]:
    """What the nodes take, beside a bare node and the target."""
    rows: list[dict[str, Any]] = []
    for phase, target in TARGETS.items():
        used, bare = seen.usage[phase], seen.bare[phase]
        rows.append(_row(f"four nodes, {phase}: % of a core", used.cpu_percent, bare.cpu_percent, target))
        rows.append(_row(f"four nodes, {phase}: MB", used.memory_mb, bare.memory_mb, MOST_MEMORY_MB))
    for one in seen.status:
        rows.append(_row(f"status, {one['phase']}: Hz", one["hz"], None, {"idle": 1.0, "driving": 5.0}[one["phase"]]))
        rows.append(_row(f"status, {one['phase']}: longest, bytes of JSON", one["bytes"], None, LONGEST_STATUS))
    return [*rows, _row("goals refused while nodes starved", seen.refused, None, 0)]


def _row(what: str, value: float, bare: float | None, target: float) -> dict[str, Any]:
    return {"what": what, "value": value, "bare": bare, "ratio": round(value / bare, 1) if bare else None,
            "target": target}  # fmt: skip


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table()
    for heading in ("taken", "measured", "bare node", "÷ bare", "target"):
        table.add_column(heading, justify="left" if heading == "taken" else "right")
    for row in rows:
        cells = ("—" if row[name] is None else f"{row[name]:g}" for name in ("value", "bare", "ratio", "target"))
        table.add_row(row["what"], *cells)
    return table


def _measure(run: Run, count: int, console: Console) -> Seen:
    environment = ros_part_variables(run)
    probe = [run.ros_python, str(PROBE)]
    seen = Seen()
    with (
        _running([*probe, "--bare"], environment) as bare,
        contextlib.ExitStack() as load,
        _running([*probe, ROBOT, str(count), str(PHASE_S), *PLACES], environment) as driver,
    ):
        for line in driver.stdout or ():
            told = json.loads(line)
            if phase := told.get("phase"):
                console.print(f"{phase} …")
                if phase == "stops":
                    for _ in range(os.cpu_count() or 1):
                        load.enter_context(_running([sys.executable, "-c", BUSY], {}))
                else:
                    _take(run, bare.pid, phase, told["seconds"], seen)
                _answer(driver)
            elif stopped := told.get("stopped"):
                if stopped % 10 == 0:
                    console.print(f"{stopped} of {count} stops")
            elif status := told.get("status"):
                seen.status.append(status)
            else:
                seen.series, seen.refused, seen.punctual = told["series"], told["refused"], told["punctual"]
    return seen


def _take(run: Run, bare: int, phase: str, seconds: float, seen: Seen) -> None:
    names = {part.name for part in nodes(run)}
    parts = {row["name"]: int(row["pid"]) for row in ask(run.state.control_socket, "status")["parts"]}
    used = measure({"bare": bare, **{name: parts[name] for name in names}}, seconds)
    seen.bare[phase] = used.pop("bare")
    seen.usage[phase] = Usage(
        round(sum(one.cpu_percent for one in used.values()), 1), round(sum(one.memory_mb for one in used.values()), 1)
    )


def _answer(driver: subprocess.Popen[str]) -> None:
    if driver.stdin:
        driver.stdin.write("\n")
        driver.stdin.flush()


@contextlib.contextmanager
def _running(command: Sequence[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A process while the block lasts."""
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if stream:
                    stream.close()
