"""What time brings about: offers lapse, requests end, readers are reminded and forgotten, old rows go."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from luna_web.delivery import jobs as jobs_module
from luna_web.delivery.jobs import CirculationJobs
from luna_web.delivery.policies import policies
from luna_web.robot.ports import Outcome, Phase, RobotError
from luna_web.shared.clock import FixedClock, SystemClock
from luna_web.shared.config import Settings
from luna_web.shared.principal import Role
from luna_web.worker.consumers import all_consumers
from luna_web.worker.drain import Drainer
from luna_web.worker.jobs import all_jobs
from luna_web.worker.periodic import EachStep
from luna_web.worker.relay import Relay
from tests.integration import servers
from tests.integration.web.delivery.world import Json, Library
from tests.integration.world import data, refused

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def later(library: Library, settings: Settings) -> Callable[..., dict[str, int]]:
    """Does the steps of this name, or of the job of this name, as if so much time had passed; how much each did."""

    def run(name: str, after: timedelta = timedelta()) -> dict[str, int]:
        done = {}
        for job in all_jobs(settings, FixedClock(SystemClock().now() + after)):
            for step in job.steps:
                if name in (job.name, step.name):
                    part = step.part(library.runtime.session_factory)
                    assert not part.failed
                    done[step.name] = part.count
        return done

    return run


def told(library: Library, settings: Settings, reader: UUID) -> list[str]:
    """Titles of a reader's notifications, oldest first, after the worker has done its part."""
    drainer = Drainer(library.runtime.session_factory, consumers := all_consumers(settings))
    relay = Relay(library.runtime.session_factory, list(consumers.values()), drainer.drain, lambda: None)  # type: ignore[arg-type, return-value]
    while relay.relay_once():
        pass
    query = "SELECT title FROM notifications WHERE user_id = :id ORDER BY created_at, id"
    return [row.title for row in library.rows(query, id=reader)]


Later = Callable[..., dict[str, int]]


