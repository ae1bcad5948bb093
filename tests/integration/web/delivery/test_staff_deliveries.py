"""Things that staff send each other, and what becomes of the copies among them."""

from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from luna_web.robot.ports import Outcome, Phase
from luna_web.shared.principal import Role
from tests.integration.web.delivery.test_races import at_once, codes
from tests.integration.web.delivery.world import Json, Library
from tests.integration.world import data, refused

KINDS = ["inter-staff", "workstation", "transfer"]
PLACES = {"source_location": "DESK-1", "destination_location": "SHELF-1"}


def copy_now(library: Library, copy_id: str) -> tuple[str, str | None, str | None]:
    return tuple(library.one("SELECT status, status_reason, shelf_location FROM copies WHERE id = :id", id=copy_id))  # type: ignore[return-value]


def carried(library: Library, task: Json) -> Json:
    """The robot takes it there, and somebody takes it off."""
    assert library.luna1.claim() is not None
    for phase in (Phase.TO_PICKUP, Phase.AWAITING_LOAD):
        library.luna1.shows(phase)
    library.staff("book-placed", task)
    library.luna1.shows(Phase.TO_DROPOFF)
    library.luna1.shows(Phase.AWAITING_UNLOAD)
    library.staff("complete", task)
    library.luna1.ends(Outcome.SUCCEEDED)
    return library.task_now(task)


class TestSending:
    @pytest.mark.parametrize(
        ("kind", "after"),
        [
            ("inter-staff", ("AVAILABLE", None, "QA76 .R63")),
            ("workstation", ("UNAVAILABLE", "IN_PROCESS", "QA76 .R63")),
            ("transfer", ("AVAILABLE", None, "SHELF-1")),
        ],
    )
    def test_a_copy_arrives(self, library: Library, kind: str, after: Any) -> None:
        book = library.book()
        task = library.sent(kind, copy_id=book.copies[0], notes="Spine first")
        assert (task["status"], task["notes"], task["fallback"]["waypoint"]) == ("QUEUED", "Spine first", "DESK-1")
        assert task["item_description"] == "On growth and form" and library.copy_status(book.copies[0]) == "RESERVED"
        done = carried(library, task)
        assert (done["status"], copy_now(library, book.copies[0])) == ("COMPLETED", after)
        rows = data(library.librarian.api.get(f"/deliveries/{task['id']}/history"))
        assert [row["to_status"] for row in rows][:2] == ["QUEUED", "ASSIGNED"]

    def test_a_copy_off_the_shelf_is_afterwards_what_it_was(self, library: Library) -> None:
        book = library.book()
        library.rows(
            "UPDATE copies SET status = 'UNAVAILABLE', status_reason = 'DAMAGED' WHERE id = :id RETURNING id",
            id=book.copies[0],
        )
        task = library.sent("inter-staff", barcode=book.barcodes[0])
        assert library.copy_status(book.copies[0]) == "UNAVAILABLE"
        carried(library, task)
        assert copy_now(library, book.copies[0])[:2] == ("UNAVAILABLE", "DAMAGED")

    def test_something_that_is_no_copy(self, library: Library) -> None:
        done = carried(library, library.sent("inter-staff", item_description="A box of labels"))
        assert (done["status"], done["copy_id"], done["item_description"]) == ("COMPLETED", None, "A box of labels")

    def test_the_recipient_is_one_of_the_staff(self, library: Library) -> None:
        colleague = library.people.make(Role.LIBRARIAN)
        task = library.sent("inter-staff", item_description="Keys", recipient_id=str(colleague.id), priority="URGENT")
        assert (task["recipient_id"], task["priority"]) == (str(colleague.id), "URGENT")
        for nobody in (str(library.reader.id), str(uuid4())):
            wish = {**PLACES, "item_description": "Keys", "recipient_id": nobody}
            fields = refused(library.librarian.api.post("/deliveries/inter-staff", wish), 422, "VALIDATION_ERROR")
            assert list(fields["fields"]) == ["recipient_id"]

    def test_a_repeated_key_sends_once(self, library: Library) -> None:
        wish, key = {**PLACES, "copy_id": library.book().copies[0]}, {"Idempotency-Key": "once"}
        first = library.librarian.api.post("/deliveries/transfer", wish, headers=key)
        again = library.librarian.api.post("/deliveries/transfer", wish, headers=key)
        assert data(first, 201) == data(again, 201)
        assert library.one("SELECT count(*) FROM delivery_tasks") == 1
        assert first.headers["Location"] == f"/api/v1/deliveries/{data(first, 201)['id']}"

    def test_it_is_audited(self, library: Library) -> None:
        task = library.sent("transfer", copy_id=library.book().copies[0])
        row = library.one("SELECT user_id, changes FROM audit_logs WHERE action = 'delivery.create'")
        assert row[0] == library.librarian.id and row[1]["to"] == "SHELF-1" and task["created_by"] == str(row[0])


