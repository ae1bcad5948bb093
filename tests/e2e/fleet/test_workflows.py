"""Every workflow of deliveries on one running LUNA, with several robots and many people at once.

All workflows run side by side from the start, each in a thread with people, books and places of its own and nothing
but the HTTP API; the test of a workflow waits for its end. Times that robots wait are shortened through the settings.
"""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from luna_embedded.demo.client import ApiError, Client
from tests.e2e.conftest import Stage
from tests.e2e.world import PASSWORD, Json, World, wait_until

ROBOTS, SPEED = 3, 12.0  # as much as two processors carry
DEADLINE = 400.0  # seconds for whatever a robot is to do; the machine may be busy, and others may be first
PAUSE = 0.5
WAIT_FOR_STAFF = 10  # seconds (real ones) that a robot waits to be unloaded before it asks for help
BRIEF = 10  # seconds (of the simulation) that a robot waits for people who do not come; the shortest there is
Workflow = Callable[["People"], None]


@dataclass
class Library:
    """What all share: the administrator, who makes people and sets times."""

    world: World
    admin: Client
    _times: threading.Lock = field(default_factory=threading.Lock)
    _numbers: Iterator[int] = field(default_factory=count)

    def person(self, role: str) -> tuple[Client, Json]:
        email = f"{role.lower()}.{next(self._numbers)}@example.org"
        names = {"first_name": "Ada", "last_name": f"Reader {email}"}
        made = self.admin.post("/auth/users", {"email": email, "role": role, "password": PASSWORD, **names})
        client = Client(self.world.address, patience=90.0)
        client.login(email, PASSWORD)
        return client, made

    @contextmanager
    def brief(self, **times: int) -> Iterator[None]:
        """Deliveries that are planned meanwhile are waited for so long; others are planned before or after."""
        with self._times:
            usual = self.admin.get("/auth/settings")["delivery_times"]
            self.admin.put("/auth/settings", {"delivery_times": times})
            try:
                yield
            finally:
                self.admin.put("/auth/settings", {"delivery_times": {name: usual[name] for name in times}})


@dataclass
class Book:
    id: str
    copies: list[Json]


@dataclass
class People:
    """A reader and a librarian of one workflow, and what they do and see."""

    library: Library
    student: Client
    librarian: Client
    reader: Json

    def book(self, copies: int = 1) -> Book:
        made = self.librarian.post("/books", {"title": "On growth and form", "copies": copies})
        return Book(made["id"], self.librarian.get(f"/books/{made['id']}/copies"))

    def asks(self, book: Book, place: str, **more: Any) -> Json:
        request: Json = self.student.post("/requests", {"book_id": book.id, "request_location": place, **more})
        return request

    def asked_and_approved(self, book: Book, source: str, place: str, **times: int) -> Json:
        """A request on its way to a robot; `times` are what that robot waits for."""
        with self.library.brief(**times):
            request = self.asks(book, place)
            accepted: Json = self.librarian.put(f"/requests/{request['id']}/approve", {"source_location": source})
        assert accepted["status"] == "APPROVED"
        return accepted

    def sends(self, kind: str, source: str, destination: str, **what: Any) -> Json:
        places = {"source_location": source, "destination_location": destination}
        with self.library.brief():
            task: Json = self.librarian.post(f"/deliveries/{kind}", {**places, **what})
        assert (task["status"], task["task_type"]) == ("QUEUED", kind.upper().replace("-", "_"))
        return task

    def gives_back(self, what: Json, place: str) -> Json:
        with self.library.brief():
            made: Json = self.student.post("/returns", {**what, "pickup_location": place})
        return made

    def lends(self, book: Book) -> Json:
        wish = {"user_id": self.reader["id"], "barcode": book.copies[0]["barcode"]}
        loan: Json = self.librarian.post("/loans", wish)
        return loan

    def task(self, thing: Json) -> Json:
        found: Json = self.librarian.get(f"/deliveries/{thing.get('task_id', thing['id'])}")
        return found

    def until(self, thing: Json, *wanted: str) -> Json:
        """The delivery of a thing, once it has one of these phases or statuses."""
        end = time.monotonic() + DEADLINE
        while True:
            task = self.task(thing)
            if {task["phase"], task["status"]} & set(wanted):
                return task
            over = task["status"] in ("COMPLETED", "FAILED", "CANCELLED")
            assert not over, f"{task['status']} ({task['reason']}), not {wanted}: {self.steps(thing)}"
            assert time.monotonic() < end, f"{task['status']} {task['phase']}, not {wanted}: {self.steps(thing)}"
            time.sleep(PAUSE)

    def loads(self, thing: Json, **said: Any) -> None:
        self.until(thing, "AWAITING_LOAD")
        self.librarian.put(f"/deliveries/{thing.get('task_id', thing['id'])}/book-placed", said)

    def unloads(self, thing: Json, at: str = "AWAITING_UNLOAD", **said: Any) -> None:
        """Take it off; at the destination that may be late, on a busy machine."""
        self.until(thing, at, *(["AWAITING_RECOVERY"] if at == "AWAITING_UNLOAD" else []))
        self.librarian.put(f"/deliveries/{thing.get('task_id', thing['id'])}/complete", said)

    def steps(self, thing: Json) -> list[str]:
        """What its delivery went through, with the reasons."""
        path = f"/deliveries/{thing.get('task_id', thing['id'])}/history"
        rows = sorted(self.librarian.get(path, limit=100), key=lambda row: row["id"])
        return [" ".join(filter(None, (row["to_status"], row["phase"], row["reason"]))) for row in rows]

    def copy(self, book: Book, number: int = 0) -> Json:
        copies = self.librarian.get(f"/books/{book.id}/copies")
        found: Json = next(copy for copy in copies if copy["id"] == book.copies[number]["id"])
        return found

    def status(self, book: Book, number: int = 0) -> tuple[str, str | None]:
        copy = self.copy(book, number)
        return copy["status"], copy["status_reason"]

    def loans(self, book: Book) -> list[Json]:
        return [loan for loan in self.student.get("/loans", limit=100) if loan["book_id"] == book.id]

    def request(self, request: Json) -> Json:
        found: Json = self.student.get(f"/requests/{request['id']}")
        return found


