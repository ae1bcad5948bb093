"""Loans and the desk: books that are handed out, renewed, taken back, lost and found again."""

from datetime import timedelta
from uuid import uuid4

import pytest

from luna_web.robot.ports import Cargo, Outcome, Phase, RobotError
from luna_web.shared.principal import Role
from tests.integration.web.delivery.world import Json, Library
from tests.integration.world import data, refused


def move_due(library: Library, loan: Json, days: float) -> None:
    """The loan is due so many days from now (before now if negative)."""
    library.execute(
        "UPDATE loans SET due_at = now() + :days, opened_at = now() - interval '60 days' WHERE id = :id",
        days=timedelta(days=days),
        id=loan["id"],
    )


class TestCheckout:
    def test_a_free_copy_is_lent_to_whom_the_desk_names(self, library: Library) -> None:
        book = library.book()
        loan = library.handed_out(book)
        assert (loan["status"], loan["overdue"], loan["opened_how"]) == ("OPEN", False, "DESK")
        assert loan["user_id"] == str(library.reader.id)
        assert library.status_of(book.copies[0]) == ("CHECKED_OUT", None)
        assert [row["id"] for row in library.loans(open=True)] == [loan["id"]]

    def test_a_reader_can_be_named_by_email(self, library: Library) -> None:
        wish = {"email": library.reader.email.upper(), "barcode": library.book().barcodes[0]}
        assert data(library.librarian.api.post("/loans", wish), 201)["user_id"] == str(library.reader.id)

    def test_what_is_wrong_is_named(self, library: Library) -> None:
        book, staff = library.book(), library.librarian.api
        wish = {"user_id": str(library.reader.id), "barcode": book.barcodes[0]}
        refused(staff.post("/loans", {**wish, "user_id": str(uuid4())}), 404, "NOT_FOUND")
        refused(staff.post("/loans", {**wish, "barcode": "NOSUCH"}), 404, "NOT_FOUND")
        refused(staff.post("/loans", {"barcode": "X"}), 422, "VALIDATION_ERROR")
        refused(staff.post("/loans", {**wish, "email": "a@example.org"}), 422, "VALIDATION_ERROR")
        gone = library.people.make(Role.STUDENT, is_active=False)
        told = refused(staff.post("/loans", {**wish, "user_id": str(gone.id)}), 422, "VALIDATION_ERROR")
        assert told["fields"] == {"user_id": ["this account is closed"]}

    @pytest.mark.parametrize(
        ("status", "reason", "why"),
        [
            ("CHECKED_OUT", None, "LENT"),
            ("ON_ROBOT", None, "ON_ROBOT"),
            ("RESERVED", None, "KEPT_FOR_ANOTHER"),
            ("UNAVAILABLE", "LOST", "OUT_OF_CIRCULATION"),
        ],
    )
    def test_a_copy_that_is_not_free_is_refused_with_why(
        self, library: Library, status: str, reason: str | None, why: str
    ) -> None:
        book = library.book()
        library.execute("UPDATE copies SET status = :status, status_reason = :reason", status=status, reason=reason)
        wish = {"user_id": str(library.reader.id), "barcode": book.barcodes[0]}
        details = refused(library.librarian.api.post("/loans", wish), 409, "BOOK_NOT_AVAILABLE")
        assert (details["why"], details["current_status"]) == (why, status)

    def test_the_limit_of_loans_holds_unless_staff_say_why_not(self, library: Library) -> None:
        for _ in range(10):
            library.handed_out(library.book())
        book = library.book()
        wish = {"user_id": str(library.reader.id), "barcode": book.barcodes[0]}
        assert refused(library.librarian.api.post("/loans", wish), 409, "LIMIT_REACHED")["limit"] == 10
        library.handed_out(book, override_reason="Writes a thesis")
        told = library.one("SELECT changes->>'override_reason' FROM audit_logs WHERE action = 'loan.checkout'"
                           " AND changes->>'barcode' = :barcode", barcode=book.barcodes[0])  # fmt: skip
        assert told == "Writes a thesis"

    @pytest.mark.parametrize("accepted", [False, True])
    def test_a_reader_fetches_what_they_asked_for(self, library: Library, accepted: bool) -> None:
        book = library.book()
        request = library.approved(book) if accepted else library.requested(book)
        loan = library.handed_out(book)
        shown, task = library.request_now(request), library.task_now(request)
        assert (shown["status"], shown["closed_reason"]) == ("COMPLETED", "COLLECTED_AT_DESK")
        assert (task["status"], task["reason"]) == ("CANCELLED", "COLLECTED_AT_DESK")
        assert loan["request_id"] == request["id"]
        assert library.luna1.claim() is None

    def test_another_copy_of_what_they_asked_for_does_as_well(self, library: Library) -> None:
        book = library.book(copies=2)
        library.approved(book)
        library.handed_out(book, copy=1)
        assert [library.copy_status(copy) for copy in book.copies] == ["AVAILABLE", "CHECKED_OUT"]

    def test_not_while_a_robot_is_under_way_with_it(self, library: Library) -> None:
        book = library.book()
        request = library.setting_off(book)
        wish = {"user_id": str(library.reader.id), "barcode": book.barcodes[0]}
        details = refused(library.librarian.api.post("/loans", wish), 409, "BOOK_NOT_AVAILABLE")
        assert (details["why"], details["task_id"]) == ("ON_ROBOT", request["task_id"])
        assert library.request_now(request)["status"] == "APPROVED"

    def test_a_delivery_that_failed_is_made_good_at_the_desk(self, library: Library) -> None:
        book = library.book()
        request = library.setting_off(book)
        library.luna1.ends(Outcome.FAILED, RobotError.ABANDONED)
        assert library.request_now(request)["needs_attention"]
        library.handed_out(book)
        shown = library.request_now(request)
        assert (shown["status"], shown["needs_attention"]) == ("COMPLETED", False)

    def test_what_is_kept_for_another_is_not_lent(self, library: Library) -> None:
        book = library.book()
        library.requested(book)
        wish = {"user_id": str(library.student().id), "barcode": book.barcodes[0]}
        details = refused(library.librarian.api.post("/loans", wish), 409, "BOOK_NOT_AVAILABLE")
        assert details["why"] == "KEPT_FOR_ANOTHER"

    def test_a_key_makes_it_safe_to_repeat(self, library: Library) -> None:
        wish = {"user_id": str(library.reader.id), "barcode": library.book().barcodes[0]}
        answers = [library.librarian.api.post("/loans", wish, headers={"Idempotency-Key": "k1"}) for _ in range(2)]
        assert data(answers[0], 201) == data(answers[1], 201)


