"""The queue for a title: who waits, whose turn it is, and where copies go that come back."""

from uuid import uuid4

from luna_web.robot.ports import Outcome
from luna_web.shared.principal import Role
from tests.integration.web.delivery.world import Book, Json, Library
from tests.integration.world import Person, data, refused


def out(library: Library, copies: int = 1) -> Book:
    """A title whose copies are all lent to others."""
    book = library.book(copies=copies)
    for copy in range(copies):
        library.handed_out(book, to=library.student(), copy=copy)
    return book


def queue(library: Library, book: Book, length: int) -> list[tuple[Person, Json]]:
    readers = [library.student() for _ in range(length)]
    return [(reader, library.waiting(book, reader)) for reader in readers]


def standing(library: Library, waiting: list[tuple[Person, Json]]) -> list[tuple[str, int | None]]:
    now = [library.hold_now(hold) for _, hold in waiting]
    return [(hold["status"], hold["position"]) for hold in now]


class TestQueue:
    def test_places_are_told_and_move_up(self, library: Library) -> None:
        book = out(library)
        waiting = queue(library, book, 3)
        assert standing(library, waiting) == [("WAITING", 1), ("WAITING", 2), ("WAITING", 3)]
        first, hold = waiting[0]
        assert data(first.api.delete(f"/holds/{hold['id']}"))["status"] == "CANCELLED"
        assert standing(library, waiting) == [("CANCELLED", None), ("WAITING", 1), ("WAITING", 2)]

    def test_one_place_for_each_reader_and_title(self, library: Library) -> None:
        book = out(library)
        hold = library.waiting(book)
        details = refused(library.reader.api.post("/holds", {"book_id": book.id}), 409, "ALREADY_REQUESTED")
        assert details["hold_id"] == hold["id"]

    def test_not_for_what_one_has_or_has_asked_for(self, library: Library) -> None:
        lent, asked = library.book(), library.book()
        loan, request = library.handed_out(lent), library.requested(asked)
        details = refused(library.reader.api.post("/holds", {"book_id": lent.id}), 409, "ALREADY_REQUESTED")
        assert details == {"loan_id": loan["id"]}
        details = refused(library.reader.api.post("/holds", {"book_id": asked.id}), 409, "ALREADY_REQUESTED")
        assert details == {"request_id": request["id"]}
        refused(library.reader.api.post("/holds", {"book_id": str(uuid4())}), 404, "NOT_FOUND")

    def test_staff_place_them_for_readers_and_nobody_else_does(self, library: Library) -> None:
        book, other = out(library), library.student()
        wish = {"book_id": book.id, "user_id": str(other.id)}
        refused(library.reader.api.post("/holds", wish), 403, "FORBIDDEN")
        assert data(library.librarian.api.post("/holds", wish), 201)["user_id"] == str(other.id)
        gone = library.people.make(Role.STUDENT, is_active=False)
        refused(library.librarian.api.post("/holds", {**wish, "user_id": str(gone.id)}), 422, "VALIDATION_ERROR")

    def test_there_is_a_limit(self, library: Library) -> None:
        for _ in range(10):
            library.waiting(library.book(copies=0))
        answer = library.reader.api.post("/holds", {"book_id": library.book(copies=0).id})
        assert refused(answer, 409, "LIMIT_REACHED")["limit"] == 10

    def test_cancelling_twice_is_once_and_what_was_fulfilled_stays(self, library: Library) -> None:
        book = library.book(copies=0)
        hold = library.waiting(book)
        versions = [data(library.reader.api.delete(f"/holds/{hold['id']}"))["version"] for _ in range(2)]
        assert versions == [2, 2]
        free = library.book()
        taken = library.waiting(free)
        library.requested(free)
        refused(library.reader.api.delete(f"/holds/{taken['id']}"), 409, "ILLEGAL_TRANSITION")

    def test_availability_counts_who_waits(self, library: Library) -> None:
        book = out(library)
        queue(library, book, 2)
        assert data(library.reader.api.get(f"/books/{book.id}/availability"))["queue_length"] == 2

    def test_lists_are_filtered(self, library: Library) -> None:
        book = out(library)
        waiting = queue(library, book, 2)
        library.librarian.api.delete(f"/holds/{waiting[0][1]['id']}")
        staff = library.librarian.api
        assert [row["id"] for row in data(staff.get("/holds", params={"open": True}))] == [waiting[1][1]["id"]]
        assert [row["position"] for row in data(staff.get("/holds", params={"status": "WAITING"}))] == [1]
        assert len(data(staff.get("/holds", params={"book_id": book.id}))) == 2
        assert data(library.reader.api.get("/holds")) == []


