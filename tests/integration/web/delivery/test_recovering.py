"""Deliveries that a person has to settle: here, and on a robot that hears of it sooner or later."""

from datetime import timedelta

import pytest

from luna_web.delivery.domain.facts import Policy
from luna_web.delivery.service import waiting
from luna_web.robot.ports import Cargo, Outcome, Phase, RecoveryAction, RobotError
from luna_web.worker.jobs import all_jobs
from luna_web.worker.periodic import Periodic
from tests.integration.web.delivery.world import Json, Library
from tests.integration.world import data, refused


def state(library: Library, thing: Json) -> tuple[str, str | None, str | None]:
    task = library.task_now(thing)
    return task["status"], task["phase"], task["reason"]


def look(library: Library, minutes: float) -> int:
    """Time passes, and the waits are looked after."""
    library.clock.advance(timedelta(minutes=minutes))
    with library.transaction() as session:
        return waiting.look_after_waits(session, library.clock.now(), Policy())


def alerts(library: Library) -> int:
    return int(library.one("SELECT count(*) FROM outbox WHERE event_type = 'delivery.task.not_unloaded'"))


class TestGoingOn:
    def test_a_robot_that_waits_goes_on(self, library: Library) -> None:
        request = library.stuck(library.book())
        answer = library.staff("recover", request, action="RESUME")
        assert (answer.status_code, data(answer, 202)["recovery_asked"]["action"]) == (202, "RESUME")
        wanted = library.luna1.wanted()
        assert wanted is not None and wanted.recovery is not None and library.luna1.last is not None
        assert (wanted.recovery.action, wanted.recovery.changed_at) == (
            RecoveryAction.RESUME,
            library.luna1.last.changed_at,
        )
        library.luna1.shows(Phase.TO_DROPOFF)
        assert state(library, request) == ("IN_PROGRESS", "TO_DROPOFF", None)
        wanted = library.luna1.wanted()
        assert wanted is not None and wanted.recovery is None
        assert library.task_now(request)["recovery_asked"] is None
        assert library.staff("recover", request, action="RESUME").status_code == 200, "that is how it is"

    def test_back_to_the_desk(self, library: Library) -> None:
        request = library.stuck(library.book())
        library.staff("recover", request, action="TO_FALLBACK")
        wanted = library.luna1.wanted()
        assert wanted is not None and wanted.recovery is not None
        assert wanted.recovery.action is RecoveryAction.TO_FALLBACK
        library.luna1.shows(Phase.TO_FALLBACK)
        assert state(library, request)[1] == "TO_FALLBACK"

    def test_a_wish_is_over_after_a_minute(self, library: Library) -> None:
        request = library.stuck(library.book())
        library.staff("recover", request, action="RESUME")
        library.clock.advance(timedelta(minutes=2))
        wanted = library.luna1.wanted()
        assert wanted is not None and wanted.recovery is None

    def test_a_robot_that_waits_anew_is_looked_at_anew(self, library: Library) -> None:
        request = library.stuck(library.book())
        library.staff("recover", request, action="RESUME")
        library.luna1.shows(Phase.AWAITING_RECOVERY, cargo=Cargo.PRESENT)
        wanted = library.luna1.wanted()
        assert wanted is not None and wanted.recovery is None

    def test_a_silent_robot_cannot_be_told(self, library: Library) -> None:
        request = library.on_its_way(library.book())
        library.luna1.loses(minutes=11)
        refused(library.staff("recover", request, action="RESUME"), 409, "ROBOT_OFFLINE")

    def test_a_robot_that_has_lost_its_journal_cannot_be_told(self, library: Library) -> None:
        request = library.stuck(library.book())
        library.luna1.loses_journal()
        refused(library.staff("recover", request, action="TO_FALLBACK"), 409, "ROBOT_OFFLINE")

    def test_what_does_not_wait_is_not_settled(self, library: Library) -> None:
        request = library.on_its_way(library.book())
        for wish in ({"action": "TO_FALLBACK"}, {"outcome": "AT_DESK"}):
            details = refused(library.staff("recover", request, **wish), 409, "ILLEGAL_TRANSITION")
            assert (details["from"], details["allowed"]) == ("TO_DROPOFF", [])

    @pytest.mark.parametrize(
        "wish",
        [{}, {"action": "RESUME", "outcome": "LOST"}, {"outcome": "LOST", "location_code": "DESK-1"}, {"action": "GO"}],
    )
    def test_nonsense(self, library: Library, wish: Json) -> None:
        refused(library.staff("recover", library.stuck(library.book()), **wish), 422, "VALIDATION_ERROR")


