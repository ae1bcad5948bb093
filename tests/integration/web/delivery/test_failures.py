"""What goes wrong with a trip, and in which states that ends."""

from datetime import timedelta

import pytest

from luna_web.robot.ports import Cargo, Outcome, Phase, RobotError
from tests.integration.web.delivery.world import Json, Library, Robot
from tests.integration.world import data, refused


def ended(library: Library, thing: Json) -> tuple[str, str | None]:
    task = library.task_now(thing)
    return task["status"], task["reason"]


def not_loaded(robot: Robot) -> None:
    robot.shows(Phase.CLEARING)
    robot.ends(Outcome.FAILED, RobotError.NOT_LOADED)


class TestNobodyLoads:
    def test_it_is_queued_again_once(self, library: Library) -> None:
        book = library.book()
        request = library.at_desk(book)
        not_loaded(library.luna1)
        task = library.task_now(request)
        assert (task["status"], task["attempt"], task["assigned_robot_id"]) == ("QUEUED", 2, None)
        assert library.request_now(request)["status"] == "APPROVED"

        assert library.luna1.claim() is not None
        library.luna1.shows(Phase.AWAITING_LOAD)
        not_loaded(library.luna1)
        assert ended(library, request) == ("FAILED", "NOT_LOADED")
        shown = library.request_now(request)
        assert (shown["status"], shown["needs_attention"]) == ("APPROVED", True)
        assert library.copy_status(book.copies[0]) == "RESERVED"

    def test_the_reader_can_end_a_request_that_waits_for_a_person(self, library: Library) -> None:
        book = library.book()
        request = library.at_desk(book)
        not_loaded(library.luna1)
        library.luna1.claim()
        library.luna1.shows(Phase.AWAITING_LOAD)
        not_loaded(library.luna1)
        shown = data(library.reader.api.put(f"/requests/{request['id']}/cancel", {}))
        assert (shown["status"], shown["needs_attention"]) == ("CANCELLED", False)
        assert library.copy_status(book.copies[0]) == "AVAILABLE"

    def test_a_librarian_can_end_it_too_by_its_delivery(self, library: Library) -> None:
        book = library.book()
        request = library.setting_off(book)
        library.luna1.ends(Outcome.FAILED, RobotError.ABANDONED)
        shown = data(library.staff("cancel", request, reason="The book is gone"))
        assert (shown["status"], shown["reason"]) == ("FAILED", "ABANDONED"), "what is over stays as it ended"
        ended_request = library.request_now(request)
        assert (ended_request["status"], ended_request["closed_reason"]) == ("CANCELLED", "CANCELLED_BY_STAFF")
        assert library.copy_status(book.copies[0]) == "AVAILABLE"
        refused(library.staff("cancel", request), 409, "ILLEGAL_TRANSITION")
        (audited,) = library.rows("SELECT resource_id FROM audit_logs WHERE action = 'delivery.cancel'")
        assert audited.resource_id == request["task_id"], "under what was named"

    def test_not_by_a_delivery_that_was_tried_again(self, library: Library) -> None:
        request = library.setting_off(library.book())
        library.luna1.ends(Outcome.FAILED, RobotError.ABANDONED)
        data(library.staff("retry", request), 201)
        refused(library.staff("cancel", request), 409, "ILLEGAL_TRANSITION")
        assert library.request_now(request)["status"] == "APPROVED"

    def test_a_late_confirmation_while_the_robot_clears_still_counts(self, library: Library) -> None:
        request = library.at_desk(library.book())
        library.luna1.shows(Phase.CLEARING)
        library.librarian.api.put(f"/deliveries/{request['task_id']}/book-placed", {})
        wanted = library.luna1.wanted()
        assert wanted is not None
        assert [said.handover_seq for said in wanted.confirmations] == [1]

    def test_a_return_ends_and_the_loan_stays(self, library: Library) -> None:
        loan = library.lent(library.book())
        wish = library.collecting(loan)
        not_loaded(library.luna1)
        assert library.return_now(wish)["status"] == "PENDING"
        library.luna1.claim()
        library.luna1.shows(Phase.AWAITING_LOAD)
        not_loaded(library.luna1)
        shown = library.return_now(wish)
        assert (shown["status"], shown["closed_reason"]) == ("CANCELLED", "NOT_LOADED")
        assert library.copy_status(loan["copy_id"]) == "CHECKED_OUT"
        (still,) = library.loans(open=True)
        assert still["id"] == loan["id"]