class TestOffers:
    def test_a_copy_that_is_checked_in_is_kept_for_the_first(self, library: Library) -> None:
        book = out(library)
        waiting = queue(library, book, 2)
        told = library.checked_in(book)
        assert told["kept_for"]["id"] == waiting[0][1]["id"]
        assert told["copy"]["status"] == "RESERVED"
        assert standing(library, waiting) == [("OFFERED", None), ("WAITING", 1)]
        shown = data(waiting[0][0].api.get(f"/holds/{waiting[0][1]['id']}"))
        assert shown["copy_id"] == book.copies[0]
        assert shown["offered_until"] > shown["placed_at"]

    def test_a_copy_that_a_robot_brings_back(self, library: Library) -> None:
        book = library.book()
        loan = library.lent(book)
        waiting = queue(library, book, 1)
        wish = library.brought_home(loan)
        library.librarian.api.put(f"/deliveries/{wish['task_id']}/complete", {})
        library.luna1.ends(Outcome.SUCCEEDED)
        assert standing(library, waiting) == [("OFFERED", None)]
        assert library.copy_status(book.copies[0]) == "RESERVED"

    def test_the_copy_of_a_request_that_is_cancelled(self, library: Library) -> None:
        book = library.book()
        request = library.requested(book)
        waiting = queue(library, book, 1)
        data(library.reader.api.put(f"/requests/{request['id']}/cancel", {}))
        assert standing(library, waiting) == [("OFFERED", None)]

    def test_a_free_copy_is_kept_at_once(self, library: Library) -> None:
        book = library.book()
        hold = library.waiting(book)
        assert (hold["status"], hold["position"], hold["copy_id"]) == ("OFFERED", None, book.copies[0])

    def test_it_is_taken_by_a_request(self, library: Library) -> None:
        book = out(library)
        (reader, hold), *_ = waiting = queue(library, book, 2)
        library.checked_in(book)
        wish = {"book_id": book.id, "request_location": "STUDY-1"}
        refused(waiting[1][0].api.post("/requests", wish), 409, "BOOK_NOT_AVAILABLE")
        refused(library.reader.api.post("/requests", wish), 409, "BOOK_NOT_AVAILABLE")
        request = data(reader.api.post("/requests", wish), 201)
        assert request["copy_id"] == book.copies[0]
        assert library.hold_now(hold)["status"] == "FULFILLED"

    def test_it_is_taken_at_the_desk(self, library: Library) -> None:
        book = out(library)
        (reader, hold), *_ = queue(library, book, 1)
        library.checked_in(book)
        wish = {"user_id": str(library.reader.id), "barcode": book.barcodes[0]}
        details = refused(library.librarian.api.post("/loans", wish), 409, "BOOK_NOT_AVAILABLE")
        assert details["why"] == "KEPT_FOR_ANOTHER"
        library.handed_out(book, to=reader)
        assert library.hold_now(hold)["status"] == "FULFILLED"
        assert library.copy_status(book.copies[0]) == "CHECKED_OUT"

    def test_whoever_takes_another_copy_leaves_theirs_to_the_next(self, library: Library) -> None:
        book = out(library, copies=2)
        (reader, _), *_ = waiting = queue(library, book, 1)
        library.checked_in(book, copy=0)
        library.checked_in(book, copy=1)
        late = (library.student(), library.waiting(book))
        assert standing(library, [*waiting, late]) == [("OFFERED", None), ("OFFERED", None)]
        library.librarian.api.delete(f"/holds/{late[1]['id']}")
        library.handed_out(book, to=reader, copy=1)
        assert [library.copy_status(copy) for copy in book.copies] == ["AVAILABLE", "CHECKED_OUT"]

    def test_a_reader_who_cancels_leaves_it_to_the_next(self, library: Library) -> None:
        book = out(library)
        waiting = queue(library, book, 2)
        library.checked_in(book)
        data(waiting[0][0].api.delete(f"/holds/{waiting[0][1]['id']}"))
        assert standing(library, waiting) == [("CANCELLED", None), ("OFFERED", None)]

    def test_a_new_copy_on_the_shelf_is_not_snatched_from_who_waits(self, library: Library) -> None:
        """It is offered when somebody asks, if not before."""
        book = out(library)
        waiting = queue(library, book, 1)
        data(library.librarian.api.post(f"/books/{book.id}/copies", {}), 201)
        wish = {"book_id": book.id, "request_location": "STUDY-1"}
        answer = library.reader.api.post("/requests", {**wish, "hold_if_unavailable": True})
        assert data(answer, 202)["position"] == 1
        assert standing(library, waiting) == [("OFFERED", None)]

    def test_a_copy_that_is_kept_cannot_be_deleted(self, library: Library) -> None:
        book = out(library)
        queue(library, book, 1)
        library.checked_in(book)
        refused(library.librarian.api.delete(f"/books/{book.id}/copies/{book.copies[0]}"), 409, "BOOK_IN_USE")

    def test_the_offer_of_somebody_whose_account_is_closed_goes_to_the_next(
        self, library: Library
    ) -> None:
        book, admin = out(library), library.people.make(Role.ADMIN)
        waiting = queue(library, book, 2)
        library.checked_in(book)
        other = library.waiting(library.book(copies=0), waiting[0][0])
        data(admin.api.delete(f"/auth/users/{waiting[0][0].id}"))
        assert standing(library, waiting) == [("CANCELLED", None), ("OFFERED", None)]
        assert library.hold_now(other)["closed_reason"] == "USER_DEACTIVATED"


class TestHoldIfUnavailable:
    def test_a_request_for_what_is_out_becomes_a_place_in_the_queue(self, library: Library) -> None:
        book = out(library)
        wish = {"book_id": book.id, "request_location": "STUDY-1", "hold_if_unavailable": True}
        headers = {"Idempotency-Key": "once"}
        answer = library.reader.api.post("/requests", wish, headers=headers)
        hold = data(answer, 202)
        assert answer.headers["Location"] == f"/api/v1/holds/{hold['id']}"
        assert (hold["status"], hold["position"]) == ("WAITING", 1)
        assert data(library.reader.api.post("/requests", wish, headers=headers), 202)["id"] == hold["id"]
        assert data(library.reader.api.post("/requests", wish), 202)["id"] == hold["id"]
        assert library.one("SELECT count(*) FROM book_requests") == 0

    def test_a_free_copy_is_requested(self, library: Library) -> None:
        wish = {"book_id": library.book().id, "request_location": "STUDY-1", "hold_if_unavailable": True}
        assert data(library.reader.api.post("/requests", wish), 201)["status"] == "PENDING"