class TestOutcomes:
    def test_the_book_is_at_a_desk(self, library: Library) -> None:
        book = library.book()
        request = library.stuck(book)
        shown = data(library.staff("recover", request, outcome="AT_DESK", location_code="place desk-2"))
        assert (shown["status"], shown["reason"], shown["robot_to_be_told"]) == ("FAILED", "AT_DESK", True)
        asked = library.request_now(request)
        assert (asked["status"], asked["needs_attention"]) == ("APPROVED", True)
        assert library.copy_status(book.copies[0]) == "RESERVED"
        (told,) = library.luna1.settlements()
        library.luna1.takes(told)
        library.luna1.takes(told)
        assert library.luna1.settlements() == [] and not library.task_now(request)["robot_to_be_told"]
        again = data(library.staff("recover", request, outcome="AT_DESK"))
        assert again["version"] == library.task_now(request)["version"], "said already"

        retried = data(library.staff("retry", request), 201)
        assert (retried["source_location"], retried["status"], retried["retry_of"]) == (
            "DESK-2",
            "QUEUED",
            request["task_id"],
        )

    def test_the_reader_has_it(self, library: Library) -> None:
        book = library.book()
        request = library.stuck(book)
        assert data(library.staff("recover", request, outcome="WITH_RECIPIENT"))["status"] == "COMPLETED"
        assert library.request_now(request)["status"] == "COMPLETED"
        assert library.copy_status(book.copies[0]) == "CHECKED_OUT"
        assert [loan["flagged"] for loan in library.loans(open=True)] == [False]

    def test_it_is_lost_and_the_request_goes_on_with_another(self, library: Library) -> None:
        book = library.book(copies=2)
        request = library.stuck(book)
        library.staff("recover", request, outcome="LOST")
        lost = library.request_now(request)["copy_id"]
        copy = library.one("SELECT status, status_reason FROM copies WHERE id = :id", id=lost)
        assert copy == ("UNAVAILABLE", "LOST")
        retried = data(library.staff("retry", request), 201)
        assert retried["copy_id"] in book.copies and retried["copy_id"] != lost
        assert library.request_now(request)["copy_id"] == retried["copy_id"]

    def test_a_silent_robot_is_told_when_it_is_heard_again(self, library: Library) -> None:
        request = library.on_its_way(library.book())
        library.luna1.loses(minutes=11)
        assert data(library.staff("recover", request, outcome="AT_DESK"))["status"] == "FAILED"
        library.luna1.is_found()
        library.luna1.shows(Phase.AWAITING_UNLOAD)
        assert state(library, request)[0] == "FAILED", "its word counts no longer"
        (told,) = library.luna1.settlements()
        assert str(told.task_id) == request["task_id"] and told.by == library.librarian.email

    def test_a_robot_that_has_lost_its_journal(self, library: Library) -> None:
        book = library.book()
        request = library.on_its_way(book)
        library.luna1.loses_journal()
        library.staff("recover", request, outcome="WITH_RECIPIENT")
        assert library.copy_status(book.copies[0]) == "CHECKED_OUT"
        assert len(library.luna1.settlements()) == 1

    @pytest.mark.parametrize(
        ("outcome", "task", "status", "copy", "open_loans"),
        [
            ("AT_DESK", "COMPLETED", "COMPLETED", "AVAILABLE", 0),
            ("WITH_RECIPIENT", "FAILED", "CANCELLED", "CHECKED_OUT", 1),
            ("LOST", "FAILED", "CANCELLED", "UNAVAILABLE", 1),
        ],
    )
    def test_a_return(
        self, library: Library, outcome: str, task: str, status: str, copy: str, open_loans: int
    ) -> None:
        loan = library.lent(library.book())
        wish = library.collecting(loan)
        library.luna1.shows(Phase.TO_DROPOFF)
        library.luna1.shows(Phase.AWAITING_RECOVERY, cargo=Cargo.PRESENT)
        assert data(library.staff("recover", wish, outcome=outcome))["status"] == task
        assert (library.return_now(wish)["status"], library.copy_status(loan["copy_id"])) == (status, copy)
        assert len(library.loans(open=True)) == open_loans

    def test_who_did_it_is_audited(self, library: Library) -> None:
        request = library.stuck(library.book())
        library.staff("recover", request, action="RESUME")
        library.staff("recover", request, outcome="LOST")
        rows = library.rows("SELECT user_id, changes FROM audit_logs WHERE action = 'delivery.recover' ORDER BY at")
        assert [row.changes.get("action") or row.changes["outcome"] for row in rows] == ["RESUME", "LOST"]
        assert {row.user_id for row in rows} == {library.librarian.id}


