"""Every fault once, through the whole of LUNA: what reader, librarian and operator see, and that nothing is lost.

One book travels from the desk to a reader while one thing after the other goes wrong. Each fault is met, seen by all,
ended and seen to as docs/robot.md says; then the delivery goes on.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from typing import IO

import pytest

from luna_embedded.demo.client import Client
from luna_embedded.exit_codes import Exit
from luna_embedded.layout import python_of, this_checkout
from luna_embedded.sim.machine_faults import Kind, MachineFaults
from luna_embedded.sim.reach import simulator_variables
from tests.e2e.conftest import Stage
from tests.e2e.world import Json, World, wait_until

SOURCE, DESTINATION = "DESK-2", "STUDY-A"  # far from the docks, and far apart: room for what happens on the way
SPEED = 8.0
STATUS_LINES = 300
"""More than a status has."""
DEADLINE = 90.0
"""Seconds for whatever is to follow; the machine may be busy."""


class Program:
    """A program of the ROS environment in the domain of the running LUNA; what it said lately."""

    def __init__(self, world: World, *words: str) -> None:
        variables = simulator_variables(this_checkout(), world.directory, os.environ)
        self._process = subprocess.Popen(
            [str(python_of(this_checkout().ros_env)), "-m", *words],
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def input(self) -> IO[str]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def output(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)


class Topic(Program):
    """Everything that a topic has said, as the operator's `./luna ros topic echo` shows it."""

    def __init__(self, world: World, topic: str) -> None:
        super().__init__(world, "luna_ros_cli", "topic", "echo", topic)
        self._text: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        self._text.extend(self.output)

    @property
    def lines(self) -> int:
        return len(self._text)

    def said(self, word: str, since: int) -> bool:
        return any(word in line for line in self._text[since:])

    @property
    def stamp(self) -> int:
        """Seconds of the robot's clock in the header of its last message."""
        text = self._text[-STATUS_LINES:]
        stamps = [below for line, below in pairwise(text) if line.strip() == "stamp:"]
        return int(stamps[-1].partition(":")[2])


