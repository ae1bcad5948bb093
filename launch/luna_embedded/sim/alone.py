"""The simulator alone: its place on disk, its ROS domain, and how other programs find it while it runs."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.layout import Checkout
from luna_embedded.parts.run import FLOORS
from luna_embedded.parts.variables import inherited, ros_variables
from luna_embedded.planning import choose_domain
from luna_embedded.state import Lock, StateDir, begin, read_json, write_json

MOST_ROBOTS = 100


@dataclass(frozen=True)
class Wanted:
    """What a person asks of a simulator; `robots` is a number or names, `floor` a name below sim/maps or a folder."""

    floor: str = "library"
    robots: str = "1"
    speed: float = 1.0
    seed: int = 1
    people: int | None = None
    scenario: Path | None = None


@dataclass(frozen=True)
class Alone:
    """The folder of a simulator without a library, in a state directory."""

    path: Path

    @property
    def lock(self) -> Path:
        """Held by the simulator as long as it lives."""
        return self.path / "simulator.lock"

    @property
    def run_file(self) -> Path:
        return self.path / "run.json"

    @property
    def ros_log(self) -> Path:
        return self.path / "ros-log"

    def runs(self) -> bool:
        """Whether a simulator runs here."""
        try:
            with self.lock.open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def variables(self, checkout: Checkout, environment: Mapping[str, str]) -> dict[str, str]:
        """Those of a ROS program that is to meet the simulator that runs here."""
        domain = int(read_json(self.run_file)["ros_domain"])
        return ros_variables(checkout, inherited(environment), domain, self.ros_log)


def alone(state: StateDir) -> Alone:
    return Alone(state.path / "sim-alone")


def floor_folder(checkout: Checkout, floor: str) -> Path:
    """The folder of a floor: one below sim/maps by its name, else any by its path. Raises Refusal."""
    maps = checkout.root / FLOORS
    known = sorted(path.parent.name for path in maps.glob("*/map.yaml"))
    folder = maps / floor if floor in known else Path(floor).expanduser().absolute()
    if not (folder / "map.yaml").is_file():
        mend = f"Floors are {', '.join(known)}, or a folder with map.yaml and waypoints.yaml (./luna sim import)."
        raise Refusal(f"There is no floor {floor}.", mend, Exit.USAGE)
    return folder


def asked_floor(checkout: Checkout, floor: str) -> str:
    """The floor of a whole LUNA as its options have it. Raises Refusal."""
    folder = floor_folder(checkout, floor)
    return folder.name if folder.parent == checkout.root / FLOORS else str(folder)


def robot_names(robots: str) -> str:
    """`3` as `luna1,luna2,luna3`; names stay as they are, for the simulator to judge. Raises Refusal."""
    if not robots.strip().isdecimal():
        return robots
    count = int(robots)
    if not 1 <= count <= MOST_ROBOTS:
        raise Refusal(f"{count} robots cannot be simulated.", f"1 to {MOST_ROBOTS}, one a dock.", Exit.USAGE)
    return ",".join(f"luna{number}" for number in range(1, count + 1))


def become_simulator(
    checkout: Checkout, state: StateDir, wanted: Wanted, environment: Mapping[str, str]
) -> NoReturn:
    """Go on as the simulator: its signals, its streams and its exit code are this process's. Raises Refusal."""
    folder, names = floor_folder(checkout, wanted.floor), robot_names(wanted.robots)
    begin(state)
    home = alone(state)
    home.path.mkdir(mode=0o700, exist_ok=True)
    _take(home, state)
    domain = choose_domain(state, read_json(home.run_file), environment)
    write_json(home.run_file, {"ros_domain": domain, "floor": str(folder), "robots": names})
    variables = home.variables(checkout, environment)
    words = {
        "--floor": str(folder),
        "--robots": names,
        "--speed": str(wanted.speed),
        "--seed": str(wanted.seed),
        "--state-dir": str(home.path),
        "--estop": "optional",
    }
    if wanted.people is not None:
        words["--people"] = str(wanted.people)
    if wanted.scenario is not None:
        words["--scenario"] = str(wanted.scenario.absolute())
    print(
        f"{names} on {folder.name}, at {wanted.speed:g} times real time. Ctrl-C ends it.\n"
        f"In a second terminal: ./luna ros topic list; other ROS programs: ROS_DOMAIN_ID={domain}",
        flush=True,
    )
    command = [f"{checkout.ros_env}/bin/python", "-m", "luna_sim", *(word for pair in words.items() for word in pair)]
    os.execve(command[0], command, variables)  # noqa: S606 - a program of ours, its arguments as they are


def _take(home: Alone, state: StateDir) -> None:
    """Hold the lock, also for what this process becomes. Raises Refusal if somebody simulates with this state."""
    if Lock(state).is_held():
        what = f"LUNA runs with the state directory {state.path}, and has a simulator."
        raise Refusal(what, "Use that; or give another --state.", Exit.IN_THE_WAY)
    file = os.open(home.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        what = f"A simulator runs already with the state directory {state.path}."
        raise Refusal(what, "Use that; end it with Ctrl-C; or give another --state.", Exit.IN_THE_WAY) from None
    os.set_inheritable(file, True)
