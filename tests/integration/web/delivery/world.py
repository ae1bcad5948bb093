"""A library with people, books, places and robots, for tests of deliveries. Robots speak through `Robot`, in plain values."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import timedelta
from secrets import token_bytes
from typing import Any
from uuid import UUID, uuid4

import httpx
from fastapi.testclient import TestClient
from luna_web.delivery import app as delivery_app
from luna_web.delivery.desk import Desk
from luna_web.notification import app as notification_app
from luna_web.main import create_app
from luna_web.robot.ports import (
    FALLBACK_STOP_INDEX,
    Cargo,
    DeliveryKind,
    FreeRobot,
    Outcome,
    Phase,
    Pose,
    RobotError,
    SeenDelivery,
    WantedDelivery,
)
from luna_web.shared.clock import FixedClock
from luna_web.shared.database import transaction
from luna_web.shared.ids import new_id
from luna_web.shared.principal import Principal, Role
from luna_web.shared.runtime import Runtime
from sqlalchemy import text
from sqlalchemy.orm import Session

Json = dict[str, Any]
PLACES = (("DESK-1", "DESK"), ("DESK-2", "DESK"), ("STUDY-1", "STUDY"), ("STUDY-2", "STUDY"), ("RETURN-1", "RETURN"), ("DOCK-1", "DOCK"))
STOP_OF_PHASE = {
    Phase.TO_DROPOFF: 1,
    Phase.AWAITING_UNLOAD: 1,
    Phase.TO_FALLBACK: FALLBACK_STOP_INDEX,
    Phase.AWAITING_FALLBACK_UNLOAD: FALLBACK_STOP_INDEX,
}
WAITING = {Phase.AWAITING_LOAD, Phase.CLEARING, Phase.AWAITING_UNLOAD, Phase.AWAITING_FALLBACK_UNLOAD}
LOADED = {Phase.TO_DROPOFF, Phase.AWAITING_UNLOAD, Phase.TO_FALLBACK, Phase.AWAITING_FALLBACK_UNLOAD}
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Book:
    id: str
    copies: tuple[str, ...]
    barcodes: tuple[str, ...]


@dataclass
class Person:
    """Somebody with an access token."""

    id: str
    email: str
    role: Role
    http: httpx.Client

    def call(self, method: str, path: str, body: Json | None = None, *, key: str | None = None, **params: Any) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self.http.request(method, f"/api/v1{path}", json=body, headers=headers, params=params or None)

    def get(self, path: str, **params: Any) -> Any:
        return succeeded(self.call("GET", path, **params))

    def post(self, path: str, body: Json, *, key: str | None = None) -> Any:
        return succeeded(self.call("POST", path, body, key=key))

    def put(self, path: str, body: Json | None = None) -> Any:
        return succeeded(self.call("PUT", path, body if body is not None else {}))


def succeeded(answer: httpx.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json()["data"]


def refused(answer: httpx.Response, status: int, code: str) -> Json:
    """The details of an error, after checking status and code."""
    body = answer.json()
    assert (answer.status_code, body["error"]["code"]) == (status, code), body
    details: Json = body["error"]["details"]
    return details


@dataclass
class Robot:
    """The robot's side of one robot: what its controller would see, and what it does with it."""

    library: Library
    id: UUID
    name: str
    seq: int = 0
    journal_id: str = field(default_factory=lambda: uuid4().hex)
    delivery: WantedDelivery | None = None
    last: SeenDelivery | None = None
    handover: int = 0

    def claim(self) -> WantedDelivery | None:
        free = FreeRobot(self.id, self.name, Pose(0.0, 0.0, 0.0), 0.9, False, None)
        with self.library.transaction() as session:
            self.delivery = self.library.desk.claim_next(session, free)
        return self.delivery

    def wanted(self) -> WantedDelivery | None:
        with self.library.transaction() as session:
            return self.library.desk.wanted(session, self.id)

    def shows(self, phase: Phase, *, cargo: Cargo | None = None) -> SeenDelivery:
        """The robot's status says this now."""
        if phase in WAITING and (self.last is None or self.last.phase is not phase) and phase is not Phase.CLEARING:
            self.handover += 1
        on_board = Cargo.PRESENT if phase in LOADED else Cargo.ABSENT
        return self._say(phase, Outcome.NONE, RobotError.NONE, STOP_OF_PHASE.get(phase, 0), cargo or on_board)

    def ends(
        self,
        outcome: Outcome,
        error: RobotError = RobotError.NONE,
        *,
        at_fallback: bool = False,
        cargo: Cargo = Cargo.ABSENT,
    ) -> SeenDelivery:
        """The robot is done with the delivery."""
        stop = FALLBACK_STOP_INDEX if at_fallback else self.last.stop_index if self.last else 0
        return self._say(Phase.DONE, outcome, error, stop, cargo)

    def again(self, seen: SeenDelivery) -> None:
        with self.library.transaction() as session:
            self.library.desk.observe(session, self.id, seen)

    def _say(self, phase: Phase, outcome: Outcome, error: RobotError, stop: int, cargo: Cargo) -> SeenDelivery:
        assert self.delivery is not None, "the robot has no delivery"
        self.seq += 1
        self.last = SeenDelivery(
            delivery_id=str(self.delivery.task_id),
            attempt=self.delivery.attempt,
            kind=DeliveryKind.DELIVERY,
            phase=phase,
            outcome=outcome,
            error=error,
            message="",
            stop_index=stop,
            handover_seq=self.handover if phase in WAITING else 0,
            cargo=cargo,
            cancel_requested=False,
            distance_remaining=None,
            estimated_time_remaining=None,
            timeout_remaining=None,
            changed_at=float(self.seq),
            journal_id=self.journal_id,
            journal_seq=self.seq,
        )
        self.again(self.last)
        return self.last

    def loses(self, minutes: float) -> None:
        """The controller finds that the robot has been silent for so long."""
        since = self.library.clock.now() - timedelta(minutes=minutes)
        with self.library.transaction() as session:
            self.library.desk.lost(session, self.id, since)


