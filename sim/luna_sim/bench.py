"""How fast the simulator runs on one core: 1 to 50 robots, lidar off and on, without ROS and with it.

    python -m luna_sim.bench --floor sim/maps/library --out sim.json

Every robot drives from one random goal to the next. Rates are simulated seconds for a second of processor time, which
other programs on the machine disturb less than they do the clock on the wall. Two limits of the same run stand beside
them: without ROS what the motion alone costs (each robot's pose moved on by each step's velocity, nothing decided),
with ROS what the same robots take without it.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from luna_sim.core.floor import Floor
from luna_sim.core.geometry import Pose, Twist
from luna_sim.core.kinematics import moved
from luna_sim.core.parameters import RobotParameters
from luna_sim.core.world import STEP_NS, World
from luna_sim.heap import settle
from luna_sim.places import Places
from luna_sim.setup import read_floor

ROBOTS = (1, 5, 20, 50)
SEED = 1
WARM_UP_S = 1.0
SCAN_STEPS = 5
"""Steps between two scans of a robot: ten a second."""
TARGETS = {(20, False, False): 20.0, (20, True, True): 1.0, (20, False, True): 3.0}
"""Times real time, by robots, lidar and ROS."""
ROS_SPEED = 1.0
_STEP = STEP_NS / 1e9


@dataclass(frozen=True, slots=True)
class Rate:
    """One measurement. `times` and `limit` are simulated seconds for a second of processor time."""

    robots: int
    lidar: bool
    ros: bool
    times: float
    limit: float
    reached: float
    """Simulated seconds for a second on the wall; with ROS it is not asked to be more than `ROS_SPEED`."""

    @property
    def ratio(self) -> float:
        return self.times / self.limit

    def as_row(self) -> list[Any]:
        target = TARGETS.get((self.robots, self.lidar, self.ros))
        switches = ["on" if on else "off" for on in (self.lidar, self.ros)]
        figures = [round(v, 1) if v >= 10 else round(v, 2) for v in (self.times, self.reached, self.limit)]
        return [self.robots, *switches, *figures, f"{self.ratio:.3f}", target]


class Errands:
    """A world in which every robot always has somewhere to go."""

    def __init__(self, floor: Floor, robots: int) -> None:
        parameters = RobotParameters()
        self.world = World(floor, parameters, SEED)
        self._places = Places(floor, parameters, SEED)
        self._places.fill(self.world, robots)

    def send(self) -> None:
        """Give a goal to everybody who has none, and a full battery."""
        idle = [robot for robot in self.world.robots.values() if robot.task is None]
        for robot in idle:
            robot.recharge()
            self.world.navigate(robot.name, self._places.draw([r.pose for r in self.world.robots.values()], 0.6))

    def run(self, seconds: float, *, lidar: bool) -> None:
        """Simulate without ROS."""
        robots = list(self.world.robots)
        for step in range(round(seconds / _STEP)):
            self.world.step()
            if lidar:
                # Spread over the steps, as scanners that were not started at the same moment.
                for name in robots[step % SCAN_STEPS :: SCAN_STEPS]:
                    self.world.scan(name)
            if step % 10 == 0:
                self.send()


def core_rate(floor: Floor, robots: int, seconds: float, *, lidar: bool) -> tuple[float, float]:
    """Simulated seconds for a second of processor time and for one on the wall, without ROS."""
    errands = Errands(floor, robots)
    errands.send()
    errands.run(WARM_UP_S, lidar=lidar)
    settle()
    processor, wall = time.process_time(), time.monotonic()
    errands.run(seconds, lidar=lidar)
    return seconds / (time.process_time() - processor), seconds / (time.monotonic() - wall)


def motion_rate(robots: int, seconds: float) -> float:
    """What moving poses alone comes to: the limit of whatever moves robots in Python one by one."""
    poses = [Pose(0.1 * n, 0.0, 0.0) for n in range(robots)]
    velocity = Twist(0.26, 0.1)
    began = time.process_time()
    for _ in range(round(seconds / _STEP)):
        poses = [moved(pose, velocity, _STEP) for pose in poses]
    return seconds / (time.process_time() - began)


def ros_rate(floor: Floor, robots: int, seconds: float, *, lidar: bool) -> tuple[float, float]:
    """The same with ROS: all topics, services and actions of every robot; with lidar somebody listens to each scan."""
    from luna_sim.estop_watch import EstopWatch
    from luna_sim.ros.simulation import Simulation

    errands = Errands(floor, robots)
    simulation = Simulation(errands.world, ROS_SPEED, EstopWatch(optional=True), power_saver=False)
    broken = threading.Event()
    names = list(errands.world.robots)
    with _listening(names if lidar else []):
        simulation.start(broken.set)
        try:
            _errands_for(simulation, errands, WARM_UP_S + 2.0, broken)
            settle()
            processor, wall, simulated = time.process_time(), time.monotonic(), errands.world.time_ns
            _errands_for(simulation, errands, seconds, broken)
            passed = (errands.world.time_ns - simulated) / 1e9
            return passed / (time.process_time() - processor), passed / (time.monotonic() - wall)
        finally:
            simulation.stop()


def _errands_for(simulation: Any, errands: Errands, seconds: float, broken: threading.Event) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and not broken.wait(0.2):
        with simulation.guard:
            errands.send()
    if broken.is_set():
        raise RuntimeError("a thread of the simulation has died; its words are above")


@contextmanager
def _listening(names: Sequence[str]) -> Iterator[None]:
    """A process of its own, on any core, that listens to each robot's scan."""
    if not names:
        yield
        return
    program = Path(__file__).with_name("scan_listener.py")
    command = [sys.executable, str(program), *names]
    listener = subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=_any_core)  # noqa: S603
    try:
        if listener.stdout is None or listener.stdout.readline() != b"listening\n":
            raise RuntimeError("the listener to scans did not start")
        yield
    finally:
        listener.terminate()
        listener.wait(10)


