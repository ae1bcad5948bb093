"""How soon a driving robot stands still after `POST /robot/emergency-stop`, seen on its own odometry.

Beside it, the limit of the same run: the bare answer of `GET /health/live` over the same connection.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from luna_embedded.bench.odometer import Odometer
from luna_embedded.demo.client import Json
from luna_embedded.demo.story import Story

FAST = 0.15  # m/s that the robot must drive before it is stopped
STEP_DEADLINE = 30.0


class BenchFailed(Exception):
    """A step of the measurement did not come about."""


@dataclass
class Measured:
    """Durations in seconds: of the POST itself, from the POST to standstill on odometry, and of a bare GET."""

    answered: list[float] = field(default_factory=list)
    stood: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)


class Stopper:
    """Stops the robot whenever it drives, ``wanted`` times; its ``watch`` belongs into a story."""

    def __init__(self, http: httpx.Client, odometer: Odometer, wanted: int, tell: Callable[[str], None]) -> None:
        self._http, self._odometer, self._wanted, self._tell = http, odometer, wanted, tell
        self.measured = Measured()

    @property
    def done(self) -> bool:
        return len(self.measured.stood) >= self._wanted

    def watch(self, story: Story) -> None:
        """Stop, measure, release, resume."""
        if self.done or not self._odometer.faster_than(FAST):
            return
        self._bare()
        stop = self._stop()
        self._post("/robot/emergency-stop/release", {"estop_id": stop})
        self._until("the release shows", lambda: not self._robot()["estop"]["engaged"])
        self._post(f"/robot/{story.robot['id']}/resume", {})
        self._until("the robot drives on", self._odometer.moving)
        self._tell(f"{len(self.measured.stood)} of {self._wanted} stops")

    def _bare(self) -> None:
        begun = time.perf_counter()
        self._http.get(self._http.base_url.join("/health/live")).raise_for_status()
        self.measured.bare.append(time.perf_counter() - begun)

    def _stop(self) -> str:
        asked, begun = time.time(), time.perf_counter()
        stop = str(self._post("/robot/emergency-stop", {"reason": "benchmark"})["estop_id"])
        self.measured.answered.append(time.perf_counter() - begun)
        self._until("the robot stands", lambda: self._odometer.still_from(asked) is not None)
        self.measured.stood.append((self._odometer.still_from(asked) or asked) - asked)
        return stop

    def _robot(self) -> Json:
        robot: Json = self._http.get("/robot/status").json()["data"]
        return robot

    def _post(self, path: str, body: Json) -> Json:
        answer = self._http.post(path, json=body)
        if answer.status_code not in {200, 202}:
            raise BenchFailed(f"{path}: {answer.status_code} {answer.text[:200]}")
        data: Json = answer.json()["data"]
        return data

    def _until(self, what: str, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + STEP_DEADLINE
        while not holds():
            if time.monotonic() > end:
                raise BenchFailed(f"{what}: not within {STEP_DEADLINE:.0f} s")
            time.sleep(0.01)
