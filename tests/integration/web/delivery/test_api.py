"""The endpoints by role, ownership and state."""

import threading
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from luna_web.delivery.routes import doing
from luna_web.robot.ports import Outcome, Phase
from luna_web.shared.principal import Role
from tests.integration.web.delivery.world import Json, Library
from tests.integration.world import Api, data, refused

NOBODY = str(uuid4())
OF_ONE = [
    ("PUT", "/requests/{id}/approve"),
    ("POST", "/requests/{id}/approve"),
    ("GET", "/requests/{id}"),
    ("GET", "/requests/{id}/activity"),
    ("PUT", "/requests/{id}/cancel"),
    ("PUT", "/requests/{id}/complete"),
    ("GET", "/returns/{id}"),
    ("GET", "/returns/{id}/activity"),
    ("PUT", "/returns/{id}/picked-up"),
    ("PUT", "/returns/{id}/cancel"),
    ("GET", "/loans/{id}"),
    ("PUT", "/loans/{id}/renew"),
    ("PUT", "/loans/{id}/checkin"),
    ("PUT", "/loans/{id}/lost"),
    ("GET", "/holds/{id}"),
    ("DELETE", "/holds/{id}"),
    ("GET", "/deliveries/{id}"),
    ("GET", "/deliveries/{id}/history"),
    ("PUT", "/deliveries/{id}/book-placed"),
    ("PUT", "/deliveries/{id}/complete"),
    ("PUT", "/deliveries/{id}/cancel"),
    ("POST", "/deliveries/{id}/retry"),
]


def test_what_does_not_exist_is_not_found(librarian: Api) -> None:
    """Who may use which route, and that another's is not there for a student, is in the table of `test_access`."""
    for method, path in OF_ONE:
        body = {} if method in ("PUT", "POST") else None
        for some_id in (NOBODY, "no-id"):
            answer = librarian.call(method, path.replace("{id}", some_id), json=body)
            assert answer.status_code == 404, (method, path, some_id)


