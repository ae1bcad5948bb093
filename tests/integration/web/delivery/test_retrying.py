"""Failed deliveries tried again, and how soon a delivery is taken."""

from functools import partial
from uuid import uuid4

import pytest

from luna_web.robot.ports import Cargo, Outcome, Phase, RobotError
from tests.integration.web.delivery.test_races import at_once, codes
from tests.integration.web.delivery.world import Book, Json, Library
from tests.integration.world import data, refused


def failed(library: Library, book: Book) -> Json:
    """The reader could not be reached; the book is at the desk again."""
    request = library.on_its_way(book)
    library.luna1.shows(Phase.TO_FALLBACK)
    library.luna1.shows(Phase.AWAITING_FALLBACK_UNLOAD)
    library.luna1.ends(Outcome.FAILED, RobotError.NAVIGATION, at_fallback=True)
    return request


class TestRetrying:
    def test_a_request_goes_on_as_a_new_task(self, library: Library) -> None:
        book = library.book()
        request = failed(library, book)
        answer = library.staff("retry", request, source_location="DESK-2")
        task = data(answer, 201)
        assert answer.headers["Location"] == f"/api/v1/deliveries/{task['id']}"
        assert (task["status"], task["retry_of"], task["source_location"]) == ("QUEUED", request["task_id"], "DESK-2")
        shown = library.request_now(request)
        assert (shown["status"], shown["needs_attention"], shown["task_id"]) == ("APPROVED", False, task["id"])
        wanted = library.luna1.claim()
        assert wanted is not None and str(wanted.task_id) == task["id"]
        library.luna1.shows(Phase.AWAITING_UNLOAD)
        library.luna1.ends(Outcome.SUCCEEDED)
        assert library.request_now(request)["status"] == "COMPLETED"
        assert library.copy_status(book.copies[0]) == "CHECKED_OUT"

    def test_once(self, library: Library) -> None:
        request = failed(library, library.book())
        first = data(library.staff("retry", request), 201)
        again = library.librarian.api.post(f"/deliveries/{request['task_id']}/retry")
        details = refused(again, 409, "ILLEGAL_TRANSITION")
        assert details["retry_id"] == first["id"]

    def test_once_however_many_ask_at_once(self, library: Library) -> None:
        request = failed(library, library.book())
        calls = [partial(library.librarian.api.post, f"/deliveries/{request['task_id']}/retry", {})] * 4
        assert codes(at_once(calls)) == {"201": 1, "ILLEGAL_TRANSITION": 3}

    def test_a_repeated_key_is_the_first_answer(self, library: Library) -> None:
        request, key = failed(library, library.book()), {"Idempotency-Key": "again"}
        path = f"/deliveries/{request['task_id']}/retry"
        first = data(library.librarian.api.post(path, {}, headers=key), 201)
        assert data(library.librarian.api.post(path, {}, headers=key), 201) == first

    def test_a_copy_that_is_missing_is_replaced_by_another(self, library: Library) -> None:
        book = library.book(copies=2)
        request = library.on_its_way(book)
        library.luna1.shows(Phase.AWAITING_RECOVERY, cargo=Cargo.PRESENT)
        library.luna1.ends(Outcome.FAILED, RobotError.ABANDONED, cargo=Cargo.PRESENT)
        missing = library.task_now(request)["copy_id"]
        task = data(library.staff("retry", request), 201)
        assert task["copy_id"] != missing and library.copy_status(task["copy_id"]) == "RESERVED"
        assert library.copy_status(missing) == "UNAVAILABLE"

    def test_without_another_the_title_is_out(self, library: Library) -> None:
        request = library.stuck(library.book())
        library.staff("recover", request, outcome="LOST")
        refused(library.staff("retry", request), 409, "BOOK_NOT_AVAILABLE")

    @pytest.mark.parametrize("ended", [False, True])
    def test_only_what_failed_and_is_open_still(self, library: Library, ended: bool) -> None:
        request = failed(library, library.book()) if ended else library.approved(library.book())
        if ended:
            library.reader.api.put(f"/requests/{request['id']}/cancel", {})
        refused(library.staff("retry", request), 409, "ILLEGAL_TRANSITION")

    def test_a_return_is_fetched_again_by_a_new_one(self, library: Library) -> None:
        loan = library.lent(library.book())
        wish = library.collecting(loan)
        library.staff("priority", wish, priority="HIGH")
        library.luna1.ends(Outcome.FAILED, RobotError.NOT_LOADED)
        library.luna1.claim()
        library.luna1.shows(Phase.AWAITING_LOAD)
        library.luna1.ends(Outcome.FAILED, RobotError.NOT_LOADED)
        assert library.return_now(wish)["status"] == "CANCELLED"
        task = data(library.staff("retry", wish), 201)
        assert (task["retry_of"], task["source_location"]) == (wish["task_id"], "STUDY-2")
        assert task["priority"] == "HIGH"
        assert task["return_id"] != wish["id"]

    def test_a_staff_delivery(self, library: Library) -> None:
        book = library.book()
        task = library.sent("transfer", copy_id=book.copies[0], notes="Mind the spine", priority="HIGH")
        library.luna1.claim()
        library.luna1.shows(Phase.TO_DROPOFF)
        library.luna1.shows(Phase.AWAITING_RECOVERY, cargo=Cargo.PRESENT)
        library.staff("recover", task, outcome="AT_DESK", location_code="STUDY-1")
        assert library.copy_status(book.copies[0]) == "AVAILABLE"
        again = data(library.staff("retry", task), 201)
        assert (again["source_location"], again["notes"], again["priority"]) == ("STUDY-1", "Mind the spine", "HIGH")
        assert library.copy_status(book.copies[0]) == "RESERVED"

    def test_an_unknown_one(self, library: Library) -> None:
        refused(library.librarian.api.post(f"/deliveries/{uuid4()}/retry", {}), 404, "NOT_FOUND")


class TestPriority:
    def test_the_urgent_one_is_taken_first(self, library: Library) -> None:
        first, second = library.approved(library.book()), library.approved(library.book())
        shown = data(library.staff("priority", second, priority="URGENT"))
        assert (shown["priority"], library.request_now(second)["priority"]) == ("URGENT", "URGENT")
        claimed = [robot.claim() for robot in (library.luna1, library.robot())]
        assert [str(wanted.task_id) for wanted in claimed if wanted] == [second["task_id"], first["task_id"]]

    def test_the_same_again_changes_nothing(self, library: Library) -> None:
        request = library.approved(library.book())
        version = library.task_now(request)["version"]
        assert data(library.staff("priority", request, priority="NORMAL"))["version"] == version

    def test_what_is_over_stays_as_it_was(self, library: Library) -> None:
        request = library.approved(library.book())
        library.staff("cancel", request)
        refused(library.staff("priority", request, priority="HIGH"), 409, "ILLEGAL_TRANSITION")
        assert library.staff("priority", request, priority="NORMAL").status_code == 200

    def test_it_is_audited_and_told(self, library: Library) -> None:
        request = library.approved(library.book())
        library.staff("priority", request, priority="LOW")
        changes = library.one("SELECT changes FROM audit_logs WHERE action = 'delivery.priority'")
        assert changes == {"from": "NORMAL", "to": "LOW"}
        told = "SELECT count(*) FROM outbox WHERE event_type = 'delivery.task.priority_changed'"
        assert library.one(told) == 1