class TestRefusing:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(
        ("wish", "status", "code"),
        [
            ({}, 422, "VALIDATION_ERROR"),
            ({"item_description": "x", "copy_id": str(uuid4())}, 422, "VALIDATION_ERROR"),
            ({"item_description": "x", "destination_location": "DESK-1"}, 422, "VALIDATION_ERROR"),
            ({"item_description": "x", "destination_location": "DOCK-1"}, 422, "UNKNOWN_LOCATION"),
            ({"item_description": "x", "source_location": "nowhere"}, 422, "UNKNOWN_LOCATION"),
            ({"copy_id": str(uuid4())}, 404, "NOT_FOUND"),
            ({"barcode": "nothing-has-this"}, 404, "NOT_FOUND"),
        ],
    )
    def test_what_cannot_be_sent(self, library: Library, kind: str, wish: Json, status: int, code: str) -> None:
        refused(library.librarian.api.post(f"/deliveries/{kind}", {**PLACES, **wish}), status, code)

    def test_a_place_that_is_nearly_right(self, library: Library) -> None:
        wish = {**PLACES, "item_description": "x", "destination_location": "SHELV-1"}
        details = refused(library.librarian.api.post("/deliveries/transfer", wish), 422, "UNKNOWN_LOCATION")
        assert "SHELF-1" in details["suggestions"]

    def test_a_copy_that_somebody_has_or_waits_for(self, library: Library) -> None:
        lent, asked, sent = library.book(), library.book(), library.book()
        library.lent(lent)
        library.requested(asked)
        library.sent("transfer", copy_id=sent.copies[0])
        for book in (lent, asked, sent):
            answer = library.librarian.api.post("/deliveries/transfer", {**PLACES, "copy_id": book.copies[0]})
            assert refused(answer, 409, "BOOK_IN_USE")["barcodes"] == [book.barcodes[0]]

    def test_a_copy_that_travels_is_nobodys_to_ask_for(self, library: Library) -> None:
        book = library.book()
        library.sent("inter-staff", copy_id=book.copies[0])
        answer = library.reader.api.post("/requests", {"book_id": book.id, "request_location": "STUDY-1"})
        refused(answer, 409, "BOOK_NOT_AVAILABLE")

    def test_two_who_send_one_copy_at_once(self, library: Library) -> None:
        wish = {**PLACES, "copy_id": library.book().copies[0]}
        calls = [partial(library.librarian.api.post, f"/deliveries/{kind}", wish) for kind in (*KINDS, "transfer")]
        assert codes(at_once(calls)) == {"201": 1, "BOOK_IN_USE": 3}

    def test_another_copy_than_the_one_meant(self, library: Library) -> None:
        book = library.book(copies=2)
        task = library.sent("transfer", copy_id=book.copies[0])
        library.luna1.claim()
        library.luna1.shows(Phase.AWAITING_LOAD)
        refused(library.staff("book-placed", task, barcode=book.barcodes[1]), 409, "WRONG_BOOK")


class TestEndingOtherwise:
    def test_cancelled_before_a_robot_has_it(self, library: Library) -> None:
        book = library.book()
        task = library.sent("workstation", copy_id=book.copies[0])
        assert data(library.staff("cancel", task))["status"] == "CANCELLED"
        assert copy_now(library, book.copies[0])[:2] == ("AVAILABLE", None)

    def test_cancelled_with_it_on_board_it_comes_back(self, library: Library) -> None:
        book = library.book()
        task = library.sent("workstation", copy_id=book.copies[0])
        library.luna1.claim()
        library.luna1.shows(Phase.TO_DROPOFF)
        assert library.copy_status(book.copies[0]) == "ON_ROBOT"
        assert library.staff("cancel", task).status_code == 202
        library.luna1.shows(Phase.TO_FALLBACK)
        library.luna1.shows(Phase.AWAITING_FALLBACK_UNLOAD)
        library.staff("complete", task, cargo_present=True)
        library.luna1.ends(Outcome.CANCELLED, at_fallback=True)
        assert library.task_now(task)["status"] == "CANCELLED"
        assert copy_now(library, book.copies[0])[:2] == ("AVAILABLE", None)

    def test_nothing_on_board_when_it_arrives(self, library: Library) -> None:
        book = library.book()
        task = library.sent("transfer", copy_id=book.copies[0])
        library.luna1.claim()
        library.luna1.shows(Phase.AWAITING_UNLOAD)
        library.staff("complete", task, cargo_present=False)
        library.luna1.ends(Outcome.SUCCEEDED)
        assert (library.task_now(task)["status"], library.task_now(task)["reason"]) == ("FAILED", "NOT_ON_BOARD")
        assert copy_now(library, book.copies[0])[:2] == ("UNAVAILABLE", "MISSING")