def refused(status: int, code: str, call: Callable[[], object]) -> None:
    with pytest.raises(ApiError) as caught:
        call()
    assert (caught.value.status, caught.value.code) == (status, code)


# --- the workflows: each begins where a robot has little way to go, and leaves nothing under way ---


def a_book_goes_to_a_student_and_comes_back_for_the_next(people: People) -> None:
    book = people.book()
    request = people.asked_and_approved(book, "SHELF-A8", "STUDY-1")
    placed = f"/deliveries/{request['task_id']}/book-placed"
    refused(409, "ROBOT_NOT_AT_STOP", lambda: people.librarian.put(placed))
    assert people.status(book) == ("RESERVED", None)
    people.until(request, "AWAITING_LOAD")
    other = people.book().copies[0]["barcode"]
    refused(409, "WRONG_BOOK", lambda: people.librarian.put(placed, {"barcode": other}))
    people.loads(request, barcode=book.copies[0]["barcode"])
    people.until(request, "AWAITING_UNLOAD")
    assert (people.request(request)["status"], people.status(book)) == ("IN_PROGRESS", ("ON_ROBOT", None))
    people.student.put(f"/requests/{request['id']}/complete")
    people.until(request, "COMPLETED")
    (loan,) = people.loans(book)
    assert (people.request(request)["status"], people.status(book)) == ("COMPLETED", ("CHECKED_OUT", None))
    # What brings no day is no renewal.
    assert people.student.put(f"/loans/{loan['id']}/renew")["renewals"] == 0
    people.library.admin.put("/auth/settings", {"limits": {"loan_days": 56}})
    renewed = people.student.put(f"/loans/{loan['id']}/renew")
    assert (renewed["renewals"], renewed["due_at"] > loan["due_at"]) == (1, True)

    next_reader, _ = people.library.person("STUDENT")
    wish = {"book_id": book.id, "request_location": "STUDY-1"}
    refused(409, "BOOK_NOT_AVAILABLE", lambda: next_reader.post("/requests", wish))
    hold = next_reader.post("/requests", {**wish, "hold_if_unavailable": True})
    assert (hold["status"], hold["position"]) == ("WAITING", 1)
    refused(409, "NOT_RENEWABLE", lambda: people.student.put(f"/loans/{loan['id']}/renew"))

    back = people.gives_back({"loan_id": loan["id"]}, "STUDY-1")
    people.until(back, "AWAITING_LOAD")
    assert people.student.get(f"/returns/{back['id']}")["status"] == "PICKUP_SCHEDULED"
    people.student.put(f"/returns/{back['id']}/picked-up")
    people.until(back, "TO_DROPOFF", "AWAITING_UNLOAD")
    assert people.student.get(f"/returns/{back['id']}")["status"] == "PICKED_UP"
    refused(409, "ILLEGAL_TRANSITION", lambda: people.student.put(f"/returns/{back['id']}/cancel"))
    people.unloads(back)
    people.until(back, "COMPLETED")
    told = people.student.get(f"/returns/{back['id']}")
    closed = people.student.get(f"/loans/{loan['id']}")
    assert (told["status"], closed["closed_at"]) == ("COMPLETED", told["picked_up_at"])
    offered = next_reader.get(f"/holds/{hold['id']}")
    assert (offered["status"], offered["copy_id"]) == ("OFFERED", book.copies[0]["id"])
    refused(409, "BOOK_NOT_AVAILABLE", lambda: people.asks(book, "STUDY-1"))
    taken = next_reader.post("/requests", wish)
    assert next_reader.get(f"/holds/{hold['id']}")["status"] == "FULFILLED"
    next_reader.put(f"/requests/{taken['id']}/cancel")
    assert people.status(book) == ("AVAILABLE", None)
    assert len(people.student.get(f"/requests/{request['id']}/activity", limit=100)) > 5
    assert len(people.student.get(f"/returns/{back['id']}/activity", limit=100)) > 5


