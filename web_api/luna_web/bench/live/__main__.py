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
    def aim(self) -> int:
        """Of p99, in milliseconds."""
        return round(1000 * self.tick) + ON_THE_WAY_MS

    @property
    def name(self) -> str:
        text = f"{self.clients:,} × {1 / self.tick:g} Hz, {self.instances}"
        return f"{text} ({self.stopped} stopped)" if self.stopped else text


SCENARIOS = (
    Scenario(300, 0.2, 1),
    Scenario(300, 0.2, 2),
    Scenario(1000, 0.5, 1),
    Scenario(1000, 0.5, 2),
    Scenario(1000, 0.5, 1, stopped=10),
)
LATENCY = ("clients × frames, instances", "wait p50", "p99", "aim", "event p50", "p99", "aim", "lost")
"""`wait`: how long a robot's word waits for the frame that shows it, or a newer one; the aims are of p99."""
ON_THE_WAY_MS = 150
"""What is aimed at for an event, and for a frame beside its tick."""
COST = ("clients × frames, instances", "age p99", "bare", "÷", "frames/s", "cores", "bare", "MB")
"""`age`: of a robot's word in a frame when it arrives; `bare`: the same frames from a server that does only that."""


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="luna_web.bench.live")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args(words)
    settings = get_settings()
    made = make_people(make_session_factory(make_engine(settings)), settings, PEOPLE)
    tokens = {str(person): token for person, token in made.items()}
    measured: list[tuple[Scenario, Figures, Figures]] = []
    with feeding(ROBOTS, list(tokens)) as feeder:
        for scenario in SCENARIOS:
            print(scenario.name, file=sys.stderr, flush=True)
            figures = uvloop.run(_measure(scenario, feeder, tokens, asked.seconds))
            measured.append((scenario, figures, uvloop.run(_measure_bare(scenario, figures.size, asked.seconds))))
    rows = [_latency(scenario, figures) for scenario, figures, _ in measured]
    costs = [_cost(*one) for one in measured]
    title = f"Live channel, {ROBOTS} robots × 10 Hz in: milliseconds until a client has it"
    sections = [asdict(Section(title, LATENCY, tuple(rows))), asdict(Section("What it costs", COST, tuple(costs)))]
    asked.out.write_text(json.dumps({"name": "live", "at": time.time(), "sections": sections}, indent=1))
    return 0


@dataclass(frozen=True)
class Figures:
    """What came of a scenario: what was heard, how much of it was lost, what it cost."""

    heard: Heard
    seconds: float
    lost: int
    cores: float
    megabytes: float

    @property
    def size(self) -> int:
        """Bytes of a frame."""
        return self.heard.bytes // max(self.heard.frames, 1)

    @property
    def frames(self) -> int:
        """A second."""
        return round(self.heard.frames / self.seconds)


def _latency(scenario: Scenario, figures: Figures) -> tuple[Cell, ...]:
    wait, event = _percentiles(figures.heard.wait), _percentiles(figures.heard.event)
    return (scenario.name, *wait, scenario.aim, *event, ON_THE_WAY_MS, figures.lost)


def _cost(scenario: Scenario, figures: Figures, limit: Figures) -> tuple[Cell, ...]:
    age, bare_age = _percentiles(figures.heard.age)[1], _percentiles(limit.heard.age)[1]
    ratio = round(age / bare_age, 1) if bare_age else None
    cores, megabytes = round(figures.cores, 2), round(figures.megabytes)
    return (scenario.name, age, bare_age, ratio, figures.frames, cores, round(limit.cores, 2), megabytes)


async def _measure(scenario: Scenario, feeder: Feeder, tokens: dict[str, str], seconds: float) -> Figures:
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
        gone = [watcher.closed for watcher in reading if watcher.closed is not None]
        lost = missing(reading, told)
        _close(watchers)
    if gone:
        print(f"{len(gone)} readers were closed: {sorted(set(gone))}", file=sys.stderr)
    return Figures(heard, seconds, lost, cores, memory)


async def _measure_bare(scenario: Scenario, size: int, seconds: float) -> Figures:
    """The same number of clients, frames of the same size, as often, from a server that does nothing else."""
    heard = Heard()
    with bare(max(size, 200), 1 / scenario.tick) as instance:
        watchers, noting = await open_all([instance.port], {"": ""}, scenario.clients, heard)
        await _note(noting, [instance], seconds)
        cores, memory = instance.cores(), instance.megabytes()
        _close(watchers)
    return Figures(heard, seconds, 0, cores, memory)


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


def _percentiles(seconds: list[float]) -> tuple[int, int]:
    """p50 and p99 in milliseconds (nearest rank)."""
    if not seconds:
        return (0, 0)
    ordered = sorted(seconds)
    at = [ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.99)]
    return round(1000 * at[0]), round(1000 * at[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