class TestCheckin:
    def test_by_barcode_alone(self, library: Library) -> None:
        book = library.book()
        loan = library.handed_out(book)
        told = library.checked_in(book)
        assert (told["outcome"], told["loan"]["id"], told["kept_for"]) == ("RETURNED", loan["id"], None)
        assert (told["copy"]["status"], told["copy"]["barcode"]) == ("AVAILABLE", book.barcodes[0])
        shown = library.loan_now(loan)
        assert (shown["status"], shown["closed_how"]) == ("RETURNED", "CHECKIN")

    def test_twice_is_once(self, library: Library) -> None:
        book = library.book()
        loan = library.handed_out(book)
        library.checked_in(book)
        assert library.checked_in(book)["outcome"] == "NOTHING"
        told = data(library.librarian.api.put(f"/loans/{loan['id']}/checkin", {}))
        assert (told["outcome"], told["loan"]["status"]) == ("NOTHING", "RETURNED")
        assert library.loan_now(loan)["version"] == 2

    def test_by_the_loan(self, library: Library) -> None:
        book = library.book()
        loan = library.handed_out(book)
        told = data(library.librarian.api.put(f"/loans/{loan['id']}/checkin"))
        assert (told["outcome"], told["loan"]["status"]) == ("RETURNED", "RETURNED")
        refused(library.librarian.api.put(f"/loans/{uuid4()}/checkin"), 404, "NOT_FOUND")
        refused(library.librarian.api.post("/loans/checkin", {"barcode": "NOSUCH"}), 404, "NOT_FOUND")

    def test_an_old_loan_does_not_end_that_of_the_next_reader(self, library: Library) -> None:
        book, other = library.book(), library.student()
        old = library.handed_out(book)
        library.checked_in(book)
        new = library.handed_out(book, to=other)
        data(library.librarian.api.put(f"/loans/{old['id']}/checkin"))
        assert library.loan_now(new)["status"] == "OPEN"

    def test_a_damaged_copy_is_not_lent_on(self, library: Library) -> None:
        book, next_reader = library.book(), library.student()
        library.handed_out(book)
        hold = library.waiting(book, next_reader)
        library.checked_in(book, damaged=True, notes="Coffee")
        assert library.status_of(book.copies[0]) == ("UNAVAILABLE", "DAMAGED")
        assert library.hold_now(hold)["status"] == "WAITING"
        told = library.checked_in(book)
        assert (told["outcome"], told["kept_for"]["user_id"]) == ("FOUND", str(next_reader.id))

    def test_a_copy_that_is_kept_turns_out_damaged_and_the_reader_keeps_their_place(self, library: Library) -> None:
        book, others = library.book(), [library.student(), library.student()]
        library.handed_out(book)
        holds = [library.waiting(book, other) for other in others]
        library.checked_in(book)
        library.checked_in(book, damaged=True)
        assert [library.hold_now(hold)["position"] for hold in holds] == [1, 2]
        assert library.status_of(book.copies[0]) == ("UNAVAILABLE", "DAMAGED")

    def test_a_return_that_no_robot_has_begun_ends_with_it(self, library: Library) -> None:
        book = library.book()
        wish = library.return_asked(library.handed_out(book))
        assert library.checked_in(book)["outcome"] == "RETURNED"
        shown = library.return_now(wish)
        assert (shown["status"], shown["closed_reason"]) == ("CANCELLED", "CHECKED_IN")
        assert library.copy_status(book.copies[0]) == "AVAILABLE"
        assert library.luna1.claim() is None

    def test_a_robot_that_comes_for_it_is_called_off(self, library: Library) -> None:
        book, next_reader = library.book(), library.student()
        loan = library.handed_out(book)
        wish = library.collecting(loan)
        hold = library.waiting(book, next_reader)
        told = library.checked_in(book)
        assert (told["outcome"], told["loan"]["status"]) == ("CALLED_OFF", "RETURNED")
        assert library.copy_status(book.copies[0]) == "RESERVED"
        assert library.hold_now(hold)["status"] == "WAITING"
        assert library.luna1.wanted().cancel is not None  # type: ignore[union-attr]
        assert library.checked_in(book)["outcome"] == "NOTHING"

        library.luna1.shows(Phase.CLEARING)
        library.luna1.ends(Outcome.CANCELLED)
        assert library.return_now(wish)["status"] == "CANCELLED"
        assert library.hold_now(hold)["status"] == "OFFERED"

    def test_not_when_the_reader_has_just_laid_it_on_the_robot(self, library: Library) -> None:
        book = library.book()
        wish = library.collecting(library.handed_out(book))
        library.reader.api.put(f"/returns/{wish['id']}/picked-up", {})
        refused(library.librarian.api.post("/loans/checkin", {"barcode": book.barcodes[0]}), 409, "HANDOVER_PENDING")

    def test_not_while_it_is_on_a_robot(self, library: Library) -> None:
        book = library.book()
        wish = library.brought_home(library.handed_out(book))
        scanned = {"barcode": book.barcodes[0]}
        details = refused(library.librarian.api.post("/loans/checkin", scanned), 409, "BOOK_IN_USE")
        assert (details["task_id"], details["phase"]) == (wish["task_id"], "AWAITING_UNLOAD")

    def test_one_that_a_robot_lost_on_the_way_back_is_found(self, library: Library) -> None:
        book = library.book()
        loan = library.handed_out(book)
        library.brought_home(loan)
        library.luna1.ends(Outcome.FAILED, RobotError.ABANDONED, cargo=Cargo.PRESENT)
        assert library.status_of(book.copies[0]) == ("UNAVAILABLE", "MISSING")
        assert library.checked_in(book)["outcome"] == "RETURNED"
        assert library.loan_now(loan)["status"] == "RETURNED"

    def test_what_is_missing_for_a_request_goes_on_to_it(self, library: Library) -> None:
        book = library.book()
        request = library.at_reader(book)
        library.luna1.ends(Outcome.FAILED, RobotError.ABANDONED, cargo=Cargo.PRESENT)
        assert library.status_of(book.copies[0]) == ("UNAVAILABLE", "MISSING")
        assert library.checked_in(book)["outcome"] == "FOUND"
        assert library.copy_status(book.copies[0]) == "RESERVED"
        refused(
            library.librarian.api.post("/loans/checkin", {"barcode": book.barcodes[0], "damaged": True}),
            409,
            "BOOK_IN_USE",
        )
        assert library.request_now(request)["needs_attention"]

    def test_a_withdrawn_copy_stays_withdrawn(self, library: Library) -> None:
        book = library.book()
        change = {"status": "UNAVAILABLE", "status_reason": "WITHDRAWN"}
        data(library.librarian.api.put(f"/books/{book.id}/copies/{book.copies[0]}", change))
        refused(library.librarian.api.post("/loans/checkin", {"barcode": book.barcodes[0]}), 409, "ILLEGAL_TRANSITION")