def a_return_is_called_off_and_the_book_comes_to_the_desk(people: People) -> None:
    book = people.book()
    loan = people.lends(book)
    back = people.gives_back({"book_id": book.id}, "STUDY-A")
    refused(409, "ALREADY_REQUESTED",
            lambda: people.student.post("/returns", {"book_id": book.id, "pickup_location": "STUDY-A"}))  # fmt: skip
    people.until(back, "TO_PICKUP", "AWAITING_LOAD")
    people.student.put(f"/returns/{back['id']}/cancel", {"reason": "Not yet"})
    people.until(back, "CANCELLED")
    assert people.student.get(f"/returns/{back['id']}")["status"] == "CANCELLED"
    assert people.loans(book)[0]["closed_at"] is None
    done = people.librarian.put(f"/loans/{loan['id']}/checkin")
    assert (done["outcome"], done["copy"]["status"]) == ("RETURNED", "AVAILABLE")
    refused(409, "NOT_BORROWED_BY_YOU",
            lambda: people.student.post("/returns", {"book_id": book.id, "pickup_location": "STUDY-A"}))  # fmt: skip


def a_reader_takes_a_request_back_while_the_robot_waits_for_the_book(people: People) -> None:
    book = people.book()
    request = people.asked_and_approved(book, "NEW-BOOKS", "DESK-1")
    people.until(request, "AWAITING_LOAD")
    people.student.put(f"/requests/{request['id']}/cancel", {"reason": "Found it"})
    people.until(request, "CLEARING", "CANCELLED")
    placed = f"/deliveries/{request['task_id']}/book-placed"
    refused(409, "ILLEGAL_TRANSITION", lambda: people.librarian.put(placed))
    people.until(request, "CANCELLED")
    told = people.request(request)
    assert (told["status"], told["closed_reason"]) == ("CANCELLED", "CANCELLED_BY_USER")
    assert people.status(book) == ("AVAILABLE", None)


def staff_call_a_loaded_book_back(people: People) -> None:
    book = people.book(copies=2)
    request = people.asked_and_approved(book, "DESK-2", "STUDY-10")
    reserved = 0 if people.request(request)["copy_id"] == book.copies[0]["id"] else 1
    people.loads(request, barcode=book.copies[1 - reserved]["barcode"])
    assert people.request(request)["copy_id"] == book.copies[1 - reserved]["id"]
    assert people.status(book, reserved) == ("AVAILABLE", None)
    people.until(request, "TO_DROPOFF", "AWAITING_UNLOAD")
    people.librarian.put(f"/deliveries/{request['task_id']}/cancel", {"reason": "Wanted at the desk"})
    people.unloads(request, "AWAITING_FALLBACK_UNLOAD", cargo_present=True)
    people.until(request, "CANCELLED")
    assert people.request(request)["status"] == "CANCELLED"
    assert people.status(book, 1 - reserved) == ("AVAILABLE", None)