class TestNobodyCollects:
    def test_the_book_goes_back_and_the_request_ends(self, library: Library) -> None:
        book = library.book()
        request = library.back_at_desk(book)
        library.librarian.api.put(f"/deliveries/{request['task_id']}/complete", {"cargo_present": True})
        library.luna1.ends(Outcome.FAILED, RobotError.NOT_UNLOADED, at_fallback=True)
        assert ended(library, request) == ("FAILED", "NOT_COLLECTED")
        shown = library.request_now(request)
        assert (shown["status"], shown["closed_reason"]) == ("CANCELLED", "NOT_COLLECTED")
        assert library.copy_status(book.copies[0]) == "AVAILABLE"
        assert library.loans() == []

    def test_an_empty_robot_means_that_the_reader_has_it(self, library: Library) -> None:
        book = library.book()
        request = library.back_at_desk(book)
        library.librarian.api.put(f"/deliveries/{request['task_id']}/complete", {"cargo_present": False})
        library.luna1.ends(Outcome.FAILED, RobotError.NOT_UNLOADED, at_fallback=True)
        assert ended(library, request) == ("COMPLETED", "COLLECTED_LATE")
        (loan,) = library.loans()
        assert (loan["flagged"], loan["opened_how"]) == (True, "COLLECTED_LATE")
        assert library.copy_status(book.copies[0]) == "CHECKED_OUT"

    def test_staff_must_say_whether_it_was_there(self, library: Library) -> None:
        request = library.back_at_desk(library.book())
        answer = library.librarian.api.put(f"/deliveries/{request['task_id']}/complete", {})
        assert answer.status_code == 422
        assert "cargo_present" in answer.json()["error"]["details"]["fields"]

    def test_the_reader_may_say_belatedly_that_they_have_it(self, library: Library) -> None:
        request = library.at_reader(library.book())
        library.luna1.shows(Phase.TO_FALLBACK)
        answer = library.reader.api.put(f"/requests/{request['id']}/complete", {})
        assert answer.status_code == 202
        wanted = library.luna1.wanted()
        assert wanted is not None and wanted.confirmations == ()


class TestNoWay:
    def test_a_pickup_out_of_reach_is_tried_three_times(self, library: Library) -> None:
        request = library.setting_off(library.book())
        for attempt in (1, 2):
            library.luna1.ends(Outcome.FAILED, RobotError.NAVIGATION)
            assert library.task_now(request)["attempt"] == attempt + 1
            assert library.luna1.claim() is None, "not at once"
            library.clock.advance(timedelta(minutes=1))
            assert library.luna1.claim() is not None
            library.luna1.shows(Phase.TO_PICKUP)
        library.luna1.ends(Outcome.FAILED, RobotError.NAVIGATION)
        assert ended(library, request) == ("FAILED", "NAVIGATION_FAILED")

    def test_a_reader_out_of_reach_gets_the_book_kept(self, library: Library) -> None:
        book = library.book()
        request = library.on_its_way(book)
        library.luna1.shows(Phase.TO_FALLBACK)
        library.luna1.shows(Phase.AWAITING_FALLBACK_UNLOAD)
        library.luna1.ends(Outcome.FAILED, RobotError.NAVIGATION, at_fallback=True)
        assert ended(library, request) == ("FAILED", "NAVIGATION_FAILED")
        shown = library.request_now(request)
        assert (shown["status"], shown["needs_attention"]) == ("APPROVED", True)
        assert library.copy_status(book.copies[0]) == "RESERVED"

    def test_a_rejected_goal_waits_its_turn_again(self, library: Library) -> None:
        request = library.approved(library.book())
        library.luna1.claim()
        library.luna1.ends(Outcome.REJECTED, RobotError.CARGO_ON_BOARD)
        task = library.task_now(request)
        assert (task["status"], task["attempt"]) == ("QUEUED", 2)

    @pytest.mark.parametrize(("cargo", "copy"), [(Cargo.PRESENT, "UNAVAILABLE"), (Cargo.ABSENT, "RESERVED")])
    def test_abandoned_with_the_book(self, library: Library, cargo: Cargo, copy: str) -> None:
        book = library.book()
        request = library.on_its_way(book)
        library.luna1.shows(Phase.AWAITING_RECOVERY, cargo=Cargo.PRESENT)
        library.luna1.ends(Outcome.FAILED, RobotError.ABANDONED, cargo=cargo)
        assert ended(library, request) == ("FAILED", "ABANDONED")
        assert library.copy_status(book.copies[0]) == copy

    def test_a_return_that_arrives_empty(self, library: Library) -> None:
        loan = library.lent(library.book())
        wish = library.brought_home(loan)
        library.librarian.api.put(f"/deliveries/{wish['task_id']}/complete", {"cargo_present": False})
        library.luna1.ends(Outcome.SUCCEEDED)
        assert ended(library, wish) == ("FAILED", "NOT_ON_BOARD")
        (still,) = library.loans(open=True)
        assert still["flagged"] and library.copy_status(loan["copy_id"]) == "CHECKED_OUT"