@dataclass
class Library:
    """The people and what they look at."""

    world: World
    reader: Client
    librarian: Client
    asking: Program
    status: Topic
    task: str = ""
    lines: int = 0
    clock: int = 0
    """The robot's clock before the last fault, seconds."""
    newest: int = 0
    """Number of the simulator's last fault."""
    poses_given: list[subprocess.Popen[str]] = field(default_factory=list)

    # --- what is asked of the simulation ---

    def fault(self, words: str) -> Callable[[], object]:
        """Make a fault; returns what ends it."""
        kind = words.split()[0]
        self.lines, self.clock = self.status.lines, self.status.stamp
        if kind == Kind.ROBOT_SILENT:
            return self.held_by_a_command(words)
        if kind in list(Kind):
            made = MachineFaults(self.world.directory).begin(Kind(kind), "luna1")
            return lambda: MachineFaults(self.world.directory).end(made)
        self.newest = int(self.ask(f"fault {words}").split()[1].rstrip(":"))
        return lambda: self.ask("clear")

    def held_by_a_command(self, words: str) -> Callable[[], object]:
        """As a person has it; the terminal is closed before the fault's time is over."""
        command = self.world.begin("sim", "fault", *words.split())

        def hang_up() -> None:
            command.send_signal(signal.SIGHUP)
            assert command.wait(30) == Exit.INTERRUPTED, command.communicate()

        return hang_up

    def passed(self) -> bool:
        """Whether the last fault is over, without anybody having cleared it."""
        state = json.loads(self.ask("faults --json"))
        return state["newest"] >= self.newest and self.newest not in [fault["number"] for fault in state["faults"]]

    def ask(self, words: str) -> str:
        self.asking.input.write(words + "\n")
        self.asking.input.flush()
        answer = json.loads(self.asking.output.readline())
        assert answer["done"], answer
        return str(answer["said"])

    # --- what people see ---

    def robot(self) -> Json:
        seen: Json = self.librarian.get("/robot/status")
        return seen

    def codes(self) -> set[str]:
        return {fault["code"] for fault in self.robot()["faults"] or ()}

    def delivery(self) -> Json:
        seen: Json = self.librarian.get(f"/deliveries/{self.task}")
        return seen

    def speed(self) -> float:
        return float((self.robot().get("velocity") or {}).get("linear", 0.0))

    def moving(self) -> bool:
        return self.speed() > 0.1

    def creeping(self) -> bool:
        return 0.0 < self.speed() < 0.05

    def east_of(self, x: float) -> bool:
        return bool((self.robot().get("pose") or {}).get("x", 0.0) > x)

    def clock_jumped(self, seconds: int) -> bool:
        """Whether the robot's clock is so much further than when the fault began, give or take what passed since."""
        return abs(self.status.stamp - self.clock - seconds) < 1000

    def drives_on(self) -> None:
        """At the API it is online all the time, and gets further."""
        seen = self.robot()["pose"]

        def further() -> bool:
            robot = self.robot()
            assert robot["online"], robot
            return math.dist((robot["pose"]["x"], robot["pose"]["y"]), (seen["x"], seen["y"])) > 0.3

        wait_until("it gets further", further, deadline=DEADLINE)

    def until_moving(self) -> None:
        wait_until("the robot drives", self.moving, deadline=DEADLINE)

    def until_phase(self, *phases: str) -> None:
        wait_until(f"the delivery is {phases}", lambda: self.delivery()["phase"] in phases, deadline=DEADLINE)

    def until_sound(self) -> None:
        def sound() -> bool:
            robot = self.robot()
            return bool(robot["online"] and not robot["faults"])

        try:
            wait_until("online, without faults", sound, deadline=DEADLINE)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.robot()}") from None

    def told(self, person: Client, word: str) -> bool:
        return any(word in json.dumps(one) for one in person.get("/notifications", limit=50))

    # --- what the runbook says ---

    def give_pose(self) -> None:
        """As RViz's 2D Pose Estimate: where somebody who looks at the robot sees it."""
        file, now = self.world.directory.simulator / "simulator.json", time.time()
        wait_until("where it stands is saved", lambda: file.stat().st_mtime > now, deadline=DEADLINE)
        saved = json.loads(file.read_text())["robots"]["luna1"]
        orientation = f"{{z: {math.sin(saved['yaw'] / 2)}, w: {math.cos(saved['yaw'] / 2)}}}"
        pose = f"{{position: {{x: {saved['x']}, y: {saved['y']}}}, orientation: {orientation}}}"
        message = f"{{header: {{frame_id: map}}, pose: {{pose: {pose}}}}}"
        kind = "geometry_msgs/msg/PoseWithCovarianceStamped"
        command = self.world.begin("ros", "topic", "pub", "--once", "-w", "2", "/luna1/initialpose", kind, message)
        assert command.stdout is not None
        # The robot drives on as soon as it is said: what comes next does not wait for the command to have ended.
        if not any(line.startswith("publishing #1") for line in command.stdout):
            raise AssertionError(command.communicate()[1])
        self.poses_given.append(command)

    def let_it_go_on(self) -> None:
        self.librarian.post(f"/deliveries/{self.task}/recover", {"action": "RESUME"})

    def charge(self) -> None:
        self.ask("fault BATTERY_DROP luna1 share=0.9")
        wait_until("charged", lambda: not self.codes(), deadline=DEADLINE)
        self.let_it_go_on()

    def nothing(self) -> None:
        """It goes on by itself."""


@dataclass(frozen=True)
class Case:
    """A fault, what is seen of it, and what is done about it once it has ended."""

    words: str
    codes: frozenset[str] = frozenset()
    """Faults of the robot at the API and in its status topic."""
    phase: str = ""
    """Of the delivery while it holds; empty: as before."""
    online: bool = True
    stands: bool = True
    until: Callable[[Library], bool] | None = None
    """What is seen of it besides."""
    passes: bool = False
    """It ends by itself: nobody clears it."""
    reader: str = ""
    """What the reader is told."""
    staff: str = ""
    """What the librarians are told."""
    then: Callable[[Library], None] = Library.nothing


def case(words: str, *codes: str, **more: object) -> Case:
    return Case(words, frozenset(codes), **more)  # type: ignore[arg-type]


# In the aisle across the stacks, on the way from the docks to the desk: once past what blocks it the robot is moved
# back, so that it is still under way for the rest.
BACK, BLOCKED, AISLE_END = "x=14 y=9.8", "x=19 y=9.8", 21.5
DRIVING = (
    case("BUMPER for=1000", "BUMP", staff="hazard: bump"),
    case("LIFTED for=1000", "KIDNAPPED", "WHEEL_DROP", staff="moved by hand", then=Library.give_pose),
    case("LOCALIZATION_LOST", "NOT_LOCALIZED", then=Library.give_pose),
    case(f"BLOCKED_AISLE {BLOCKED} radius=0.3", stands=False, until=lambda library: library.east_of(AISLE_END)),
    case(f"MOVED {BACK}", "KIDNAPPED", then=Library.give_pose),
    case("BASE_SILENT", "POSE_LOST"),
    case("MOTOR_STALL", "STALL", staff="hazard: stall"),
)
WITH_BOOK = (
    case("ESTOP_BUTTON"),
    case(
        "CLOCK_STEP seconds=-3600",
        stands=False,
        until=lambda library: library.clock_jumped(-3600),
        passes=True,
        then=Library.drives_on,
    ),
    case(
        "CLOCK_STEP seconds=7200",
        stands=False,
        until=lambda library: library.clock_jumped(7200),
        passes=True,
        then=Library.drives_on,
    ),
    case("SLOW factor=0.05", stands=False, until=Library.creeping),
    # Over once two goals have failed; the robot tries a third time by itself.
    case("NAVIGATION_FAILURE code=208 times=2", stands=False, passes=True, then=Library.drives_on),
    case(
        "BATTERY_DROP share=0.05",
        "BATTERY_EMPTY",
        phase="AWAITING_RECOVERY",
        reader="The robot is held up",
        staff="A robot needs a person",
        then=Library.charge,
    ),
)
WAITING = (
    case("DISK_FULL", "JOURNAL"),
    case("ROBOT_SILENT luna1 for=100000", online=False, staff="A robot is"),
    case("LINK_CUT", online=False),
    case("LINK_FROZEN", online=False),
)


