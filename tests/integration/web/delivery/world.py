"""A library with people, books, places and robots, for tests of deliveries. Robots speak in plain values."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from luna_web.delivery.desk import Desk
from luna_web.delivery.policies import policies
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
    Settlement,
    WantedDelivery,
)
from luna_web.shared.clock import FixedClock
from luna_web.shared.database import transaction
from luna_web.shared.ids import new_id
from luna_web.shared.principal import Role
from luna_web.shared.runtime import Runtime
from tests.integration.world import Catalog, People, Person, data

Json = dict[str, Any]
PLACES = (
    ("DESK-1", "DESK"),
    ("DESK-2", "DESK"),
    ("STUDY-1", "STUDY"),
    ("STUDY-2", "STUDY"),
    ("RETURN-1", "RETURN"),
    ("SHELF-1", "SHELF"),
    ("DOCK-1", "DOCK"),
)
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

    def settlements(self) -> list[Settlement]:
        with self.library.transaction() as session:
            return list(self.library.desk.settlements(session, self.id))

    def takes(self, settlement: Settlement) -> None:
        """The robot has been told that a person ended its delivery."""
        with self.library.transaction() as session:
            self.library.desk.settled(session, self.id, settlement.task_id)

    def is_found(self) -> None:
        with self.library.transaction() as session:
            self.library.desk.found(session, self.id)

    def loses_journal(self) -> None:
        assert self.delivery is not None
        with self.library.transaction() as session:
            self.library.desk.journal_lost(session, self.id, self.delivery.task_id)

    def loses(self, minutes: float) -> None:
        """The controller finds that the robot has been silent for so long."""
        since = self.library.clock.now() - timedelta(minutes=minutes)
        with self.library.transaction() as session:
            self.library.desk.lost(session, self.id, since)


@dataclass
class Library:
    """Two people, some places, one robot; more on demand. The desk has a clock of its own, which tests move."""

    runtime: Runtime
    people: People
    catalog: Catalog

    def __post_init__(self) -> None:
        self.clock = FixedClock(self.runtime.clock.now())
        self.desk = Desk(self.clock, policies(self.runtime))
        with self.transaction() as session:
            _make_floor(session)
        self.reader = self.people.make(Role.STUDENT)
        self.librarian = self.people.make(Role.LIBRARIAN)
        self.luna1 = self.robot()

    def transaction(self) -> Any:
        return transaction(self.runtime.session_factory)

    def rows(self, query: str, **values: object) -> list[Any]:
        with self.transaction() as session:
            return list(session.execute(text(query), values).all())

    def execute(self, statement: str, **values: object) -> None:
        with self.transaction() as session:
            session.execute(text(statement), values)

    def one(self, query: str, **values: object) -> Any:
        """The only row's only value, or its values."""
        (row,) = self.rows(query, **values)
        return row[0] if len(row) == 1 else tuple(row)

    def student(self) -> Person:
        return self.people.make(Role.STUDENT)

    def book(self, copies: int = 1, title: str = "On growth and form") -> Book:
        book_id = self.catalog.add(title, copies=copies, author="D’Arcy Thompson")
        made = self.rows("SELECT id, barcode FROM copies WHERE book_id = :id ORDER BY barcode", id=book_id)
        return Book(str(book_id), tuple(str(row.id) for row in made), tuple(row.barcode for row in made))

    def robot(self) -> Robot:
        robot_id, name = new_id(), f"robot{next(_numbers)}"
        with self.transaction() as session:
            session.execute(
                text(
                    "INSERT INTO robots (id, robot_name, namespace, bridge_url, token_encrypted)"
                    " VALUES (:id, :name, '/' || :name, 'ws://127.0.0.1:1/x', '')"
                ),
                {"id": robot_id, "name": name},
            )
        return Robot(self, robot_id, name)

    def copy_status(self, copy_id: str) -> str:
        return str(self.one("SELECT status FROM copies WHERE id = :id", id=copy_id))

    def request_now(self, request: Json) -> Json:
        return dict(data(self.reader.api.get(f"/requests/{request['id']}")))

    def return_now(self, book_return: Json) -> Json:
        return dict(data(self.reader.api.get(f"/returns/{book_return['id']}")))

    def task_now(self, thing: Json) -> Json:
        return dict(data(self.librarian.api.get(f"/deliveries/{thing.get('task_id', thing['id'])}")))

    def loans(self, **params: Any) -> list[Json]:
        return list(data(self.reader.api.get("/loans", params=params)))

    def staff(self, verb: str, thing: Json, **body: Any) -> Any:
        """A librarian's call on the delivery behind a thing, or on a delivery itself."""
        method = self.librarian.api.post if verb in ("retry", "recover") else self.librarian.api.put
        return method(f"/deliveries/{thing.get('task_id', thing['id'])}/{verb}", body)

    def sent(self, kind: str, **wish: Any) -> Json:
        """A delivery among staff, from the desk to the shelf unless the wish says otherwise."""
        places = {"source_location": "DESK-1", "destination_location": "SHELF-1"}
        return dict(data(self.librarian.api.post(f"/deliveries/{kind}", {**places, **wish}), 201))

    def stuck(self, book: Book) -> Json:
        """The robot waits for a person on its way to the reader, with the book on board."""
        request = self.on_its_way(book)
        self.luna1.shows(Phase.AWAITING_RECOVERY, cargo=Cargo.PRESENT)
        return request
    def status_of(self, copy_id: str) -> tuple[str, str | None]:
        """Status and reason of a copy."""
        status, reason = self.one("SELECT status, status_reason FROM copies WHERE id = :id", id=copy_id)
        return str(status), reason

    def handed_out(self, book: Book, to: Person | None = None, copy: int = 0, **more: Any) -> Json:
        """A loan made at the desk."""
        wish = {"user_id": str((to or self.reader).id), "barcode": book.barcodes[copy], **more}
        return dict(data(self.librarian.api.post("/loans", wish), 201))

    def waiting(self, book: Book, who: Person | None = None) -> Json:
        """A place in the queue."""
        return dict(data((who or self.reader).api.post("/holds", {"book_id": book.id}), 201))

    def hold_now(self, hold: Json) -> Json:
        return dict(data(self.librarian.api.get(f"/holds/{hold['id']}")))

    def loan_now(self, loan: Json) -> Json:
        return dict(data(self.librarian.api.get(f"/loans/{loan['id']}")))

    def checked_in(self, book: Book, copy: int = 0, **more: Any) -> Json:
        """What the desk is told of a copy that comes back."""
        scanned = {"barcode": book.barcodes[copy], **more}
        return dict(data(self.librarian.api.post("/loans/checkin", scanned)))

    # --- ways through a day, as far as a test needs them ---

    def requested(self, book: Book, location: str = "STUDY-1") -> Json:
        wish = {"book_id": book.id, "request_location": location}
        return dict(data(self.reader.api.post("/requests", wish), 201))

    def approved(self, book: Book) -> Json:
        request = self.requested(book)
        return dict(data(self.librarian.api.put(f"/requests/{request['id']}/approve", {})))

    def setting_off(self, book: Book) -> Json:
        """The robot drives to the desk."""
        request = self.approved(book)
        assert self.luna1.claim() is not None
        self.luna1.shows(Phase.TO_PICKUP)
        return request

    def at_desk(self, book: Book) -> Json:
        """The robot waits at the desk for the reader's book."""
        request = self.setting_off(book)
        self.luna1.shows(Phase.AWAITING_LOAD)
        return request

    def on_its_way(self, book: Book) -> Json:
        """The robot drives to the reader with the book on board."""
        request = self.at_desk(book)
        self.luna1.shows(Phase.TO_DROPOFF)
        return request

    def at_reader(self, book: Book) -> Json:
        """The robot waits at the reader with the book on board."""
        request = self.on_its_way(book)
        self.luna1.shows(Phase.AWAITING_UNLOAD)
        return request

    def back_at_desk(self, book: Book) -> Json:
        """Nobody collected; the robot waits at the desk with the book on board."""
        request = self.at_reader(book)
        self.luna1.shows(Phase.TO_FALLBACK)
        self.luna1.shows(Phase.AWAITING_FALLBACK_UNLOAD)
        return request

    def lent(self, book: Book) -> Json:
        """The reader has the book; the loan."""
        self.at_reader(book)
        self.luna1.ends(Outcome.SUCCEEDED)
        (loan,) = self.loans(book_id=book.id, open=True)
        return loan

    def return_asked(self, loan: Json) -> Json:
        wish = {"loan_id": loan["id"], "pickup_location": "STUDY-2"}
        return dict(data(self.reader.api.post("/returns", wish), 201))

    def collecting(self, loan: Json) -> Json:
        """The robot waits at the reader for a book that goes back."""
        wish = self.return_asked(loan)
        assert self.luna1.claim() is not None
        self.luna1.shows(Phase.TO_PICKUP)
        self.luna1.shows(Phase.AWAITING_LOAD)
        return wish

    def brought_home(self, loan: Json) -> Json:
        """The robot waits at the workstation with the returned book on board."""
        wish = self.collecting(loan)
        self.luna1.shows(Phase.TO_DROPOFF)
        self.luna1.shows(Phase.AWAITING_UNLOAD)
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