_CORES = os.sched_getaffinity(0)


def _any_core() -> None:
    os.sched_setaffinity(0, _CORES)


def measure(floor: Floor, counts: Sequence[int], seconds: float, *, ros: bool) -> Iterator[Rate]:
    """All rates, on one core."""
    os.sched_setaffinity(0, {max(_CORES)})
    core: dict[tuple[int, bool], float] = {}
    for robots in counts:
        limit = motion_rate(robots, seconds)
        for lidar in (False, True):
            core[robots, lidar], reached = core_rate(floor, robots, seconds, lidar=lidar)
            yield Rate(robots, lidar, ros=False, times=core[robots, lidar], limit=limit, reached=reached)
    if not ros:
        return
    from luna_sim.ros.simulation import close_context, make_context

    make_context()
    try:
        for robots in counts:
            for lidar in (False, True):
                times, reached = ros_rate(floor, robots, seconds, lidar=lidar)
                yield Rate(robots, lidar, ros=True, times=times, limit=core[robots, lidar], reached=reached)
    finally:
        close_context()


def main(arguments: list[str] | None = None) -> int:
    """Measure; 0 whatever comes out, 2 for a bad argument."""
    parser = argparse.ArgumentParser(prog="python -m luna_sim.bench", description="Real-time factors on one core.")
    parser.add_argument("--floor", type=Path, required=True, help="folder with map.yaml and waypoints.yaml")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--robots", type=int, nargs="+", default=ROBOTS)
    parser.add_argument("--without-ros", action="store_true")
    parser.add_argument("--out", type=Path, required=True, help="file for the result as JSON")
    options = parser.parse_args(arguments)
    try:
        floor = read_floor(options.floor).floor
    except ValueError as error:
        parser.error(str(error))
    rates = []
    for rate in measure(floor, options.robots, options.seconds, ros=not options.without_ros):
        rates.append(rate)
        print(*rate.as_row(), flush=True)
    columns = ["robots", "lidar", "ROS", "× real time", "on the wall", "limit", "÷ limit", "target"]
    section = {"title": "one core", "columns": columns, "rows": [rate.as_row() for rate in rates]}
    result = {"name": "sim", "at": time.time(), "sections": [section], "rates": [asdict(rate) for rate in rates]}
    options.out.write_text(json.dumps(result, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