@dataclass
class Library:
    """Everything of one test, in its own rows of the database."""

    runtime: Runtime
    clock: FixedClock

    def __post_init__(self) -> None:
        self.desk = Desk(self.clock)
        services = (delivery_app.SERVICE, notification_app.SERVICE)
        self.http = TestClient(create_app(services, runtime=self.runtime), raise_server_exceptions=False)
        self._places()

    def transaction(self) -> Any:
        return transaction(self.runtime.session_factory)

    def execute(self, statement: str, **values: object) -> Any:
        with self.transaction() as session:
            return session.execute(text(statement), values)

    def rows(self, query: str, **values: object) -> list[Any]:
        with self.transaction() as session:
            return list(session.execute(text(query), values).all())

    def one(self, query: str, **values: object) -> Any:
        """The only row's only value, or its values."""
        (row,) = self.rows(query, **values)
        return row[0] if len(row) == 1 else tuple(row)

    def person(self, role: Role = Role.STUDENT) -> Person:
        user_id, session_id = new_id(), new_id()
        email = f"{role.lower()}{next(_numbers)}.{uuid4().hex[:6]}@example.org"
        with self.transaction() as session:
            session.execute(
                text(
                    "INSERT INTO users (id, email, password_hash, first_name, last_name, role)"
                    " VALUES (:id, :email, 'x', 'Some', 'One', :role)"
                ),
                {"id": user_id, "email": email, "role": role.value},
            )
            session.execute(
                text(
                    "INSERT INTO sessions (id, user_id, refresh_hash, expires_at)"
                    " VALUES (:id, :user, :hash, now() + interval '1 day')"
                ),
                {"id": session_id, "user": user_id, "hash": token_bytes(32)},
            )
        token = self.runtime.tokens.issue(Principal(user_id, email, role, session_id), self.clock.now())
        client = TestClient(self.http.app, headers={"Authorization": f"Bearer {token}"}, raise_server_exceptions=False)
        return Person(str(user_id), email, role, client)

    def student(self) -> Person:
        return self.person(Role.STUDENT)

    def librarian(self) -> Person:
        return self.person(Role.LIBRARIAN)

    def book(self, copies: int = 1, title: str = "On growth and form") -> Book:
        book_id, made = new_id(), [(new_id(), f"LUNA-{next(_numbers)}-{uuid4().hex[:8]}") for _ in range(copies)]
        with self.transaction() as session:
            session.execute(
                text("INSERT INTO books (id, title, author) VALUES (:id, :title, 'D’Arcy Thompson')"),
                {"id": book_id, "title": title},
            )
            for copy_id, barcode in made:
                session.execute(
                    text("INSERT INTO copies (id, book_id, barcode) VALUES (:id, :book, :barcode)"),
                    {"id": copy_id, "book": book_id, "barcode": barcode},
                )
        return Book(str(book_id), tuple(str(copy) for copy, _ in made), tuple(barcode for _, barcode in made))

    def robot(self) -> Robot:
        robot_id, name = new_id(), f"robot{next(_numbers)}{uuid4().hex[:6]}"
        self.execute(
            "INSERT INTO robots (id, robot_name, namespace, bridge_url, token_encrypted)"
            " VALUES (:id, :name, '/' || :name, 'ws://127.0.0.1:1/x', '')",
            id=robot_id,
            name=name,
        )
        return Robot(self, robot_id, name)

    def copy_status(self, copy_id: str) -> str:
        return str(self.one("SELECT status FROM copies WHERE id = :id", id=copy_id))

    def _places(self) -> None:
        with self.transaction() as session:
            if session.scalar(text("SELECT count(*) FROM maps")) == 0:
                _make_floor(session)

    # --- ways through a day, as far as a test needs them ---

    def requested(self, reader: Person, book: Book, location: str = "STUDY-1") -> Json:
        made: Json = reader.post("/requests", {"book_id": book.id, "request_location": location})
        return made

    def approved(self, reader: Person, librarian: Person, book: Book, location: str = "STUDY-1") -> Json:
        request = self.requested(reader, book, location)
        accepted: Json = librarian.put(f"/requests/{request['id']}/approve")
        return accepted

    def at_desk(self, reader: Person, librarian: Person, robot: Robot, book: Book) -> Json:
        """A robot waits at the desk for this reader's book."""
        request = self.approved(reader, librarian, book)
        assert robot.claim() is not None
        robot.shows(Phase.TO_PICKUP)
        robot.shows(Phase.AWAITING_LOAD)
        return request

    def at_reader(self, reader: Person, librarian: Person, robot: Robot, book: Book) -> Json:
        """A robot waits at the reader with the book on board."""
        request = self.at_desk(reader, librarian, robot, book)
        robot.shows(Phase.TO_DROPOFF)
        robot.shows(Phase.AWAITING_UNLOAD)
        return request

    def lent(self, reader: Person, librarian: Person, robot: Robot, book: Book) -> Json:
        """The reader has the book; the loan."""
        self.at_reader(reader, librarian, robot, book)
        robot.ends(Outcome.SUCCEEDED)
        (loan,) = reader.get("/loans", book_id=book.id, open=True)
        return dict(loan)

    def being_collected(self, reader: Person, robot: Robot, loan: Json) -> Json:
        """A robot waits at the reader for a book that goes back."""
        wish: Json = reader.post("/returns", {"loan_id": loan["id"], "pickup_location": "STUDY-2"})
        assert robot.claim() is not None
        robot.shows(Phase.TO_PICKUP)
        robot.shows(Phase.AWAITING_LOAD)
        return wish


def _make_floor(session: Session) -> None:
    map_id = new_id()
    session.execute(
        text(
            "INSERT INTO maps (id, map_id, name, waypoints_version, resolution, width, height, origin_x, origin_y,"
            " origin_yaw, image, checksum)"
            " VALUES (:id, 'library', 'Library', 1, 0.05, 100, 100, 0, 0, 0, '', repeat('0', 64))"
        ),
        {"id": map_id},
    )
    for number, (code, kind) in enumerate(PLACES):
        session.execute(
            text(
                "INSERT INTO waypoints (id, map_id, location_code, name, kind, x, y, yaw)"
                " VALUES (:id, :map, :code, :name, :kind, :x, 1.5, 0)"
            ),
            {"id": new_id(), "map": map_id, "code": code, "name": f"Place {code}", "kind": kind, "x": float(number)},
        )


def with_clock(runtime: Runtime, clock: FixedClock) -> Runtime:
    """The same process with a clock that tests move."""
    return replace(runtime, clock=clock)