class TestAsking:
    def ask(self, library: Library, **wish: object) -> Json:
        return {"book_id": library.book().id, "request_location": "STUDY-1", **wish}

    def test_the_answer_says_where_it_is(self, library: Library) -> None:
        answer = library.reader.api.post("/requests", self.ask(library, notes="By the window"))
        made = data(answer, 201)
        assert answer.headers["Location"] == f"/api/v1/requests/{made['id']}"
        assert made["notes"] == "By the window" and made["task_id"]

    def test_a_place_by_its_name(self, library: Library) -> None:
        made = data(library.reader.api.post("/requests", self.ask(library, request_location="place study-2")), 201)
        assert made["request_location"] == "STUDY-2"

    def test_an_unknown_place_names_the_nearest(self, library: Library) -> None:
        details = refused(
            library.reader.api.post("/requests", self.ask(library, request_location="STUDI-1")), 422, "UNKNOWN_LOCATION"
        )
        assert "STUDY-1" in details["suggestions"]

    def test_robots_do_not_deliver_to_docks(self, library: Library) -> None:
        refused(
            library.reader.api.post("/requests", self.ask(library, request_location="DOCK-1")), 422, "UNKNOWN_LOCATION"
        )

    def test_a_book_that_is_out(self, library: Library) -> None:
        book = library.book()
        library.requested(book)
        answer = library.student().api.post("/requests", {"book_id": book.id, "request_location": "STUDY-1"})
        assert refused(answer, 409, "BOOK_NOT_AVAILABLE")["current_status"] == "RESERVED"

    def test_the_same_book_twice(self, library: Library) -> None:
        book = library.book(copies=2)
        first = library.requested(book)
        answer = library.reader.api.post("/requests", {"book_id": book.id, "request_location": "STUDY-1"})
        assert refused(answer, 409, "ALREADY_REQUESTED")["request_id"] == first["id"]

    def test_five_at_a_time(self, library: Library) -> None:
        for _ in range(5):
            library.requested(library.book())
        answer = library.reader.api.post("/requests", self.ask(library))
        assert refused(answer, 409, "LIMIT_REACHED")["limit"] == 5

    def test_what_was_asked_for_counts_among_the_loans(self, library: Library) -> None:
        for _ in range(9):
            library.handed_out(library.book())
        tenth = library.requested(library.book())
        answer = library.reader.api.post("/requests", self.ask(library))
        assert refused(answer, 409, "LIMIT_REACHED")["limit"] == 10
        data(library.reader.api.put(f"/requests/{tenth['id']}/cancel"))
        data(library.reader.api.post("/requests", self.ask(library)), 201)

    def test_an_unknown_book(self, library: Library) -> None:
        refused(library.reader.api.post("/requests", self.ask(library, book_id=NOBODY)), 404, "NOT_FOUND")

    def test_students_wait_their_turn(self, library: Library) -> None:
        refused(library.reader.api.post("/requests", self.ask(library, priority="URGENT")), 422, "VALIDATION_ERROR")
        assert library.librarian.api.post("/requests", self.ask(library, priority="URGENT")).status_code == 201

    @pytest.mark.parametrize(
        "wrong", [{"book_id": "x"}, {"request_location": ""}, {"notes": "x" * 501}, {"notes": "\x00"}, {"color": "red"}]
    )
    def test_wrong_fields(self, library: Library, wrong: Json) -> None:
        refused(library.reader.api.post("/requests", self.ask(library, **wrong)), 422, "VALIDATION_ERROR")

    def test_a_repeated_key_gives_the_first_answer_and_creates_nothing(self, library: Library) -> None:
        wish, key = self.ask(library), {"Idempotency-Key": "the-key"}
        first = library.reader.api.post("/requests", wish, headers=key)
        again = library.reader.api.post("/requests", wish, headers=key)
        assert again.status_code == 201 and again.headers["Idempotency-Replayed"] == "true"
        assert again.json()["data"] == first.json()["data"]
        assert len(data(library.reader.api.get("/requests"))) == 1
        refused(library.reader.api.post("/requests", wish | {"notes": "?"}, headers=key), 422, "IDEMPOTENCY_KEY_REUSED")

    def test_what_fails_leaves_nothing_behind(self, library: Library) -> None:
        book = library.book()
        library.reader.api.post("/requests", {"book_id": book.id, "request_location": "nowhere"})
        assert library.copy_status(book.copies[0]) == "AVAILABLE"
        assert library.one("SELECT count(*) FROM delivery_tasks") == 0


class TestApproving:
    def test_from_another_desk(self, library: Library) -> None:
        request = library.requested(library.book())
        library.librarian.api.post(f"/requests/{request['id']}/approve", {"source_location": "DESK-2"})
        task = library.task_now(request)
        assert (task["source_location"], task["fallback"]["waypoint"]) == ("DESK-2", "DESK-2")

    def test_from_the_copys_desk_or_where_that_is_no_place_from_the_configured_one(self, library: Library) -> None:
        admin = library.people.make(Role.ADMIN).api
        data(admin.put("/auth/settings", {"desks": {"lending": "desk-2", "returns": "SHELF-1"}}))
        library.execute("UPDATE waypoints SET is_active = false WHERE location_code = 'RETURN-1'")
        sources = {}
        for home in ("DESK-1", None, "DESK-OF-OLD"):
            book = library.book()
            library.execute("UPDATE copies SET home_desk = :home WHERE id = :id", home=home, id=book.copies[0])
            sources[home] = library.task_now(library.approved(book))["source_location"]
        assert sources == {"DESK-1": "DESK-1", None: "DESK-2", "DESK-OF-OLD": "DESK-2"}
        back = library.return_asked(library.handed_out(library.book()))
        assert library.task_now(back)["destination_location"] == "SHELF-1"

    def test_nobody_lays_a_book_on_a_robot_in_its_dock(self, library: Library) -> None:
        request = library.requested(library.book())
        answer = library.librarian.api.put(f"/requests/{request['id']}/approve", {"source_location": "DOCK-1"})
        refused(answer, 422, "UNKNOWN_LOCATION")

    def test_again_changes_nothing(self, library: Library) -> None:
        request = library.approved(library.book())
        again = data(library.librarian.api.put(f"/requests/{request['id']}/approve", {"source_location": "DESK-2"}))
        assert again["version"] == request["version"]

    def test_a_cancelled_one(self, library: Library) -> None:
        request = library.requested(library.book())
        library.reader.api.put(f"/requests/{request['id']}/cancel", {})
        details = refused(
            library.librarian.api.put(f"/requests/{request['id']}/approve", {}), 409, "ILLEGAL_TRANSITION"
        )
        assert details == {"from": "CANCELLED", "to": "APPROVED", "allowed": []}

    def test_without_a_body(self, library: Library) -> None:
        request = library.requested(library.book())
        assert library.librarian.api.put(f"/requests/{request['id']}/approve").status_code == 200