class TestLost:
    def test_the_loan_ends_flagged_and_the_copy_is_lost(self, library: Library) -> None:
        book = library.book()
        loan = library.handed_out(book)
        for _ in range(2):
            shown = data(library.librarian.api.put(f"/loans/{loan['id']}/lost", {"notes": "On a train"}))
        assert (shown["status"], shown["flagged"], shown["version"]) == ("LOST", True, 2)
        assert library.status_of(book.copies[0]) == ("UNAVAILABLE", "LOST")
        refused(library.reader.api.put(f"/loans/{loan['id']}/renew", {}), 409, "ILLEGAL_TRANSITION")

    def test_what_is_found_again_is_returned(self, library: Library) -> None:
        book = library.book()
        loan = library.handed_out(book)
        data(library.librarian.api.put(f"/loans/{loan['id']}/lost", {}))
        told = library.checked_in(book)
        assert (told["outcome"], told["loan"]["closed_how"], told["copy"]["status"]) == ("FOUND", "FOUND", "AVAILABLE")
        shown = library.loan_now(loan)
        assert (shown["status"], shown["flagged"]) == ("RETURNED", False)
        refused(library.librarian.api.put(f"/loans/{loan['id']}/lost", {}), 409, "ILLEGAL_TRANSITION")

    def test_not_while_a_robot_is_to_fetch_it(self, library: Library) -> None:
        loan = library.handed_out(library.book())
        wish = library.return_asked(loan)
        details = refused(library.librarian.api.put(f"/loans/{loan['id']}/lost", {}), 409, "BOOK_IN_USE")
        assert details["task_id"] == wish["task_id"]