class TestCancelled:
    def test_before_a_robot_has_it_at_once(self, library: Library) -> None:
        book = library.book()
        request = library.approved(book)
        shown = data(library.librarian.api.put(f"/deliveries/{request['task_id']}/cancel", {"reason": "Lost"}))
        assert (shown["status"], shown["reason"]) == ("CANCELLED", "CANCELLED_BY_STAFF")
        assert library.request_now(request)["closed_reason"] == "CANCELLED_BY_STAFF"
        assert library.copy_status(book.copies[0]) == "AVAILABLE"
        assert library.luna1.claim() is None

    def test_on_the_way_to_the_desk_when_the_robot_has_stopped(self, library: Library) -> None:
        book = library.book()
        request = library.setting_off(book)
        answer = library.reader.api.put(f"/requests/{request['id']}/cancel", {"reason": "Changed my mind"})
        assert answer.status_code == 202
        wanted = library.luna1.wanted()
        assert wanted is not None and wanted.cancel is not None and wanted.cancel.reason == "Changed my mind"
        library.luna1.ends(Outcome.CANCELLED)
        assert ended(library, request) == ("CANCELLED", "CANCELLED_BY_USER")
        assert library.copy_status(book.copies[0]) == "AVAILABLE"

    def test_with_the_book_on_board_when_it_is_back(self, library: Library) -> None:
        book = library.book()
        request = library.on_its_way(book)
        assert library.librarian.api.put(f"/deliveries/{request['task_id']}/cancel", {}).status_code == 202
        library.luna1.shows(Phase.TO_FALLBACK)
        assert library.task_now(request)["status"] == "IN_PROGRESS"
        library.luna1.shows(Phase.AWAITING_FALLBACK_UNLOAD)
        library.librarian.api.put(f"/deliveries/{request['task_id']}/complete", {"cargo_present": True})
        library.luna1.ends(Outcome.CANCELLED, at_fallback=True)
        assert ended(library, request) == ("CANCELLED", "CANCELLED_BY_STAFF")
        assert library.copy_status(book.copies[0]) == "AVAILABLE"

    def test_a_collected_book_travels_on(self, library: Library) -> None:
        wish = library.brought_home(library.lent(library.book()))
        answer = library.reader.api.put(f"/returns/{wish['id']}/cancel", {})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "ILLEGAL_TRANSITION")

    def test_a_confirmation_after_a_cancel_is_told_to_take_the_book_off(self, library: Library) -> None:
        request = library.at_desk(library.book())
        library.reader.api.put(f"/requests/{request['id']}/cancel", {})
        library.luna1.shows(Phase.CLEARING)
        answer = library.librarian.api.put(f"/deliveries/{request['task_id']}/book-placed", {})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "ILLEGAL_TRANSITION")
        assert "take the book off" in answer.json()["error"]["message"]

    def test_a_cancel_after_a_confirmation_has_to_wait(self, library: Library) -> None:
        request = library.at_desk(library.book())
        library.librarian.api.put(f"/deliveries/{request['task_id']}/book-placed", {})
        answer = library.reader.api.put(f"/requests/{request['id']}/cancel", {})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "HANDOVER_PENDING")