class TestCancellingARequest:
    def test_its_reader(self, library: Library) -> None:
        book = library.book()
        request = library.requested(book)
        for _ in range(2):
            shown = data(library.reader.api.put(f"/requests/{request['id']}/cancel", {"reason": "No time"}))
            assert (shown["status"], shown["closed_reason"]) == ("CANCELLED", "CANCELLED_BY_USER")
        assert library.copy_status(book.copies[0]) == "AVAILABLE"
        library.requested(book)

    def test_a_librarian_cancels_the_delivery_instead(self, library: Library) -> None:
        request = library.requested(library.book())
        refused(library.librarian.api.put(f"/requests/{request['id']}/cancel", {}), 403, "FORBIDDEN")

    def test_an_administrator(self, library: Library) -> None:
        request = library.requested(library.book())
        admin = library.people.make(Role.ADMIN).api
        assert data(admin.put(f"/requests/{request['id']}/cancel", {}))["closed_reason"] == "CANCELLED_BY_STAFF"

    def test_not_once_the_book_is_there(self, library: Library) -> None:
        library.lent(library.book())
        (request,) = data(library.reader.api.get("/requests"))
        refused(library.reader.api.put(f"/requests/{request['id']}/cancel", {}), 409, "ILLEGAL_TRANSITION")


