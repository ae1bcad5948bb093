"""`python -m luna_web.bench.live --out FILE`: measure the live channel, write the sections as JSON.

Started by `./luna bench live` over servers of its own: it makes people in the database that the settings name.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from luna_web.bench.live.feeder import Feeder, feeding
from luna_web.bench.live.instances import Instance, bare, instances
from luna_web.bench.live.library import make_people
from luna_web.bench.live.watchers import Heard, Watcher, missing, open_all
from luna_web.bench.sections import Cell, Section
from luna_web.shared.config import get_settings
from luna_web.shared.database import make_engine, make_session_factory

ROBOTS = 50
PEOPLE = 100
WARM_UP_S = 3.0


@dataclass(frozen=True)
class Scenario:
    """So many clients, a frame every `tick` seconds each, over so many instances; `stopped` of them do not read."""

    clients: int
    tick: float
    instances: int
    stopped: int = 0

    @property
    def name(self) -> str:
        text = f"{self.clients:,} clients × {1 / self.tick:g} Hz, {self.instances} instance"
        text += "s" if self.instances > 1 else ""
        return f"{text}, {self.stopped} stop reading" if self.stopped else text


SCENARIOS = (
    Scenario(300, 0.2, 1),
    Scenario(300, 0.2, 2),
    Scenario(1000, 0.5, 1),
    Scenario(1000, 0.5, 2),
    Scenario(1000, 0.5, 1, stopped=10),
)
COLUMNS = ("measured", "wait p50", "p99", "÷ tick + 150", "event p50", "p99", "frames/s", "lost", "cores", "MB")


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="luna_web.bench.live")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args(words)
    settings = get_settings()
    made = make_people(make_session_factory(make_engine(settings)), settings, PEOPLE)
    tokens = {str(person): token for person, token in made.items()}
    rows: list[tuple[Cell, ...]] = []
    with feeding(ROBOTS, list(tokens)) as feeder:
        for scenario in SCENARIOS:
            print(scenario.name, file=sys.stderr, flush=True)
            row, size = uvloop.run(_measure(scenario, feeder, tokens, asked.seconds))
            rows += [row, uvloop.run(_measure_bare(scenario, size, asked.seconds))]
    title = f"Live channel: {ROBOTS} robots × 10 Hz in; milliseconds from a robot's word, or an event, to the client"
    sections = [asdict(Section(title, COLUMNS, tuple(rows)))]
    asked.out.write_text(json.dumps({"name": "live", "at": time.time(), "sections": sections}, indent=1))
    return 0


async def _measure(
    scenario: Scenario, feeder: Feeder, tokens: dict[str, str], seconds: float
) -> tuple[tuple[Cell, ...], int]:
    """A row, and how large a frame was."""
    heard = Heard()
    with instances(scenario.instances, scenario.tick) as started:
        ports = [instance.port for instance in started]
        watchers, noting = await open_all(ports, tokens, scenario.clients, heard)
        stopped, reading = watchers[: scenario.stopped], watchers[scenario.stopped :]
        for watcher in stopped:
            assert watcher.socket is not None  # noqa: S101 - it is ready
            watcher.socket.stop_reading()
        await asyncio.to_thread(feeder.start_events)
        await _note(noting, started, seconds)
        cores, memory = sum(i.cores() for i in started), sum(i.megabytes() for i in started)
        told = await asyncio.to_thread(feeder.stop_events)
        await asyncio.sleep(1.0)
        gone = sum(watcher.closed is not None for watcher in reading)
        lost = missing(reading, told)
        _close(watchers)
    limit = 1000 * scenario.tick + 150
    wait, event = _percentiles(heard.wait), _percentiles(heard.event)
    if gone:
        print(f"{gone} readers were closed", file=sys.stderr)
    row = (scenario.name, *wait, round(wait[1] / limit, 2), *event, round(heard.frames / seconds), lost,
           round(cores, 2), round(memory))  # fmt: skip
    return row, heard.bytes // max(heard.frames, 1)


async def _measure_bare(scenario: Scenario, size: int, seconds: float) -> tuple[Cell, ...]:
    """The same number of clients, frames of the same size, as often, from a server that does nothing else."""
    heard = Heard()
    with bare(max(size, 200), 1 / scenario.tick) as instance:
        watchers, noting = await open_all([instance.port], {"": ""}, scenario.clients, heard)
        await _note(noting, [instance], seconds)
        cores = instance.cores()
        _close(watchers)
    age = _percentiles(heard.age)
    frames = round(heard.frames / seconds)
    return ("  limit: bare frames at once", *age, None, None, None, frames, None, round(cores, 2), None)


async def _note(noting: list[bool], measured: Sequence[Instance], seconds: float) -> None:
    await asyncio.sleep(WARM_UP_S)
    for instance in measured:
        instance.begin()
    noting[0] = True
    await asyncio.sleep(seconds)
    noting[0] = False


def _close(watchers: Sequence[Watcher]) -> None:
    for watcher in watchers:
        if watcher.socket is not None:
            watcher.socket.close()


def _percentiles(seconds: list[float]) -> tuple[float, float]:
    """p50 and p99 in milliseconds (nearest rank)."""
    if not seconds:
        return (0.0, 0.0)
    ordered = sorted(seconds)
    at = [ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.99)]
    return round(1000 * at[0], 1), round(1000 * at[1], 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