class TestOffers:
    def test_an_offer_that_is_not_taken_goes_to_the_next(self, library: Library, later: Later) -> None:
        book = library.book()
        first = library.waiting(book)
        second = library.waiting(book, library.student())
        assert later("offers", 47 * HOUR) == {"offers": 0}
        assert later("offers", 49 * HOUR) == {"offers": 1}
        assert library.hold_now(first)["status"] == "EXPIRED"
        now = library.hold_now(second)
        assert (now["status"], now["copy_id"]) == ("OFFERED", book.copies[0])
        assert later("offers", 49 * HOUR) == {"offers": 0}

    def test_without_a_next_it_is_free(self, library: Library, later: Later) -> None:
        book = library.book()
        library.waiting(book)
        later("offers", 49 * HOUR)
        assert library.copy_status(book.copies[0]) == "AVAILABLE"

    @pytest.mark.parametrize("how", ["new", "found"])
    def test_a_copy_that_librarians_put_on_the_shelf_is_offered(
        self, library: Library, later: Later, how: str
    ) -> None:
        book, staff = library.book(), library.librarian.api
        path = f"/books/{book.id}/copies"
        data(staff.put(f"{path}/{book.copies[0]}", {"status": "UNAVAILABLE", "status_reason": "MISSING"}))
        hold = library.waiting(book)
        assert hold["status"] == "WAITING"
        if how == "new":
            data(staff.post(path, {}), 201)
        else:
            data(staff.put(f"{path}/{book.copies[0]}", {"status": "AVAILABLE"}))
        assert later("queues") == {"queues": 1}
        assert library.hold_now(hold)["status"] == "OFFERED"

    def test_however_many_titles_are_waited_for(
        self, library: Library, later: Later, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """They are looked at a few at a time."""
        monkeypatch.setattr(jobs_module, "TITLES_AT_ONCE", 2)
        books = [library.book(copies=0) for _ in range(5)]
        holds = [library.waiting(book) for book in books]
        for book in (books[1], books[4]):
            data(library.librarian.api.post(f"/books/{book.id}/copies", {}), 201)
        assert later("queues") == {"queues": 2}
        assert [library.hold_now(hold)["status"] for hold in holds] == [
            "WAITING", "OFFERED", "WAITING", "WAITING", "OFFERED",
        ]  # fmt: skip

    def test_nobody_waits_for_a_title_that_is_removed(
        self, library: Library, later: Later, settings: Settings
    ) -> None:
        book = library.book(copies=0)
        hold = library.waiting(book)
        data(library.librarian.api.delete(f"/books/{book.id}"))
        later("queues")
        now = library.hold_now(hold)
        assert (now["status"], now["closed_reason"]) == ("CANCELLED", "TITLE_REMOVED")
        assert told(library, settings, library.reader.id) == ["You wait no longer"]

    def test_readers_are_told(self, library: Library, later: Later, settings: Settings) -> None:
        book = library.book()
        library.waiting(book)
        later("offers", 49 * HOUR)
        assert told(library, settings, library.reader.id) == ["It is your turn", "A book is kept no longer"]
        assert told(library, settings, library.librarian.id) == ["A book is kept for a reader"]


class TestRequests:
    def test_one_that_nobody_accepts_ends(self, library: Library, later: Later, settings: Settings) -> None:
        book = library.book()
        request = library.requested(book)
        hold = library.waiting(book, library.student())
        assert later("requests", 23 * HOUR) == {"expired": 0, "ended": 0}
        assert later("requests", 25 * HOUR) == {"expired": 1, "ended": 0}
        shown, task = library.request_now(request), library.task_now(request)
        assert (shown["status"], shown["closed_reason"]) == ("CANCELLED", "EXPIRED")
        assert (task["status"], task["reason"]) == ("CANCELLED", "EXPIRED")
        assert library.hold_now(hold)["status"] == "OFFERED"
        assert told(library, settings, library.reader.id) == ["Request ended"]
        steps = data(library.reader.api.get(f"/requests/{request['id']}/activity"))
        assert [step["by"] for step in steps if step["to_status"] == "CANCELLED"] == ["ROBOT", "ROBOT"]

    def test_one_that_is_accepted_stays(self, library: Library, later: Later) -> None:
        request = library.approved(library.book())
        later("requests", 30 * DAY)
        assert library.request_now(request)["status"] == "APPROVED"

    def test_one_that_nobody_sees_to_after_its_delivery_failed_ends(self, library: Library, later: Later) -> None:
        book = library.book()
        request = library.setting_off(book)
        library.luna1.ends(Outcome.FAILED, RobotError.ABANDONED)
        assert later("ended", 23 * HOUR) == {"ended": 0}
        assert later("ended", 25 * HOUR) == {"ended": 1}
        shown = library.request_now(request)
        assert (shown["status"], shown["closed_reason"]) == ("CANCELLED", "DELIVERY_FAILED")
        assert not shown["needs_attention"]
        assert library.copy_status(book.copies[0]) == "AVAILABLE"


class TestNotices:
    def test_before_on_and_after_the_due_date_once_each(
        self, library: Library, later: Later, settings: Settings
    ) -> None:
        library.handed_out(library.book())
        moments = [days * DAY for days in (1, 24, 25.1, 26, 27.9, 28.1, 28.5, 28.9, 29.1, 40)]
        done = [later("notices", moment)["notices"] for moment in moments]
        assert done == [0, 0, 1, 0, 0, 1, 0, 0, 1, 0]
        assert told(library, settings, library.reader.id) == [
            "Enjoy your book", "A book is due soon", "A book is due", "A book is overdue",
        ]  # fmt: skip
        kinds = "SELECT DISTINCT notification_type FROM notifications WHERE title LIKE 'A book is%'"
        assert library.one(kinds) == "LOAN_DUE"

    def test_what_was_missed_is_not_made_up_for_and_a_renewal_begins_anew(
        self, library: Library, later: Later
    ) -> None:
        loan = library.handed_out(library.book())
        assert later("notices", 33 * DAY) == {"notices": 1}
        assert library.one("SELECT notice FROM loans") == "OVERDUE"
        library.execute("UPDATE loans SET due_at = now() + interval '2 days' WHERE id = :id", id=loan["id"])
        data(library.reader.api.put(f"/loans/{loan['id']}/renew"))
        assert library.one("SELECT notice FROM loans") is None

    def test_nothing_is_said_of_what_is_back(self, library: Library, later: Later) -> None:
        book = library.book()
        library.handed_out(book)
        library.checked_in(book)
        assert later("notices", 60 * DAY) == {"notices": 0}


def test_terms_are_those_that_administrators_set(library: Library, later: Later) -> None:
    terms = {"offer_hours": 1, "unaccepted_hours": 2, "unattended_hours": 3, "due_soon_days": 5}
    limits = {"open_holds": 1, "renewals": 0}
    admin = library.people.make(Role.ADMIN).api
    data(admin.put("/auth/settings", {"circulation": terms, "limits": limits}))
    offered, reader = library.waiting(library.book()), library.student().api
    refused(library.reader.api.post("/holds", {"book_id": library.book(copies=0).id}), 409, "LIMIT_REACHED")
    assert later("offers", 0.9 * HOUR) == {"offers": 0}
    assert later("offers", 1.1 * HOUR) == {"offers": 1}
    assert library.hold_now(offered)["status"] == "EXPIRED"

    failed = library.setting_off(library.book())
    library.luna1.ends(Outcome.FAILED, RobotError.ABANDONED)
    data(reader.post("/requests", {"book_id": library.book().id, "request_location": "STUDY-1"}), 201)
    assert later("requests", 1.9 * HOUR) == {"expired": 0, "ended": 0}
    assert later("requests", 2.1 * HOUR) == {"expired": 1, "ended": 0}
    assert later("requests", 3.1 * HOUR) == {"expired": 0, "ended": 1}
    assert library.request_now(failed)["closed_reason"] == "DELIVERY_FAILED"

    loan = library.handed_out(library.book())
    assert later("notices", 22.9 * DAY) == {"notices": 0}
    assert later("notices", 23.1 * DAY) == {"notices": 1}
    library.execute("UPDATE loans SET due_at = now() + interval '2 days'")
    assert refused(library.reader.api.put(f"/loans/{loan['id']}/renew"), 409, "NOT_RENEWABLE")["reason"] == "LIMIT"


class TestForgetting:
    def delivered_and_returned(self, library: Library) -> Json:
        book = library.book()
        self.request = library.at_reader(book)
        library.reader.api.put(f"/requests/{self.request['id']}/complete", {})
        library.luna1.ends(Outcome.SUCCEEDED)
        (loan,) = library.loans(open=True)
        self.wish = library.collecting(loan)
        library.reader.api.put(f"/returns/{self.wish['id']}/picked-up", {})
        library.luna1.shows(Phase.TO_DROPOFF)
        library.luna1.shows(Phase.AWAITING_UNLOAD)
        library.luna1.ends(Outcome.SUCCEEDED)
        return dict(loan)

    def without_names_of_readers(self, library: Library) -> list[Json]:
        """The timeline of the request as staff see it."""
        steps = data(library.librarian.api.get(f"/requests/{self.request['id']}/activity"))
        unnamed = {"actor_id": None, "actor_name": None}
        return [step | (unnamed if step["by"] == "READER" else {}) for step in steps]

    def test_nobody_knows_any_more_who_had_a_book_that_is_back(self, library: Library, later: Later) -> None:
        loan = self.delivered_and_returned(library)
        reader = str(library.reader.id)
        assert later("readers", 29 * DAY) == {"readers": 0}
        before = self.without_names_of_readers(library)
        assert later("readers", 31 * DAY) == {"readers": 1}

        staff = library.librarian.api
        seen = [
            data(staff.get(f"/loans/{loan['id']}")),
            data(staff.get(f"/requests/{self.request['id']}")),
            data(staff.get(f"/returns/{self.wish['id']}")),
            *[data(staff.get(f"/deliveries/{thing['task_id']}")) for thing in (self.request, self.wish)],
            *[data(staff.get(f"/deliveries/{thing['task_id']}/history")) for thing in (self.request, self.wish)],
        ]
        assert reader not in str(seen)
        assert self.without_names_of_readers(library) == before
        for table in ("loans", "book_requests", "book_returns", "delivery_tasks", "task_status_history"):
            rows = library.rows(f"SELECT row_to_json(t)::text AS row FROM {table} t")  # noqa: S608
            assert not [row for row in rows if reader in row.row or library.reader.email in row.row], table
        assert later("readers", 31 * DAY) == {"readers": 0}
        assert library.loans() == []

    def test_a_flagged_or_lost_loan_is_remembered(self, library: Library, later: Later) -> None:
        flagged, lost = library.book(), library.book()
        library.handed_out(flagged)
        library.execute("UPDATE loans SET flagged = true")
        library.checked_in(flagged)
        loan = library.handed_out(lost)
        data(library.librarian.api.put(f"/loans/{loan['id']}/lost", {}))
        assert later("readers", 400 * DAY) == {"readers": 0}

    def test_what_a_librarian_did_stays_known(self, library: Library, later: Later) -> None:
        self.delivered_and_returned(library)
        later("readers", 31 * DAY)
        query = "SELECT count(*) FROM task_status_history WHERE actor_id = :id"
        assert library.one(query, id=library.librarian.id) > 0

    def test_the_application_may_not_touch_history_otherwise(self, library: Library) -> None:
        self.delivered_and_returned(library)
        for statement in ("UPDATE task_status_history SET actor_id = NULL", "DELETE FROM task_status_history"):
            with pytest.raises(Exception, match="permission denied"):
                library.execute(statement)


class TestRetention:
    def old(self, postgres_server: servers.Postgres, table: str, column: str, days: int) -> None:
        with postgres_server.admin("luna") as connection:
            connection.execute(f"UPDATE {table} SET {column} = {column} - interval '{days} days'")  # type: ignore[arg-type]  # noqa: S608

    def test_finished_deliveries_and_their_history(
        self, library: Library, later: Later, postgres_server: servers.Postgres
    ) -> None:
        loan = library.lent(library.book())
        waiting = library.approved(library.book())
        for table, column in (("task_status_history", "at"), ("delivery_tasks", "completed_at")):
            self.old(postgres_server, table, column, 366)
        assert later("history")["history"] > 0
        assert later("tasks") == {"tasks": 0}
        self.old(postgres_server, "delivery_tasks", "completed_at", 366)
        assert later("tasks") == {"tasks": 1}
        assert library.task_now(waiting)["status"] == "QUEUED"
        assert library.loan_now(loan)["status"] == "OPEN"
        assert data(library.librarian.api.get(f"/requests/{loan['request_id']}"))["task_id"] is None

    def test_history_of_the_last_month_stays_whatever_is_asked(self, library: Library) -> None:
        with pytest.raises(Exception, match="history of the last 30 days stays"):
            library.rows("SELECT purge_task_history(now(), 10)")

    def test_sessions_notifications_keys_and_holds(
        self, library: Library, later: Later, settings: Settings
    ) -> None:
        wish = {"book_id": library.book(copies=0).id}
        hold = data(library.reader.api.post("/holds", wish, headers={"Idempotency-Key": "k"}), 201)
        library.reader.api.delete(f"/holds/{hold['id']}")
        told(library, settings, library.reader.id)
        library.people.make(Role.STUDENT)
        ended = library.people.make(Role.STUDENT)
        library.execute(
            "UPDATE sessions SET revoked_at = now(), revoked_why = 'LOGOUT' WHERE id = :id", id=ended.session_id
        )
        assert not any(later("retention").values())
        assert later("idempotency_keys", 25 * HOUR) == {"idempotency_keys": 1}
        assert later("sessions", 29 * DAY) == {"sessions": 0}
        assert later("sessions", 31 * DAY) == {"sessions": 1}
        assert later("holds", 31 * DAY) == {"holds": 1}
        assert later("notifications", 91 * DAY) == {"notifications": 1}


def test_one_thing_that_fails_holds_up_no_other(library: Library) -> None:
    for _ in range(3):
        library.requested(library.book())
    clock = FixedClock(SystemClock().now() + 25 * HOUR)
    jobs = CirculationJobs(clock, timedelta(days=30), policies(library.runtime))
    seen: list[UUID] = []

    def fail_first(session: Session, thing: UUID) -> bool:
        seen.append(thing)
        if len(seen) == 1:
            raise ValueError("cannot")
        return jobs.expire_request(session, thing)

    done = EachStep("expired", jobs.unaccepted, fail_first).part(library.runtime.session_factory)
    assert (done.count, done.failed) == (2, ("ValueError",))
