"""A whole running LUNA for tests: started, spoken to and ended as its users do it, by `./luna` and HTTP."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import httpx

from luna_embedded.bench.odometer import Odometer
from luna_embedded.demo.client import Client
from luna_embedded.demo.story import Story
from luna_embedded.layout import this_checkout
from luna_embedded.state import StateDir
from luna_embedded.supervision.control import ask

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "Correct-horse-battery-9"
UP_DEADLINE = 240.0
Json = dict[str, Any]
T = TypeVar("T")


def wait_until(what: str, look: Callable[[], T | None], *, deadline: float = 60.0, pause: float = 0.05) -> T:
    """The first truthy answer of ``look``; an AssertionError that says ``what`` after ``deadline`` seconds."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(pause)
    raise AssertionError(f"{what}: not within {deadline:.0f} s")


@dataclass
class World:
    """One LUNA with its state directory, in a ROS domain of its own.

    Times are real seconds; the simulation runs ``speed`` times as fast.
    """

    state: Path
    port: int
    domain: int
    speed: float = 8.0
    robots: int = 1
    address: str = ""
    _people: dict[str, str] = field(default_factory=dict)

    def luna(self, *words: str, stdin: str = "", deadline: float = UP_DEADLINE) -> subprocess.CompletedProcess[str]:
        """Run `./luna …` on this state directory."""
        process = self.begin(*words)
        try:
            said, complained = process.communicate(stdin, deadline)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return subprocess.CompletedProcess(words, process.returncode, said, complained)

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Start `./luna …` on this state directory."""
        return subprocess.Popen(
            [str(ROOT / "luna"), *words],
            cwd=ROOT,
            env={**os.environ, "LUNA_STATE": str(self.state), "ROS_DOMAIN_ID": str(self.domain)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def directory(self) -> StateDir:
        return StateDir(self.state)

    def up(self) -> None:
        size = ("--robots", str(self.robots), "--sim-speed", str(self.speed))
        done = self.luna("up", "--detach", "--port", str(self.port), *size)
        assert done.returncode == 0, done.stdout + done.stderr
        self.address = self.status()["address"]

    def down(self) -> None:
        self.luna("down")

    def status(self) -> Json:
        """What the supervisor says; `./luna status --json` is the same with measurements."""
        return ask(self.directory.control_socket, "status")

    def part(self, name: str) -> Json:
        """One part as `status` tells it."""
        return next(part for part in self.status()["parts"] if part["name"] == name)

    def order(self, verb: str, part: str) -> None:
        """`./luna stop|start|restart PART`, which waits until it shows."""
        done = self.luna(verb, part)
        assert done.returncode == 0, done.stdout + done.stderr

    def odometer(self, robot: str) -> Odometer:
        """What the robot measures of its own motion, from a ROS node beside it."""
        return Odometer.beside(this_checkout(), self.state, int(self.status()["ros_domain_id"]), robot)

    def kill(self, name: str) -> int:
        """kill -9 a part; returns the pid that died."""
        pid = int(self.part(name)["pid"])
        os.kill(pid, signal.SIGKILL)
        return pid

    def replaced(self, name: str, dead: int) -> None:
        """Wait until the supervisor has a healthy successor for a killed part."""

        def successor() -> bool:
            part = self.part(name)
            return bool(part["pid"] and part["pid"] != dead and part["state"] == "running")

        wait_until(f"{name} is running again", successor)

    def person(self, role: str) -> str:
        """Email of somebody with this role, made on first use; the password is ``PASSWORD``."""
        if role not in self._people:
            self._people[role] = self.new_person(role)
        return self._people[role]

    def new_person(self, role: str) -> str:
        """Email of a new account."""
        email = _some_email(role)
        names = {"first_name": "Ada", "last_name": "Reader"}
        self._administrator.post("/auth/users", {"email": email, "role": role, "password": PASSWORD, **names})
        return email

    @cached_property
    def _administrator(self) -> Client:
        """Whom `./luna admin` has made; she makes all others, since it takes seconds each time."""
        email = _some_email("ADMIN")
        done = self.luna("admin", "create-user", email, "--role", "ADMIN", "--password-stdin", stdin=PASSWORD)
        assert done.returncode == 0, done.stdout + done.stderr
        client = Client(self.address, patience=90.0)
        client.login(email, PASSWORD)
        return client

    def client(self, role: str, *, fresh: bool = False) -> Client:
        """A patient client (waits out restarts), logged in as this role; ``fresh`` as a person of its own."""
        client = Client(self.address, patience=90.0)
        client.login(self.new_person(role) if fresh else self.person(role), PASSWORD)
        return client

    def raw(self, role: str | None = None) -> httpx.Client:
        """A plain HTTP client that retries nothing, with this role's token if one is named."""
        client = httpx.Client(base_url=f"{self.address}/api/v1", timeout=15.0)
        if role:
            answer = client.post("/auth/login", json={"email": self.person(role), "password": PASSWORD})
            client.headers["Authorization"] = f"Bearer {answer.json()['data']['access_token']}"
        return client

    def story(self, watch: Callable[[Story], None] = lambda story: None) -> Story:
        """The demonstration's story with people of its own on a short way (some 9 m), watched by the test."""
        return Story(
            self.client("STUDENT", fresh=True),
            self.client("LIBRARIAN"),
            watch,
            pause=0.1,
            source="DESK-2",
            destination="STUDY-10",
        )

    def history(self, task_id: str) -> Sequence[Json]:
        """The rows of a task's history, oldest first."""
        rows: list[Json] = self.client("LIBRARIAN").get(f"/deliveries/{task_id}/history", limit=100)
        return sorted(rows, key=lambda row: row["at"])


def _some_email(role: str) -> str:
    return f"{role.lower()}.{secrets.token_hex(4)}@example.org"


def once(when: Callable[[Story], bool], act: Callable[[], object]) -> Callable[[Story], None]:
    """A ``watch`` that acts the first time that ``when`` holds."""
    done: list[bool] = []

    def watch(story: Story) -> None:
        if not done and when(story):
            done.append(True)
            act()

    return watch


def driving(phase: str, *, beyond: float = 0.0) -> Callable[[Story], bool]:
    """Holds while the trip is in ``phase`` and the robot moves faster than ``beyond`` m/s."""

    def holds(story: Story) -> bool:
        velocity = (story.robot.get("velocity") or {}).get("linear") or 0.0
        return bool(story.trip and story.trip.phase == phase and velocity > beyond)

    return holds
