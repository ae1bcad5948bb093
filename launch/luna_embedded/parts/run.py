"""One run: everything that the parts' modules need to know, decided before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from luna_embedded.credentials import Credentials
from luna_embedded.layout import Checkout, python_of
from luna_embedded.state import StateDir

FLOORS = "sim/maps"
"""Folders of floors by their names, in the source tree."""


@dataclass(frozen=True)
class Options:
    """What a person asks for. ``sim_speed``: how many times as fast as real time the simulation runs.

    ``people`` walk about in it, ``seed`` is for what is left to chance, ``scenario`` is a file of faults or empty,
    ``floor`` the name of a floor in the source tree, or the folder of another.
    """

    port: int = 8000
    robots: int = 1
    sim_speed: float = 1.0
    people: int = 0
    seed: int = 1
    scenario: str = ""
    floor: str = "library"

    @property
    def robot_names(self) -> tuple[str, ...]:
        return tuple(f"luna{number}" for number in range(1, self.robots + 1))


def floor_of(checkout: Checkout, options: Options) -> Path:
    """The folder of the floor on which a library stands."""
    return checkout.root / FLOORS / options.floor


@dataclass(frozen=True)
class Ports:
    """TCP ports on the loopback address. ``rosbridges`` by robot name; only the proxy knows what to say there."""

    bridge_proxy: int
    rosbridges: Mapping[str, int]


@dataclass(frozen=True)
class Servers:
    """Where database and Redis are. ``own_*`` tells whether they are parts of this run or the person's own."""

    database_url: str
    database_owner_url: str
    redis_url: str
    broker_url: str
    own_postgres: bool
    own_valkey: bool


@dataclass(frozen=True)
class Run:
    """A run of LUNA on this machine. ``base`` are the variables that every part inherits."""

    checkout: Checkout
    state: StateDir
    options: Options
    ports: Ports
    credentials: Credentials
    servers: Servers
    ros_domain: int
    base: Mapping[str, str]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.options.port}"

    @property
    def floor(self) -> Path:
        """Map and waypoints of the simulated library."""
        return floor_of(self.checkout, self.options)

    @property
    def scenario(self) -> Path | None:
        """The run's own copy of the faults that happen at set times: a simulator started anew finds it."""
        return self.state.run / "scenario.yaml" if self.options.scenario else None

    @property
    def web_python(self) -> str:
        return str(python_of(self.checkout.web_env))

    @property
    def ros_python(self) -> str:
        return str(python_of(self.checkout.ros_env))

    def bridge_url(self, robot: str) -> str:
        """Where the web tier reaches a robot's rosbridge."""
        return f"ws://127.0.0.1:{self.ports.bridge_proxy}/{robot}"