class TestLeftOnBoard:
    """A person ended a delivery at its robot, with the item on it: it takes nothing new until that is settled."""

    def left(self, library: Library, thing: Json) -> Json:
        library.luna1.shows(Phase.AWAITING_RECOVERY, cargo=Cargo.PRESENT)
        library.luna1.ends(Outcome.FAILED, RobotError.ABANDONED, cargo=Cargo.PRESENT)
        ended = library.task_now(thing)
        assert (ended["status"], ended["left_on_board"], ended["robot_to_be_told"]) == ("FAILED", True, False)
        return thing

    def settles(self, library: Library, thing: Json, outcome: str) -> None:
        shown = data(library.staff("recover", thing, outcome=outcome))
        assert (shown["status"], shown["reason"]) == ("FAILED", "ABANDONED"), "what is over stays as it ended"
        assert (shown["left_on_board"], shown["robot_to_be_told"]) == (False, True)
        (told,) = library.luna1.settlements()
        library.luna1.takes(told)

    @pytest.mark.parametrize(
        ("outcome", "copy", "request_status", "open_loans"),
        [
            ("AT_DESK", ("RESERVED", None), "APPROVED", 0),
            ("WITH_RECIPIENT", ("CHECKED_OUT", None), "COMPLETED", 1),
            ("LOST", ("UNAVAILABLE", "LOST"), "APPROVED", 0),
        ],
    )
    def test_a_readers_book(
        self, library: Library, outcome: str, copy: tuple[str, str | None], request_status: str, open_loans: int
    ) -> None:
        book = library.book()
        request = self.left(library, library.on_its_way(book))
        self.settles(library, request, outcome)
        assert (library.status_of(book.copies[0]), library.request_now(request)["status"]) == (copy, request_status)
        assert len(library.loans(open=True)) == open_loans
        refused(library.staff("recover", request, outcome="LOST" if outcome != "LOST" else "AT_DESK"), 409,
                "ILLEGAL_TRANSITION")  # fmt: skip

    @pytest.mark.parametrize(("outcome", "copy"), [("AT_DESK", "AVAILABLE"), ("WITH_RECIPIENT", "CHECKED_OUT")])
    def test_a_readers_book_whose_request_has_ended(self, library: Library, outcome: str, copy: str) -> None:
        book = library.book()
        request = self.left(library, library.on_its_way(book))
        data(library.reader.api.put(f"/requests/{request['id']}/cancel", {}))
        self.settles(library, request, outcome)
        assert library.copy_status(book.copies[0]) == copy
        assert [loan["flagged"] for loan in library.loans(open=True)] == ([] if outcome == "AT_DESK" else [True])

    def test_one_whose_request_goes_on_with_another_copy(self, library: Library) -> None:
        book = library.book(copies=2)
        request = self.left(library, library.on_its_way(book))
        left = library.task_now(request)["copy_id"]
        data(library.staff("retry", request), 201)
        refused(library.staff("recover", request, outcome="WITH_RECIPIENT"), 409, "ILLEGAL_TRANSITION")
        self.settles(library, request, "AT_DESK")
        assert library.copy_status(left) == "AVAILABLE"

    def test_a_returned_book(self, library: Library) -> None:
        loan = library.lent(library.book())
        self.settles(library, self.left(library, library.brought_home(loan)), "AT_DESK")
        assert (library.copy_status(loan["copy_id"]), library.loans(open=True)) == ("AVAILABLE", [])

    def test_a_thing_of_staff_and_a_copy_that_was_checked_in_meanwhile(self, library: Library) -> None:
        book = library.book()
        for wish in ({"item_description": "Keys"}, {"copy_id": book.copies[0]}):
            task = library.sent("inter-staff", **wish)
            assert library.luna1.claim() is not None
            library.luna1.shows(Phase.TO_DROPOFF)
            self.left(library, task)
            if "copy_id" in wish:
                assert library.checked_in(book)["outcome"] == "FOUND"
                library.handed_out(book)
            self.settles(library, task, "LOST")
        assert library.copy_status(book.copies[0]) == "CHECKED_OUT"


class TestNobodyLoads:
    def test_a_robot_that_stands_at_the_desk_beyond_its_time_out_is_told_of(self, library: Library) -> None:
        """Its link was lost for so long that it gives up no more by itself."""
        request = library.at_desk(library.book())
        library.luna1.loses(minutes=11)
        library.luna1.is_found()
        library.luna1.shows(Phase.AWAITING_LOAD)
        told = "SELECT count(*) FROM outbox WHERE event_type = 'delivery.task.not_loaded'"
        assert [look(library, minutes) and library.one(told) for minutes in (10, 4, 2, 5, 5, 60, 60)] == [
            0, 0, 1, 2, 3, 4, 4,
        ]  # fmt: skip
        assert state(library, request)[1] == "AWAITING_LOAD"
        assert library.staff("book-placed", request).status_code == 202
        library.luna1.shows(Phase.TO_DROPOFF)
        assert look(library, 60) == 0


