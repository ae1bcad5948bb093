"""What happens in the demonstration: a student gets a book by robot and gives it back.

Two trips, told through the public API.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from luna_embedded.demo.client import ApiError, Client, Json

LEG_DEADLINE = 900.0  # seconds that one phase may take before the demonstration gives up
QUEUE_DEADLINE = 120.0  # seconds until a robot must have taken the task
FINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED"})
WISHES = ("history of art", "music", "astronomy", "birds", "poetry", "")


class DemoFailed(Exception):
    """The story did not end as it should; the message says where and why."""


@dataclass(frozen=True)
class Account:
    """Somebody who can log in."""

    email: str
    password: str


@dataclass
class Trip:
    """One delivery task as it unfolds."""

    title: str
    task_id: str
    destination: str
    status: str = "PENDING"
    phase: str | None = None


@dataclass
class Story:
    """The two people, what they have done so far, and the trip under way.

    ``watch`` is called at every look at the robot. ``source`` and ``destination`` are location codes: where the robot
    fetches the book (default: the copy's own desk) and where the student sits (default: any reading desk).
    """

    student: Client
    librarian: Client
    watch: Callable[[Story], None]
    said: list[str] = field(default_factory=list)
    trips: list[Trip] = field(default_factory=list)
    robot: Json = field(default_factory=dict)
    pause: float = 0.25  # seconds between two looks
    source: str | None = None
    destination: str | None = None

    def say(self, line: str) -> None:
        """Add a line to what has been told."""
        self.said.append(line)
        self.watch(self)

    @property
    def trip(self) -> Trip | None:
        """The trip that was begun last."""
        return self.trips[-1] if self.trips else None

    def deliver(self) -> Json:
        """First trip: asked for, accepted, loaded, received. Returns the loan."""
        book, request = self._ask()
        self.say(f"Student asks for “{shortened(book['title'])}”, to be brought to {request['request_location']}.")
        source = {"source_location": self.source} if self.source else {}
        accepted = self.librarian.put(f"/requests/{request['id']}/approve", source)
        trip = self._begin("Delivery to the student", accepted, request["request_location"])
        self.say("Librarian accepts. The robot sets off for the desk.")
        self._until(trip, {"AWAITING_LOAD"})
        self.librarian.put(f"/deliveries/{trip.task_id}/book-placed")
        self.say("Librarian lays the book on the robot. It drives to the student.")
        self._until(trip, {"AWAITING_UNLOAD"})
        self.student.put(f"/requests/{request['id']}/complete")
        self.say("Student takes the book.")
        self._until(trip, set())
        loan = self._open_loan(book["id"])
        self.say(f"Loan is open, due {loan['due_at'][:10]}.")
        return loan

    def bring_back(self, loan: Json, pickup: str) -> None:
        """Second trip: the robot collects the book and takes it to the return workstation."""
        self.say(f"Student gives the book back at {pickup}.")
        book_return = self.student.post(
            "/returns", {"loan_id": loan["id"], "pickup_location": pickup}, key=secrets.token_hex(16)
        )
        trip = self._begin("Return to the library", book_return, pickup)
        self._until(trip, {"AWAITING_LOAD"})
        self.student.put(f"/returns/{book_return['id']}/picked-up")
        self.say("Student lays the book on the robot. It drives to the return workstation.")
        self._until(trip, {"AWAITING_UNLOAD"})
        self.librarian.put(f"/deliveries/{trip.task_id}/complete")
        self.say("Librarian takes the book off the robot.")
        self._until(trip, set())
        if self._loans(loan["book_id"]):
            raise DemoFailed("the book is back, but the loan is still open")
        self.say("Loan is closed, the book is back.")

    def _ask(self) -> tuple[Json, Json]:
        """A title that is free, and the request for it; another client may be quicker, so several are tried."""
        place = self.destination or self._any_desk()
        for book in self._free_titles():
            try:
                wanted = {"book_id": book["id"], "request_location": place}
                return book, self.student.post("/requests", wanted, key=secrets.token_hex(16))
            except ApiError as error:
                if error.code not in {"BOOK_NOT_AVAILABLE", "ALREADY_REQUESTED"}:
                    raise
        raise DemoFailed("no title of the catalog is free")

    def _any_desk(self) -> str:
        desks = [str(place["location_code"]) for place in self.student.get("/robot/waypoints", kind="STUDY", limit=100)]
        if not desks:
            raise DemoFailed("the library has no reading desk to deliver to (no active waypoint of kind STUDY)")
        return secrets.choice(desks)

    def _free_titles(self) -> Sequence[Json]:
        return [
            book
            for wish in WISHES
            for book in self.student.get("/books", status="AVAILABLE", limit=10, **({"q": wish} if wish else {}))
        ]

    def _begin(self, title: str, record: Json, destination: str) -> Trip:
        trip = Trip(title, record["task_id"], destination)
        self.trips.append(trip)
        return trip

    def _until(self, trip: Trip, phases: set[str]) -> None:
        """Watch the robot until the task reaches one of the phases, or its end where none is named."""
        begun = time.monotonic()
        while not self._reached(trip, phases):
            waited = time.monotonic() - begun
            if waited > (QUEUE_DEADLINE if trip.status == "QUEUED" else LEG_DEADLINE):
                raise DemoFailed(
                    f"{trip.title}: still {trip.phase or trip.status} after {waited:.0f} s. {condition(self.robot)}"
                )
            time.sleep(self.pause)

    def _reached(self, trip: Trip, phases: set[str]) -> bool:
        task = self.librarian.get(f"/deliveries/{trip.task_id}")
        trip.status, trip.phase = task["status"], task.get("phase")
        self.robot = self.librarian.get("/robot/status", **_robot_of(task))
        self.watch(self)
        if trip.status in FINAL - {"COMPLETED"}:
            raise DemoFailed(f"{trip.title}: {trip.status} ({task.get('reason') or 'no reason given'})")
        return trip.phase in phases if phases else trip.status == "COMPLETED"

    def _open_loan(self, book_id: str) -> Json:
        loans = self._loans(book_id)
        if len(loans) != 1:
            raise DemoFailed(f"the book was received, but {len(loans)} loans of it are open")
        return loans[0]

    def _loans(self, book_id: str) -> list[Json]:
        return [
            loan
            for loan in self.student.get("/loans", limit=100)
            if loan["book_id"] == book_id and not loan["closed_at"]
        ]


def _robot_of(task: Json) -> dict[str, Any]:
    return {"robot_id": task["assigned_robot_id"]} if task.get("assigned_robot_id") else {}


def condition(robot: Json) -> str:
    """What a robot object of the API says of why it does not move, for people."""
    told = [f"{robot.get('robot_name', 'The robot')} is {robot.get('mode') or robot.get('status')}"]
    told += [f"{fault['code']}: {fault['text']}" for fault in robot.get("faults") or ()]
    return "; ".join(told) + ("." if robot.get("online", True) else "; it is offline.")


def shortened(title: str, most: int = 60) -> str:
    """A title cut to ``most`` characters at a word."""
    return title if len(title) <= most else title[: most - 1].rsplit(" ", 1)[0] + "…"
