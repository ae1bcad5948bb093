"""`./luna bench sim --system`: whether a whole LUNA keeps up with its simulation while its robots deliver.

Usage: python -m luna_embedded.bench.system STATE PORT    (the LUNA that is measured; the benchmark starts it)
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console

from luna_embedded.bench.sections import show
from luna_embedded.bench.servers import keep_running, servers
from luna_embedded.credentials import load
from luna_embedded.demo.client import ApiError, Client
from luna_embedded.demo.story import DemoFailed, Story
from luna_embedded.exit_codes import Exit
from luna_embedded.layout import Checkout
from luna_embedded.measure import Usage, measure
from luna_embedded.parts.run import Options, Run
from luna_embedded.state import StateDir, read_json
from luna_embedded.supervision.control import ask

ROBOTS, SPEED = 4, 2.0
SETTING_OUT_S = 180.0
"""Real seconds within which every robot must have set out."""
LOOK_S = 1.0
DRIVES = 0.02
"""m/s; slower than this a robot stands."""


class _Enough(Exception):
    """The measurement is over: nobody need wait for the delivery."""


def bench_system(checkout: Checkout, state: Path, seconds: float, console: Console) -> int:
    """So many real seconds of four robots that deliver at twice real time. Returns an exit code."""
    path = state / "bench-sim-system.json"
    with servers(checkout, StateDir(state / "bench-system"), __name__) as run:
        try:
            sections = _measured(run, seconds)
        except (ApiError, DemoFailed) as error:
            console.print(f"[bold red]The measurement failed:[/] {error}")
            return Exit.FAILED
    path.write_text(json.dumps({"sections": sections}, indent=1))
    return show(0, path, console)


def _measured(run: Run, seconds: float) -> list[dict[str, Any]]:
    """Raises ApiError and DemoFailed."""
    with _deliveries(run) as (stories, ended):
        _until_all_have_set_out(stories, ended)
        with ThreadPoolExecutor() as beside:
            pids = {row["name"]: row["pid"] for row in ask(run.state.control_socket, "status")["parts"] if row["pid"]}
            usage = beside.submit(measure, pids, seconds)
            began, driving = _clock(run.state), []
            while not usage.done():
                _raise_failure(ended)
                driving.append(sum(_drives(story) for story in stories))
                time.sleep(LOOK_S)
            now = _clock(run.state)
        reached = (now[0] - began[0]) / (now[1] - began[1])
        return _sections(seconds, reached, sum(driving) / len(driving), usage.result())


def _sections(seconds: float, reached: float, driving: float, usage: dict[str, Usage]) -> list[dict[str, Any]]:
    title = f"A whole LUNA, {ROBOTS} robots that deliver, {seconds:g} s"
    columns = ["times real time, asked", "reached", "robots driving at once, on average"]
    parts = [[name, one.cpu_percent, one.memory_mb] for name, one in usage.items()]
    cpu, memory = sum(one.cpu_percent for one in usage.values()), sum(one.memory_mb for one in usage.values())
    whole = ["all", round(cpu, 1), round(memory, 1)]
    return [
        {"title": title, "columns": columns, "rows": [[SPEED, round(reached, 3), round(driving, 1)]]},
        {"title": "What its parts took", "columns": ["part", "% of a core", "MB (PSS)"], "rows": [*parts, whole]},
    ]


@contextlib.contextmanager
def _deliveries(run: Run) -> Iterator[tuple[list[Story], list[Future[None]]]]:
    """As many stories as robots, one delivery after the other, until the block ends."""
    student, librarian, _ = load(run.state, ()).logins()
    enough = threading.Event()

    def watch(_: Story) -> None:
        if enough.is_set():
            raise _Enough

    def go_on(story: Story) -> None:
        with contextlib.suppress(_Enough):
            while True:
                loan = story.deliver()
                story.bring_back(loan, story.trips[-1].destination)

    with Client(run.address) as asking, Client(run.address) as lending, ThreadPoolExecutor(ROBOTS) as people:
        asking.login(student.email, student.password)
        lending.login(librarian.email, librarian.password)
        stories = [Story(asking, lending, watch, pause=LOOK_S) for _ in range(ROBOTS)]
        try:
            yield stories, [people.submit(go_on, story) for story in stories]
        finally:
            enough.set()


def _until_all_have_set_out(stories: Sequence[Story], ended: Sequence[Future[None]]) -> None:
    end = time.monotonic() + SETTING_OUT_S
    while not all(story.trip is not None and story.trip.phase for story in stories):
        _raise_failure(ended)
        if time.monotonic() > end:
            raise DemoFailed(f"not every robot has set out within {SETTING_OUT_S:.0f} s")
        time.sleep(LOOK_S)


def _raise_failure(ended: Sequence[Future[None]]) -> None:
    """A story ends by itself only if something went wrong."""
    for one in ended:
        if one.done():
            one.result()


def _drives(story: Story) -> bool:
    return abs(float((story.robot.get("velocity") or {}).get("linear") or 0.0)) > DRIVES


def _clock(state: StateDir) -> tuple[float, float]:
    """Simulated time, and the real time at which the simulator wrote it down: each second. Seconds."""
    file = state.simulator / "simulator.json"
    return read_json(file)["time_ns"] / 1e9, file.stat().st_mtime


def main(state: str, port: str) -> int:
    """The LUNA that is measured, until it is told to end."""
    return keep_running(state, Options(port=int(port), robots=ROBOTS, sim_speed=SPEED))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