class TestSilentRobots:
    def test_the_task_says_since_when(self, library: Library) -> None:
        request = library.setting_off(library.book())
        library.luna1.loses(minutes=1)
        task = library.task_now(request)
        assert task["phase"] == "TO_PICKUP" and task["robot_lost_since"] is not None
        library.luna1.loses(minutes=1)
        assert library.task_now(request)["version"] == task["version"], "said once"
        with library.transaction() as session:
            library.desk.found(session, library.luna1.id)
        assert library.task_now(request)["robot_lost_since"] is None

    def test_on_its_way_to_the_pickup_another_robot_takes_over(self, library: Library) -> None:
        request = library.setting_off(library.book())
        library.luna1.loses(minutes=11)
        task = library.task_now(request)
        assert (task["status"], task["attempt"], task["robot_lost_since"]) == ("QUEUED", 2, None)
        other = library.robot()
        assert other.claim() is not None
        other.shows(Phase.TO_PICKUP)
        assert library.luna1.wanted() is None
        library.luna1.shows(Phase.AWAITING_LOAD)
        assert library.task_now(request)["phase"] == "TO_PICKUP", "the first robot's word counts no longer"

    def test_with_a_book_on_board_it_needs_a_person(self, library: Library) -> None:
        request = library.on_its_way(library.book())
        library.luna1.loses(minutes=11)
        assert library.task_now(request)["phase"] == "AWAITING_RECOVERY"
        library.luna1.shows(Phase.AWAITING_UNLOAD)
        assert library.task_now(request)["phase"] == "AWAITING_UNLOAD"

    def test_staff_are_told_where_it_was_seen_last(self, library: Library) -> None:
        library.on_its_way(library.book())
        library.execute("UPDATE robots SET current_location = 'SHELF-1'")
        library.luna1.loses(minutes=11)
        told = "SELECT payload->>'robot_at' FROM outbox WHERE event_type = 'delivery.task.awaiting_recovery'"
        assert library.one(told) == "SHELF-1"

    def test_cancelled_meanwhile_it_ends(self, library: Library) -> None:
        book = library.book()
        request = library.setting_off(book)
        assert library.reader.api.put(f"/requests/{request['id']}/cancel", {}).status_code == 202
        library.luna1.loses(minutes=11)
        assert ended(library, request) == ("CANCELLED", "CANCELLED_BY_USER")
        assert library.copy_status(book.copies[0]) == "AVAILABLE"
        library.luna1.shows(Phase.AWAITING_LOAD)
        assert library.luna1.wanted() is None, "what it does counts no longer"

    def test_a_robot_without_its_journal_needs_a_person(self, library: Library) -> None:
        request = library.on_its_way(library.book())
        for _ in range(2):
            with library.transaction() as session:
                library.desk.journal_lost(session, library.luna1.id, library.luna1.delivery.task_id)  # type: ignore[union-attr]
        assert library.task_now(request)["phase"] == "AWAITING_RECOVERY"
        assert library.task_now(request)["reason"] == "JOURNAL_LOST"


def test_displays_are_told_what_a_robot_has_in_hand(library: Library) -> None:
    request = library.on_its_way(library.book())
    with library.transaction() as session:
        shown = library.desk.tasks_in_hand(session, [library.luna1.id])[library.luna1.id]
        assert (str(shown.task_id), shown.destination) == (request["task_id"], "STUDY-1")
        assert library.desk.serves(session, library.luna1.id, library.reader.id)
        assert not library.desk.serves(session, library.luna1.id, library.librarian.id)
    library.luna1.shows(Phase.TO_FALLBACK)
    with library.transaction() as session:
        assert library.desk.tasks_in_hand(session, [library.luna1.id])[library.luna1.id].destination == "DESK-1"