@pytest.fixture(scope="module")
def world(stage: Stage) -> Iterator[World]:
    """LUNA with one robot, slower than elsewhere: what happens on the way must find the robot still under way."""
    world = stage.show()
    go(world, SPEED)
    yield world
    go(world, world.speed)


def go(world: World, speed: float) -> None:
    done = world.luna("sim", "speed", str(speed))
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def library(world: World) -> Iterator[Library]:
    with ExitStack() as programs:
        asking = Program(world, "luna_sim.faulting", "-")
        programs.callback(asking.close)
        status = Topic(world, "/luna1/status")
        programs.callback(status.close)
        wait_until("the robot's status", lambda: status.said("sec: ", 0), deadline=DEADLINE)
        yield Library(world, world.client("STUDENT", fresh=True), world.client("LIBRARIAN"), asking, status)


def met(library: Library, one: Case) -> None:
    """Have a fault happen, look at what everybody sees, end it and do what the runbook says."""
    before = library.delivery()["phase"]
    end = library.fault(one.words)
    if one.codes:
        wait_until(f"{one.words}: {set(one.codes)} at the API", lambda: one.codes <= library.codes(), deadline=DEADLINE)
    is_seen = "heard" if one.online else "not heard"
    wait_until(f"{one.words}: {is_seen}", lambda: library.robot()["online"] is one.online, deadline=DEADLINE)
    if one.stands and one.online:
        wait_until(f"{one.words}: it stands", lambda: not library.moving(), deadline=DEADLINE)
    if (seen := one.until) is not None:
        wait_until(f"{one.words}: what is seen of it", lambda: seen(library), deadline=DEADLINE)
    if one.phase:
        library.until_phase(one.phase)
    else:
        assert library.delivery()["phase"] == before
    for person, words in ((library.reader, one.reader), (library.librarian, one.staff)):
        if words:
            wait_until(f"told: {words}", lambda who=person, what=words: library.told(who, what), deadline=DEADLINE)
    for code in one.codes:
        wait_until(
            f"{one.words}: {code} for the operator",
            lambda code=code: library.status.said(code, library.lines),
            deadline=DEADLINE,
        )
    if one.passes:
        wait_until(f"{one.words}: it passes", library.passed, deadline=DEADLINE)
    else:
        end()
    one.then(library)
    library.until_sound()


def test_each_fault_is_seen_by_all_and_the_book_arrives(library: Library) -> None:
    wait_until("the robot is at home", lambda: library.robot()["sensor_data"]["docked"], deadline=200.0)
    book = library.librarian.post("/books", {"title": "On growth and form", "copies": 1})
    request = library.reader.post("/requests", {"book_id": book["id"], "request_location": DESTINATION})
    accepted = library.librarian.put(f"/requests/{request['id']}/approve", {"source_location": SOURCE})
    library.task = accepted["task_id"]

    library.until_phase("TO_PICKUP")
    for one in DRIVING:
        library.until_moving()
        met(library, one)
    library.until_phase("AWAITING_LOAD")
    for one in WAITING:
        met(library, one)
    library.librarian.put(f"/deliveries/{library.task}/book-placed")
    for one in WITH_BOOK:
        library.until_moving()
        met(library, one)
    library.until_phase("AWAITING_UNLOAD")
    library.reader.put(f"/requests/{request['id']}/complete")
    wait_until("the delivery is over", lambda: library.delivery()["status"] == "COMPLETED", deadline=DEADLINE)

    assert [command.wait(30) for command in library.poses_given] == [0, 0, 0]
    phases = [row["phase"] for row in library.world.history(library.task)]
    assert phases.count("AWAITING_LOAD") == 1, phases
    (loan,) = library.reader.get("/loans", limit=10)
    assert (loan["book_id"], loan["closed_at"]) == (book["id"], None)
