"""Command line: `python -m luna_sim --floor sim/maps/library --robots luna1 --state-dir DIR`."""

import argparse
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from luna_floor.model import FloorError
from luna_sim.core.faults import FaultError, parse_scenario
from luna_sim.core.pace import FASTEST, SLOWEST
from luna_sim.core.parameters import RobotParameters
from luna_sim.core.robot import RobotState
from luna_sim.core.world import World
from luna_sim.estop_watch import EstopWatch
from luna_sim.heap import settle
from luna_sim.notify import notify
from luna_sim.setup import SetupError, build_world, read_floor, robot_names
from luna_sim.store import SavedState, StateError, StateStore

SAVE_PERIOD = 1.0
"""Seconds of wall time; a simulator killed outright forgets at most this much."""
MOST_PEOPLE = 200
_SIGNALS = {signal.SIGTERM, signal.SIGINT}
log = logging.getLogger("luna_sim")


def main(arguments: list[str] | None = None) -> int:
    """Simulate until SIGTERM or Ctrl-C; 0 is a clean end, 1 a failure, 2 a bad argument."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    parser = _parser()
    options = parser.parse_args(arguments)
    # Threads that are made from here on leave the signals to sigtimedwait below. numpy's were made at its import: what
    # one of those takes while this thread is busy runs this handler.
    told_to_end = threading.Event()
    for number in _SIGNALS:
        signal.signal(number, lambda *_: told_to_end.set())
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        files = read_floor(options.floor)
        if options.check:
            world = build_world(files, options.robots, RobotParameters(), options.seed, None, 0)
            _plan(options.scenario, world)
            return 0
        options.state_dir.mkdir(parents=True, exist_ok=True)
        store = StateStore(options.state_dir)
        saved, now_ns = _load(store), time.time_ns()
        world = build_world(files, options.robots, RobotParameters(), options.seed, saved, now_ns, options.people)
        _plan(options.scenario, world)
    except (FloorError, SetupError) as error:
        parser.error(str(error))
    except FaultError as error:
        parser.error(f"--scenario: {options.scenario}: {error}")
    except OSError as error:
        parser.error(f"--state-dir: {error}")
    watch = EstopWatch(optional=options.estop == "optional")
    return _simulate(world, options, watch, store, files.waypoints.map_id, told_to_end)


def _simulate(
    world: World,
    options: argparse.Namespace,
    watch: EstopWatch,
    store: StateStore,
    map_id: str,
    told_to_end: threading.Event,
) -> int:
    # Imported late: a wrong argument is told without waiting for ROS.
    from luna_sim.ros.simulation import Simulation, close_context, make_context

    broken = threading.Event()

    def failed() -> None:
        broken.set()
        os.kill(os.getpid(), signal.SIGTERM)

    make_context()
    news = _News(f"{len(world.robots)} robots on {map_id}")
    simulation = Simulation(world, options.speed, watch, news.tell, power_saver=options.power_saver)
    simulation.start(failed)
    settle()
    news.ready()
    while not told_to_end.is_set() and signal.sigtimedwait(_SIGNALS, SAVE_PERIOD) is None:
        _save(simulation.snapshot(), store, map_id)
    notify("STOPPING=1")
    simulation.stop()
    _save(simulation.snapshot(), store, map_id)
    close_context()
    return 1 if broken.is_set() else 0


class _News:
    """What goes on, in the log and, once the simulator is ready, to whoever started it."""

    def __init__(self, where: str) -> None:
        self._where = self._line = where
        self._ready = False

    def ready(self) -> None:
        self._ready = True
        notify("READY=1", f"STATUS={self._line}")

    def tell(self, what: str) -> None:
        self._line = f"{self._where}, {what}"
        log.info("%s", self._line)
        if self._ready:
            notify(f"STATUS={self._line}")


def _plan(path: Path | None, world: World) -> None:
    """Have the faults of a scenario happen. Raises FaultError."""
    if path is None:
        return
    try:
        for fault in parse_scenario(path.read_text(encoding="utf-8"), world.robots):
            world.faults.put(fault)
    except (OSError, UnicodeDecodeError) as error:
        raise FaultError(str(error)) from error


def _load(store: StateStore) -> SavedState | None:
    try:
        return store.load()
    except StateError as error:
        log.warning("%s; kept as %s, the robots start on their docks", error, store.set_aside())
        return None


def _save(snapshot: tuple[int, Mapping[str, RobotState]], store: StateStore, map_id: str) -> None:
    time_ns, robots = snapshot
    try:
        store.save(SavedState(map_id, time_ns, robots))
    except OSError as error:
        # A full disk must not stop the robots; the next second may be better.
        log.warning("state not saved: %s", error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m luna_sim", description="Simulate robots on a floor under ROS 2.")
    parser.add_argument("--floor", type=Path, required=True, help="folder with map.yaml and waypoints.yaml")
    parser.add_argument("--robots", type=_robots, default=("luna1",), help="names, separated by commas")
    parser.add_argument("--speed", type=_speed, default=1.0, help=f"times real time, {SLOWEST:g} to {FASTEST:g}")
    parser.add_argument("--seed", type=int, default=1, help="for everything that is left to chance")
    parser.add_argument("--people", type=_people, default=0, help=f"who walk about, 0 to {MOST_PEOPLE}")
    parser.add_argument(
        "--estop",
        choices=("required", "optional"),
        default="required",
        help="whether robots stand until somebody publishes the lock `estop`; either way its silence locks later",
    )
    parser.add_argument(
        "--power-saver",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="no scan while docked, as TurtleBot 4 is shipped (default: yes)",
    )
    parser.add_argument("--scenario", type=Path, help="faults that happen at set times: a YAML file")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--state-dir", type=Path, help="folder that keeps the robots' places")
    where.add_argument("--check", action="store_true", help="say only whether a simulation can begin: 0, or 2 and why")
    return parser


def _robots(text: str) -> tuple[str, ...]:
    try:
        return robot_names(text)
    except SetupError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _people(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= MOST_PEOPLE):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {MOST_PEOPLE}")
    return int(text)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not SLOWEST <= speed <= FASTEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from {SLOWEST:g} to {FASTEST:g}")
    return speed


if __name__ == "__main__":
    sys.exit(main())