def nobody_collects_and_the_book_goes_back(people: People) -> None:
    book = people.book()
    request = people.asked_and_approved(book, "SHELF-B8", "STUDY-7", collect=BRIEF)
    people.loads(request)
    task = people.until(request, "AWAITING_FALLBACK_UNLOAD")
    done = f"/deliveries/{task['id']}/complete"
    refused(422, "VALIDATION_ERROR", lambda: people.librarian.put(done))
    people.librarian.put(done, {"cargo_present": True})
    assert people.until(request, "FAILED")["reason"] == "NOT_COLLECTED"
    told = people.request(request)
    assert (told["status"], told["closed_reason"]) == ("CANCELLED", "NOT_COLLECTED")
    assert (people.status(book), people.loans(book)) == (("AVAILABLE", None), [])


def a_reader_collects_at_the_last_moment(people: People) -> None:
    book = people.book()
    request = people.asked_and_approved(book, "SHELF-B1", "STUDY-B", collect=BRIEF)
    people.loads(request)
    people.until(request, "TO_FALLBACK", "AWAITING_FALLBACK_UNLOAD")
    people.student.put(f"/requests/{request['id']}/complete")
    people.unloads(request, "AWAITING_FALLBACK_UNLOAD", cargo_present=False)
    people.until(request, "COMPLETED")
    (loan,) = people.loans(book)
    assert (loan["flagged"], loan["closed_at"], people.status(book)) == (True, None, ("CHECKED_OUT", None))


def nobody_loads_twice_and_staff_try_again(people: People) -> None:
    book = people.book()
    request = people.asked_and_approved(book, "SHELF-A1", "DESK-1", load=BRIEF)
    assert people.until(request, "FAILED")["reason"] == "NOT_LOADED"
    steps = people.steps(request)
    assert [step.split()[0] for step in steps].count("QUEUED") == 2, steps
    assert sum(step.startswith("IN_PROGRESS CLEARING") for step in steps) == 2, steps
    told = people.request(request)
    assert (told["status"], told["needs_attention"], people.status(book)) == ("APPROVED", True, ("RESERVED", None))
    again = people.librarian.post(f"/deliveries/{request['task_id']}/retry", {"source_location": "SHELF-A2"})
    assert (again["retry_of"], again["status"]) == (request["task_id"], "QUEUED")
    assert not people.request(request)["needs_attention"]
    people.until(again, "ASSIGNED", "IN_PROGRESS")
    people.student.put(f"/requests/{request['id']}/cancel")
    people.until(again, "CANCELLED")
    assert people.status(book) == ("AVAILABLE", None)


def a_thing_goes_to_a_colleague(people: People) -> None:
    colleague, who = people.library.person("LIBRARIAN")
    task = people.sends("inter-staff", "SELF-CHECK", "ENTRANCE", item_description="The keys", recipient_id=who["id"])
    people.librarian.put(f"/deliveries/{task['id']}/priority", {"priority": "HIGH"})
    people.loads(task)
    people.unloads(task)
    people.until(task, "COMPLETED")
    wait_until("the colleague is told", lambda: colleague.get("/notifications"), deadline=DEADLINE, pause=PAUSE)


def a_copy_goes_to_a_workstation(people: People) -> None:
    book = people.book()
    task = people.sends("workstation", "WORKROOM", "NEW-BOOKS", copy_id=book.copies[0]["id"])
    refused(409, "BOOK_NOT_AVAILABLE", lambda: people.asks(book, "STUDY-A"))
    people.loads(task)
    people.unloads(task)
    people.until(task, "COMPLETED")
    assert people.status(book) == ("UNAVAILABLE", "IN_PROCESS")


def a_copy_moves_to_another_shelf(people: People) -> None:
    book = people.book()
    task = people.sends("transfer", "SHELF-A4", "SHELF-B4", barcode=book.copies[0]["barcode"])
    people.loads(task)
    people.unloads(task)
    people.until(task, "COMPLETED")
    assert (people.status(book), people.copy(book)["shelf_location"]) == (("AVAILABLE", None), "SHELF-B4")


