"""What a robot's odometry says, for programs that live in the web environment."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from luna_embedded.install.ros_variables import run_variables
from luna_embedded.layout import Checkout, python_of

STILL = 0.001  # m/s and rad/s


@dataclass(frozen=True)
class Reading:
    """One odometry message: wall time in seconds, m/s, rad/s."""

    at: float
    linear: float
    angular: float

    @property
    def still(self) -> bool:
        return abs(self.linear) < STILL and abs(self.angular) < STILL


class Odometer:
    """Follows a robot's `odom` topic in a process of the ROS environment while the block lasts."""

    def __init__(self, python: Path, environment: Mapping[str, str], topic: str) -> None:
        """Take the ROS environment's interpreter and variables, ROS_DOMAIN_ID and ROS_LOG_DIR among them."""
        self._command = [str(python), str(Path(__file__).with_name("odom_watch.py")), topic]
        self._environment = dict(environment)
        self._readings: list[Reading] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, env=self._environment, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._reader.join(10)

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._readings.append(Reading(**json.loads(line)))

    @classmethod
    def beside(cls, checkout: Checkout, state: Path, domain: int, robot: str) -> Odometer:
        """Of one robot of a run with this state directory and ROS domain."""
        variables = run_variables(checkout.ros_env, checkout.ros_install)
        own = {"ROS_DOMAIN_ID": str(domain), "ROS_LOG_DIR": str(state / "logs")}
        return cls(python_of(checkout.ros_env), {**variables, **own}, f"/{robot}/odom")

    @property
    def readings(self) -> Sequence[Reading]:
        """All so far, oldest first."""
        return tuple(self._readings)

    def since(self, at: float) -> Sequence[Reading]:
        """Those after a wall time."""
        return tuple(reading for reading in self.readings if reading.at > at)

    def faster_than(self, speed: float) -> bool:
        """Whether the newest reading shows more than ``speed`` m/s."""
        return bool(self._readings) and self._readings[-1].linear > speed

    def moving(self) -> bool:
        """Whether the newest reading shows motion."""
        return bool(self._readings) and not self._readings[-1].still

    def still_from(self, at: float) -> float | None:
        """Wall time of the first reading after ``at`` from which on all show standstill.

        None if the newest moves or there is none.
        """
        later = self.since(at)
        moved = [number for number, reading in enumerate(later) if not reading.still]
        first = moved[-1] + 1 if moved else 0
        return later[first].at if first < len(later) else None