class TestConfirming:
    @pytest.fixture
    def takes(self, library: Library, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
        """A robot that takes what people say, as soon as it hears of it."""
        monkeypatch.setattr(doing, "PATIENCE_SECONDS", 10.0)
        threads: list[threading.Thread] = []

        def robot_takes(act: Callable[[], object]) -> None:
            def run() -> None:
                heard = threading.Event()
                while not ((wanted := library.luna1.wanted()) and wanted.confirmations):
                    heard.wait(0.01)
                act()

            threads.append(threading.Thread(target=run, daemon=True))
            threads[-1].start()

        yield robot_takes
        for thread in threads:
            thread.join(10)

    def test_two_hundred_when_the_robot_took_it(self, library: Library, takes: Callable[..., None]) -> None:
        request = library.at_desk(library.book())
        takes(lambda: library.luna1.shows(Phase.TO_DROPOFF))
        shown = data(library.librarian.api.put(f"/deliveries/{request['task_id']}/book-placed", {}), 200)
        assert shown["phase"] == "TO_DROPOFF"

    def test_received_when_the_robot_took_it(self, library: Library, takes: Callable[..., None]) -> None:
        request = library.at_reader(library.book())
        takes(lambda: library.luna1.ends(Outcome.SUCCEEDED))
        shown = data(library.reader.api.put(f"/requests/{request['id']}/complete", {}), 200)
        assert shown["status"] == "COMPLETED"

    def test_two_hundred_and_two_when_it_takes_longer(self, library: Library) -> None:
        request = library.at_desk(library.book())
        for _ in range(2):
            shown = data(library.librarian.api.put(f"/deliveries/{request['task_id']}/book-placed", {}), 202)
            assert shown["phase"] == "AWAITING_LOAD"
            assert [(said["place"], said["handover_seq"]) for said in shown["confirmations"]] == [("PICKUP", 1)]

    @pytest.mark.parametrize("phase", [None, Phase.TO_PICKUP])
    def test_no_robot_is_there(self, library: Library, phase: Phase | None) -> None:
        request = library.setting_off(library.book()) if phase else library.approved(library.book())
        answer = library.librarian.api.put(f"/deliveries/{request['task_id']}/book-placed", {})
        assert refused(answer, 409, "ROBOT_NOT_AT_STOP")["phase"] == phase
        refused(library.reader.api.put(f"/requests/{request['id']}/complete", {}), 409, "ROBOT_NOT_AT_STOP")
        refused(library.librarian.api.put(f"/deliveries/{request['task_id']}/complete", {}), 409, "ROBOT_NOT_AT_STOP")

    def test_said_again_afterwards(self, library: Library) -> None:
        request = library.on_its_way(library.book())
        assert library.librarian.api.put(f"/deliveries/{request['task_id']}/book-placed", {}).status_code == 200
        library.luna1.shows(Phase.AWAITING_UNLOAD)
        library.luna1.ends(Outcome.SUCCEEDED)
        assert library.reader.api.put(f"/requests/{request['id']}/complete", {}).status_code == 200
        assert library.librarian.api.put(f"/deliveries/{request['task_id']}/complete", {}).status_code == 200
        assert len(library.loans()) == 1

    def test_the_reader_says_that_the_book_was_laid_on(self, library: Library) -> None:
        wish = library.collecting(library.lent(library.book()))
        assert library.reader.api.put(f"/returns/{wish['id']}/picked-up", {}).status_code == 202
        wanted = library.luna1.wanted()
        assert wanted is not None and [said.by for said in wanted.confirmations] == [library.reader.email]

    def test_staff_do_not_speak_for_a_reader(self, library: Library) -> None:
        request = library.at_reader(library.book())
        refused(library.librarian.api.put(f"/requests/{request['id']}/complete", {}), 403, "FORBIDDEN")

    def test_an_ended_one(self, library: Library) -> None:
        request = library.approved(library.book())
        library.librarian.api.put(f"/deliveries/{request['task_id']}/cancel", {})
        answer = library.librarian.api.put(f"/deliveries/{request['task_id']}/book-placed", {})
        assert refused(answer, 409, "ILLEGAL_TRANSITION")["from"] == "CANCELLED"


class TestBarcodes:
    def place(self, library: Library, request: Json, barcode: str) -> object:
        return library.librarian.api.put(f"/deliveries/{request['task_id']}/book-placed", {"barcode": barcode})

    def test_the_reserved_copy(self, library: Library) -> None:
        book = library.book()
        request = library.at_desk(book)
        assert self.place(library, request, book.barcodes[0]).status_code == 202  # type: ignore[attr-defined]

    def test_another_free_copy_takes_its_place(self, library: Library) -> None:
        book = library.book(copies=2)
        request = library.at_desk(book)
        reserved = book.copies.index(request["copy_id"])
        assert self.place(library, request, book.barcodes[1 - reserved]).status_code == 202  # type: ignore[attr-defined]
        assert library.request_now(request)["copy_id"] == book.copies[1 - reserved]
        assert [library.copy_status(book.copies[n]) for n in (reserved, 1 - reserved)] == ["AVAILABLE", "RESERVED"]

    def test_another_title(self, library: Library) -> None:
        request, other = library.at_desk(library.book()), library.book(title="Flatland")
        details = refused(self.place(library, request, other.barcodes[0]), 409, "WRONG_BOOK")  # type: ignore[arg-type]
        assert details["scanned"] == other.barcodes[0]
        refused(self.place(library, request, "C-unknown"), 409, "WRONG_BOOK")  # type: ignore[arg-type]

    def test_a_copy_that_somebody_else_waits_for(self, library: Library) -> None:
        book = library.book(copies=2)
        request = library.at_desk(book)
        library.student().api.post("/requests", {"book_id": book.id, "request_location": "STUDY-2"})
        reserved = book.copies.index(request["copy_id"])
        refused(self.place(library, request, book.barcodes[1 - reserved]), 409, "WRONG_BOOK")  # type: ignore[arg-type]


class TestReturning:
    def test_by_title(self, library: Library) -> None:
        loan = library.lent(library.book())
        wish = {"book_id": loan["book_id"], "pickup_location": "STUDY-1"}
        assert data(library.reader.api.post("/returns", wish), 201)["loan_id"] == loan["id"]

    def test_a_book_that_one_does_not_have(self, library: Library) -> None:
        loan = library.lent(library.book())
        for wish in ({"book_id": library.book().id}, {"book_id": loan["book_id"]}, {"loan_id": loan["id"]}):
            answer = library.student().api.post("/returns", {**wish, "pickup_location": "STUDY-1"})
            refused(answer, 409, "NOT_BORROWED_BY_YOU")

    def test_twice(self, library: Library) -> None:
        loan = library.lent(library.book())
        library.return_asked(loan)
        answer = library.reader.api.post("/returns", {"loan_id": loan["id"], "pickup_location": "STUDY-1"})
        refused(answer, 409, "ALREADY_REQUESTED")

    def test_again_after_a_cancel(self, library: Library) -> None:
        loan = library.lent(library.book())
        wish = library.return_asked(loan)
        assert data(library.reader.api.put(f"/returns/{wish['id']}/cancel", {}))["status"] == "CANCELLED"
        library.return_asked(loan)

    def test_staff_may_cancel_it(self, library: Library) -> None:
        wish = library.return_asked(library.lent(library.book()))
        shown = data(library.librarian.api.put(f"/returns/{wish['id']}/cancel", {}))
        assert shown["closed_reason"] == "CANCELLED_BY_STAFF"

    def test_staff_may_send_for_anothers_book(self, library: Library) -> None:
        loan = library.lent(library.book())
        wish = {"loan_id": loan["id"], "pickup_location": "STUDY-1"}
        assert data(library.librarian.api.post("/returns", wish), 201)["user_id"] == str(library.reader.id)

    @pytest.mark.parametrize("wish", [{}, {"book_id": NOBODY, "loan_id": NOBODY}])
    def test_one_of_the_two_names_the_book(self, library: Library, wish: Json) -> None:
        refused(library.reader.api.post("/returns", {**wish, "pickup_location": "STUDY-1"}), 422, "VALIDATION_ERROR")

    def test_a_repeated_key(self, library: Library) -> None:
        loan, key = library.lent(library.book()), {"Idempotency-Key": "back"}
        wish = {"loan_id": loan["id"], "pickup_location": "STUDY-1"}
        first = data(library.reader.api.post("/returns", wish, headers=key), 201)
        assert data(library.reader.api.post("/returns", wish, headers=key), 201) == first


class TestLists:
    def test_students_see_their_own(self, library: Library) -> None:
        mine = library.requested(library.book())
        other = library.student()
        other.api.post("/requests", {"book_id": library.book().id, "request_location": "STUDY-1"})
        seen = data(library.reader.api.get("/requests", params={"user_id": str(other.id)}))
        assert [row["id"] for row in seen] == [mine["id"]]
        assert len(data(library.librarian.api.get("/requests"))) == 2
        of_other = data(library.librarian.api.get("/requests", params={"user_id": str(other.id)}))
        assert [row["user_id"] for row in of_other] == [str(other.id)]

    def test_filters(self, library: Library) -> None:
        request = library.approved(library.book())
        library.requested(library.book())
        reader, staff = library.reader.api, library.librarian.api
        assert [row["id"] for row in data(reader.get("/requests", params={"status": "APPROVED"}))] == [request["id"]]
        assert data(reader.get("/requests", params={"to": "2001-01-01T00:00:00Z"})) == []
        assert len(data(reader.get("/requests", params={"from": "2001-01-01T00:00:00Z"}))) == 2
        (task,) = data(staff.get("/deliveries", params={"status": "QUEUED", "task_type": "STUDENT_DELIVERY"}))
        assert task["request_id"] == request["id"]
        assert data(staff.get("/deliveries", params={"robot_id": str(library.luna1.id)})) == []
        assert len(data(staff.get("/deliveries", params={"priority": "NORMAL", "sort": "priority"}))) == 2
        refused(staff.get("/deliveries", params={"sort": "colour"}), 422, "VALIDATION_ERROR")
        refused(staff.get("/deliveries", params={"status": "LOST"}), 422, "VALIDATION_ERROR")

    def test_what_grows_all_the_time_is_read_on_with_a_cursor(self, library: Library) -> None:
        asked = [library.requested(library.book()) for _ in range(3)]
        tasks, staff = [request["task_id"] for request in asked], library.librarian.api
        first = staff.get("/deliveries", params={"limit": 2}).json()
        library.staff("cancel", {"id": tasks[0]})
        data(staff.post("/deliveries/inter-staff", {"item_description": "Keys", "source_location": "DESK-1",
                                                    "destination_location": "SHELF-1"}), 201)  # fmt: skip
        rest = staff.get("/deliveries", params={"limit": 2, "after": first["meta"]["next"]}).json()
        assert [row["id"] for row in (*first["data"], *rest["data"])] == tasks[::-1]
        assert rest["meta"]["next"] is None
        wrong = {"after": first["meta"]["next"], "sort": "priority"}
        assert "after" in refused(staff.get("/deliveries", params=wrong), 422, "VALIDATION_ERROR")["fields"]

        for path in (f"/deliveries/{tasks[0]}/history", f"/requests/{asked[0]['id']}/activity"):
            seen, after = [], {}
            for _ in range(whole := len(steps := data(staff.get(path)))):
                page = staff.get(path, params={"limit": 1, **after}).json()
                seen, after = [*seen, *page["data"]], {"after": page["meta"]["next"]}
            assert (seen, after, whole > 1) == (steps, {"after": None}, True)

    def test_loans_open_and_closed(self, library: Library) -> None:
        loan = library.lent(library.book())
        library.brought_home(loan)
        assert [row["id"] for row in library.loans(open=True)] == [loan["id"]]
        library.luna1.ends(Outcome.SUCCEEDED)
        assert library.loans(open=True) == []
        assert [row["id"] for row in library.loans(open=False)] == [loan["id"]]
        assert data(library.student().api.get("/loans")) == []

    def test_a_page_takes_few_queries_however_long_it_is(self, library: Library, queries: Callable[[], object]) -> None:
        for _ in range(4):
            library.requested(library.book())
        for path in ("/requests", "/returns", "/loans", "/deliveries"):
            with queries() as seen:  # type: ignore[attr-defined]
                assert library.librarian.api.get(path).status_code == 200
            assert len(seen) <= 3, seen


def test_a_cancel_is_audited_on_what_was_named(library: Library) -> None:
    request, other = library.at_desk(library.book()), library.requested(library.book())
    back = library.return_asked(library.handed_out(library.book()))
    for reader_cancels in (f"/requests/{request['id']}", f"/returns/{back['id']}"):
        library.reader.api.put(f"{reader_cancels}/cancel", {"reason": "Changed my mind"})
    data(library.librarian.api.put(f"/deliveries/{other['task_id']}/cancel", {}))
    trail = library.rows("SELECT resource_type, resource_id, user_id FROM audit_logs WHERE action LIKE '%.cancel'")
    assert {(row.resource_type, row.resource_id, row.user_id) for row in trail} == {
        ("request", request["id"], library.reader.id),
        ("return", back["id"], library.reader.id),
        ("delivery", other["task_id"], library.librarian.id),
    }


def test_who_did_what_is_audited(library: Library) -> None:
    request = library.at_desk(library.book())
    library.librarian.api.put(f"/deliveries/{request['task_id']}/book-placed", {})
    rows = library.rows(
        "SELECT action, user_id FROM audit_logs WHERE resource_type IN ('request', 'delivery') ORDER BY at"
    )
    assert [(row.action, row.user_id) for row in rows] == [
        ("request.create", library.reader.id),
        ("request.approve", library.librarian.id),
        ("delivery.load_confirmed", library.librarian.id),
    ]