def a_staff_delivery_is_called_off_before_and_after_loading(people: People) -> None:
    waiting = people.sends("inter-staff", "PRINTERS", "SHELF-A7", item_description="Paper")
    people.librarian.put(f"/deliveries/{waiting['id']}/cancel")
    people.until(waiting, "CANCELLED")
    task = people.sends("transfer", "PRINTERS", "SHELF-A7", copy_id=(book := people.book()).copies[0]["id"])
    people.loads(task)
    people.until(task, "TO_DROPOFF", "AWAITING_UNLOAD", "AWAITING_RECOVERY")
    people.librarian.put(f"/deliveries/{task['id']}/cancel")
    people.unloads(task, "AWAITING_FALLBACK_UNLOAD", cargo_present=True)
    people.until(task, "CANCELLED")
    assert (people.status(book), people.copy(book)["shelf_location"]) == (("AVAILABLE", None), None)


def nobody_unloads_and_staff_let_the_robot_go_on(people: People) -> None:
    task = people.sends("inter-staff", "STUDY-2", "STUDY-4", item_description="A lamp")
    people.loads(task)
    people.until(task, "AWAITING_RECOVERY")
    people.librarian.post(f"/deliveries/{task['id']}/recover", {"action": "RESUME"})
    people.unloads(task)
    people.until(task, "COMPLETED")
    steps = [step.split()[1] for step in people.steps(task) if step.startswith("IN_PROGRESS")]
    assert "AWAITING_UNLOAD" in steps[steps.index("AWAITING_RECOVERY") :]


def nobody_unloads_and_staff_have_it_brought_back(people: People) -> None:
    book = people.book()
    task = people.sends("transfer", "STUDY-12", "STUDY-9", copy_id=book.copies[0]["id"])
    people.loads(task)
    people.until(task, "AWAITING_RECOVERY")
    people.librarian.post(f"/deliveries/{task['id']}/recover", {"action": "TO_FALLBACK"})
    people.unloads(task, "AWAITING_FALLBACK_UNLOAD", cargo_present=True)
    people.until(task, "FAILED", "CANCELLED")
    assert people.status(book) == ("AVAILABLE", None)


def nobody_unloads_and_staff_say_where_the_book_is(people: People) -> None:
    book = people.book()
    task = people.sends("workstation", "SHELF-B6", "STUDY-D", copy_id=book.copies[0]["id"])
    people.loads(task)
    people.until(task, "AWAITING_RECOVERY")
    settled = people.librarian.post(
        f"/deliveries/{task['id']}/recover", {"outcome": "AT_DESK", "location_code": "DESK-2"}
    )
    assert settled["status"] == "FAILED"
    assert people.status(book) == ("AVAILABLE", None)
    wait_until("the robot is told", lambda: not people.task(task)["robot_to_be_told"], deadline=DEADLINE, pause=PAUSE)


WORKFLOWS: Mapping[str, Workflow] = {
    name: made
    for name, made in globals().items()
    if inspect.isfunction(made) and list(inspect.signature(made).parameters) == ["people"]
}


@pytest.fixture(scope="module")
def world(stage: Stage) -> World:
    """LUNA with several robots."""
    return stage.show(ROBOTS, SPEED)


@pytest.fixture(scope="module")
def day(world: World) -> Iterator[Mapping[str, Future[None]]]:
    """All workflows, under way."""
    library = Library(world, world.client("ADMIN"))
    library.admin.put("/auth/settings", {"delivery_times": {"unload": WAIT_FOR_STAFF, "unload_alert": 10}})

    def run(workflow: Workflow) -> None:
        student, reader = library.person("STUDENT")
        librarian, _ = library.person("LIBRARIAN")
        workflow(People(library, student, librarian, reader))

    with ThreadPoolExecutor(len(WORKFLOWS), thread_name_prefix="workflow") as threads:
        yield {name: threads.submit(run, workflow) for name, workflow in WORKFLOWS.items()}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflow(world: World, day: Mapping[str, Future[None]], name: str) -> None:
    day[name].result(DEADLINE)


def test_in_the_end_every_robot_is_free_and_nothing_is_under_way(
    world: World, day: Mapping[str, Future[None]]
) -> None:
    for workflow in day.values():
        workflow.exception(DEADLINE)
    librarian = world.client("ADMIN")
    for status in ("PENDING", "QUEUED", "ASSIGNED", "IN_PROGRESS"):
        assert librarian.get("/deliveries", status=status) == []
    assert librarian.get("/robot/tasks") == []
    robots = librarian.get("/robot/robots")
    assert {robot["robot_name"] for robot in robots} == {f"luna{number + 1}" for number in range(ROBOTS)}
