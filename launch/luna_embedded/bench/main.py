"""`./luna bench`: runs a benchmark against a running LUNA, prints a table, writes JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from luna_embedded.bench.figures import Figures
from luna_embedded.bench.odometer import Odometer
from luna_embedded.bench.stops import BenchFailed, Stopper
from luna_embedded.demo.client import ApiError, Client, Json
from luna_embedded.demo.story import Account, DemoFailed, Story
from luna_embedded.layout import Checkout

MOST_TRIPS = 20


def bench_stops(
    checkout: Checkout, state: Path, running: Json, student: Account, librarian: Account, count: int, console: Console
) -> int:
    """Measure ``count`` emergency stops in mid-drive; returns 0, or 1 if the measurement failed."""
    address = running["address"]
    try:
        with (
            Client(address) as asking,
            Client(address) as lending,
            httpx.Client(base_url=f"{address}/api/v1", timeout=15.0) as http,
            Odometer.beside(checkout, state, int(running["ros_domain_id"]), "luna1") as odometer,
        ):
            asking.login(student.email, student.password)
            lending.login(librarian.email, librarian.password)
            http.headers["Authorization"] = lending.authorization
            stopper = Stopper(http, odometer, count, console.print)
            _drive(Story(asking, lending, stopper.watch, pause=0.2), stopper)
    except (ApiError, DemoFailed, BenchFailed) as error:
        console.print(f"[bold red]The measurement failed:[/] {error}")
        return 1
    measured = stopper.measured
    figures = [
        Figures.of("POST emergency-stop → zero on odom", measured.stood),
        Figures.of("POST emergency-stop → its answer", measured.answered),
        Figures.of("limit: bare GET /health/live", measured.bare),
    ]
    print_figures("emergency-stop", figures, console)
    write_result("emergency-stop", figures, state, console)
    return 0


def _drive(story: Story, stopper: Stopper) -> None:
    """Trips until there were enough stops."""
    for _ in range(MOST_TRIPS):
        if stopper.done:
            return
        loan = story.deliver()
        story.bring_back(loan, story.trips[-1].destination)


def print_figures(name: str, figures: Sequence[Figures], console: Console) -> None:
    """A table of durations; the last ones are the limit of the run."""
    limit = figures[-1]
    table = Table(title=name)
    for heading in ("measured", "n", "p50 ms", "p99 ms", "longest ms", "p50 ÷ limit"):
        table.add_column(heading, justify="left" if heading == "measured" else "right")
    for row in figures:
        values = (row.p50, row.p99, row.longest, row.p50 / limit.p50)
        table.add_row(row.name, str(row.count), *(f"{value:.1f}" for value in values))
    console.print(table)


def write_result(name: str, figures: Sequence[Figures], state: Path, console: Console, **more: Any) -> None:
    """Into the state directory, as JSON; ``more`` goes beside the figures."""
    path = state / f"bench-{name}.json"
    result: dict[str, Any] = {"name": name, "at": time.time(), "figures": [row.as_json() for row in figures], **more}
    path.write_text(json.dumps(result, indent=1))
    console.print(f"Written to {path}.")