class TestRenewal:
    def test_a_loan_period_from_now_twice(self, library: Library) -> None:
        loan = library.handed_out(library.book())
        for times in (1, 2):
            move_due(library, loan, 2)
            shown = data(library.reader.api.put(f"/loans/{loan['id']}/renew"))
            assert (shown["renewals"], shown["overdue"]) == (times, False)
        move_due(library, loan, 2)
        details = refused(library.reader.api.put(f"/loans/{loan['id']}/renew"), 409, "NOT_RENEWABLE")
        assert details == {"reason": "LIMIT", "limit": 2}

    def test_asking_twice_renews_once(self, library: Library) -> None:
        loan = library.handed_out(library.book())
        move_due(library, loan, 2)
        first, second = (data(library.librarian.api.put(f"/loans/{loan['id']}/renew", {})) for _ in range(2))
        assert (first["renewals"], second["renewals"]) == (1, 1)
        assert first["due_at"] == second["due_at"]

    def test_not_while_somebody_waits(self, library: Library) -> None:
        book = library.book()
        loan = library.handed_out(book)
        library.waiting(book, library.student())
        details = refused(library.reader.api.put(f"/loans/{loan['id']}/renew"), 409, "NOT_RENEWABLE")
        assert details["reason"] == "WAITED_FOR"

    def test_not_long_after_it_was_due(self, library: Library) -> None:
        loan = library.handed_out(library.book())
        move_due(library, loan, -8)
        details = refused(library.reader.api.put(f"/loans/{loan['id']}/renew"), 409, "NOT_RENEWABLE")
        assert details["reason"] == "OVERDUE"

    def test_not_while_it_is_being_returned(self, library: Library) -> None:
        loan = library.handed_out(library.book())
        library.return_asked(loan)
        details = refused(library.reader.api.put(f"/loans/{loan['id']}/renew"), 409, "NOT_RENEWABLE")
        assert details["reason"] == "BEING_RETURNED"


def test_lists_are_filtered(library: Library) -> None:
    late, returned, other = (library.book() for _ in range(3))
    late_loan, _ = library.handed_out(late), library.handed_out(returned)
    library.checked_in(returned)
    library.handed_out(other, to=library.student())
    move_due(library, late_loan, -1)
    assert [row["id"] for row in library.loans(overdue=True)] == [late_loan["id"]]
    assert library.loans(overdue=True)[0]["overdue"]
    assert len(library.loans(overdue=False)) == 1
    assert len(library.loans(open=True)) == 1
    assert [row["book_id"] for row in library.loans(book_id=returned.id)] == [returned.id]
    staff = library.librarian.api
    assert len(data(staff.get("/loans"))) == 3
    assert len(data(staff.get("/loans", params={"user_id": str(library.reader.id)}))) == 2