class TestNobodyUnloads:
    @pytest.fixture
    def waits(self, library: Library) -> Json:
        """The robot stands at the shelf with a transfer on board."""
        task = library.sent("transfer", copy_id=library.book().copies[0])
        library.luna1.claim()
        library.luna1.shows(Phase.TO_DROPOFF)
        library.luna1.shows(Phase.AWAITING_UNLOAD)
        return task

    def test_staff_are_alerted_and_then_a_person_is_needed(self, library: Library, waits: Json) -> None:
        assert [look(library, 5) and alerts(library) for _ in range(5)] == [1, 2, 3, 4, 5]
        look(library, 5)
        assert state(library, waits) == ("IN_PROGRESS", "AWAITING_RECOVERY", "NOT_UNLOADED")
        assert look(library, 5) == 0 and alerts(library) == 5
        library.luna1.again(library.luna1.last)  # type: ignore[arg-type]
        assert state(library, waits)[1] == "AWAITING_RECOVERY"

    def test_the_worker_looks(self, library: Library, waits: Json) -> None:
        library.clock.advance(timedelta(minutes=6))
        (job,) = (one for one in all_jobs(library.runtime.settings, library.clock) if one.name == "waits")
        for _ in range(2):
            Periodic(library.runtime.session_factory, [job]).run_due()
        assert alerts(library) == 1

    def test_who_comes_late_still_takes_it_off(self, library: Library, waits: Json) -> None:
        look(library, 31)
        assert library.staff("complete", waits).status_code == 202
        library.luna1.ends(Outcome.SUCCEEDED)
        assert state(library, waits)[0] == "COMPLETED"

    def test_waiting_on(self, library: Library, waits: Json) -> None:
        look(library, 31)
        assert data(library.staff("recover", waits, action="RESUME"))["phase"] == "AWAITING_UNLOAD"
        assert library.one("SELECT alerts FROM delivery_tasks WHERE waits_since IS NOT NULL") == 0

    def test_back_to_where_it_came_from(self, library: Library, waits: Json) -> None:
        look(library, 31)
        assert library.staff("recover", waits, action="TO_FALLBACK").status_code == 202
        wanted = library.luna1.wanted()
        assert wanted is not None and wanted.cancel is not None
        library.luna1.shows(Phase.TO_FALLBACK)
        library.luna1.shows(Phase.AWAITING_FALLBACK_UNLOAD)
        library.luna1.ends(Outcome.CANCELLED, at_fallback=True)
        assert state(library, waits) == ("CANCELLED", None, "NOT_UNLOADED")

    def test_an_emergency_stop_stands_the_clock_still(self, library: Library, waits: Json) -> None:
        look(library, 4)
        library.rows("UPDATE robots SET observed = '{\"suspended\": true}' RETURNING id")
        look(library, 60)
        library.rows("UPDATE robots SET observed = '{}' RETURNING id")
        look(library, 0.5)
        assert (state(library, waits)[1], alerts(library)) == ("AWAITING_UNLOAD", 0)
        look(library, 1)
        assert alerts(library) == 1

    def test_a_return_waits_at_the_workstation_alike(self, library: Library) -> None:
        wish = library.brought_home(library.lent(library.book()))
        look(library, 31)
        assert state(library, wish) == ("IN_PROGRESS", "AWAITING_RECOVERY", "NOT_UNLOADED")

    def test_what_was_brought_back_is_waited_for_without_end(self, library: Library) -> None:
        request = library.back_at_desk(library.book())
        for _ in range(10):
            look(library, 10)
        assert (state(library, request)[1], alerts(library)) == ("AWAITING_FALLBACK_UNLOAD", 3)


def test_a_missing_copy_that_a_reader_had_all_along_goes_back_like_any_other(library: Library) -> None:
    loan = library.lent(library.book())
    first = library.brought_home(loan)
    library.luna1.shows(Phase.AWAITING_RECOVERY, cargo=Cargo.PRESENT)
    library.luna1.ends(Outcome.FAILED, RobotError.ABANDONED, cargo=Cargo.PRESENT)
    assert state(library, first)[0] == "FAILED" and library.copy_status(loan["copy_id"]) == "UNAVAILABLE"

    again = library.brought_home(loan)
    library.staff("complete", again, cargo_present=True)
    library.luna1.ends(Outcome.SUCCEEDED)
    assert state(library, again)[0] == "COMPLETED"
    assert library.copy_status(loan["copy_id"]) == "AVAILABLE" and library.loans(open=True) == []
