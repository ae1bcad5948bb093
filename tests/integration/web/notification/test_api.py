"""What people are told of a delivery, and how they read it."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from luna_web.notification.consumer import InAppNotifier
from luna_web.notification.live.audiences import addressed
from luna_web.notification.models import Notification
from luna_web.notification.tellings import UTC
from luna_web.robot.ports import Outcome
from luna_web.shared.database import transaction
from luna_web.shared.models import Outbox
from luna_web.shared.principal import Role
from luna_web.shared.runtime import Runtime
from luna_web.worker.directory import Accounts
from tests.integration.web.delivery.world import Library
from tests.integration.web.notification.conftest import News, Tell
from tests.integration.world import Api, data, refused


def told_of(session: Session, notification_id: str) -> UUID:
    return session.scalars(select(Notification.event_id).where(Notification.id == UUID(notification_id))).one()


def titles(api: Api) -> list[str]:
    rows = data(api.get("/notifications", params={"limit": 100}))
    return [row["title"] for row in reversed(rows)]


def test_a_reader_is_told_how_their_book_comes(library: Library, tell: Callable[[], None]) -> None:
    library.lent(library.book())
    tell()
    tell()
    assert set(titles(library.reader.api)) == {
        "Request accepted",
        "Your book is on its way",
        "Your book is here",
        "Enjoy your book",
    }
    assert len(titles(library.reader.api)) == 4


def test_staff_are_told_where_they_are_needed(library: Library, tell: Callable[[], None]) -> None:
    other = library.people.make(Role.ADMIN)
    gone = library.people.make(Role.LIBRARIAN, is_active=False)
    library.brought_home(library.lent(library.book()))
    tell()
    expected = {"A book is asked for", "A robot waits for a book", "A book has come back"}
    assert set(titles(library.librarian.api)) == set(titles(other.api)) == expected
    assert library.one("SELECT count(*) FROM notifications WHERE user_id = :id", id=gone.id) == 0


def test_times_are_told_in_the_librarys_time_zone(library: Library, admin: Api, news: News, tell: Tell) -> None:
    data(admin.put("/auth/settings", {"opening_hours": {"timezone": "Pacific/Auckland"}}))
    news(library.reader)
    tell()
    (told,) = data(library.reader.api.get("/notifications"))
    assert told["message"] == "“Flatland” was due on 2026-12-22. Please bring it back."


def test_a_return_from_its_beginning_to_its_end(library: Library, tell: Callable[[], None]) -> None:
    loan = library.lent(library.book())
    library.brought_home(loan)
    library.luna1.ends(Outcome.SUCCEEDED)
    tell()
    assert {"A robot is coming", "The robot is here", "Book collected", "Book returned"} <= set(
        titles(library.reader.api)
    )


def test_somebody_who_is_reader_and_staff_is_told_once(library: Library, tell: Callable[[], None]) -> None:
    library.reader = library.librarian
    library.back_at_desk(library.book())
    (task,) = data(library.librarian.api.get("/deliveries"))
    library.librarian.api.put(f"/deliveries/{task['id']}/complete", {"cargo_present": False})
    library.luna1.ends(Outcome.FAILED, at_fallback=True)
    tell()
    assert library.one("SELECT count(*) FROM notifications WHERE payload->>'event_type' = 'delivery.loan.flagged'") == 1


class TestReading:
    @pytest.fixture
    def reader(self, library: Library, tell: Callable[[], None]) -> Api:
        """Two notifications wait for them."""
        library.on_its_way(library.book())
        tell()
        return library.reader.api

    def test_newest_first_with_how_many_are_unread(self, reader: Api) -> None:
        answer = reader.get("/notifications")
        assert [row["title"] for row in data(answer)] == ["Your book is on its way", "Request accepted"]
        assert answer.json()["meta"]["unread_count"] == 2
        assert data(answer)[0]["payload"]["book_title"] == "On growth and form"

    def test_one_is_read(self, reader: Api) -> None:
        first, _ = data(reader.get("/notifications"))
        for _ in range(2):
            read = data(reader.put(f"/notifications/{first['id']}/read", {}))
            assert read["is_read"] and read["read_at"]
        answer = reader.get("/notifications", params={"is_read": False})
        assert (len(data(answer)), answer.json()["meta"]["unread_count"]) == (1, 1)
        assert data(reader.get(f"/notifications/{first['id']}"))["is_read"]

    def test_all_are_read(self, reader: Api) -> None:
        assert data(reader.put("/notifications/read-all")) == {"marked": 2}
        assert data(reader.put("/notifications/read-all", {})) == {"marked": 0}
        assert reader.get("/notifications").json()["meta"]["unread_count"] == 0

    def test_one_is_deleted_and_its_event_does_not_bring_it_back(
        self, reader: Api, library: Library, runtime: Runtime
    ) -> None:
        first, _ = data(reader.get("/notifications"))
        assert data(reader.delete(f"/notifications/{first['id']}")) == {}

        with transaction(runtime.session_factory) as session:
            event = session.scalars(select(Outbox).where(Outbox.event_id == told_of(session, first["id"]))).one()
            InAppNotifier(Accounts(), lambda _: UTC).handle(session, event)

        answer = reader.get("/notifications")
        assert (len(data(answer)), answer.json()["meta"]["unread_count"]) == (1, 1)
        for again in (reader.delete, reader.get):
            refused(again(f"/notifications/{first['id']}"), 404, "NOT_FOUND")
        refused(reader.put(f"/notifications/{first['id']}/read", {}), 404, "NOT_FOUND")
        assert data(reader.put("/notifications/read-all")) == {"marked": 1}
        kept = "SELECT count(*) FROM notifications WHERE message <> '' AND deleted_at IS NOT NULL"
        assert library.one(kept) == 0, "what it said is gone"
        told = library.rows("SELECT aggregate, payload FROM outbox WHERE event_type = 'notification.deleted'")
        (topic,) = addressed("notification.deleted", told[0].payload)
        assert topic.topic == f"me:{library.reader.id}", "its reader's other screens hear of it, once"
        assert [(row.aggregate, row.payload["was_read"]) for row in told] == [(f"notification:{first['id']}", False)]

    def test_page_by_page_nothing_is_missed_though_new_ones_come(
        self, reader: Api, library: Library, news: News, tell: Tell
    ) -> None:
        first = reader.get("/notifications", params={"limit": 1})
        news(library.reader)
        tell()
        second = reader.get("/notifications", params={"limit": 1, "after": first.json()["meta"]["next"]})
        assert [row["title"] for answer in (first, second) for row in data(answer)] == [
            "Your book is on its way", "Request accepted",
        ]  # fmt: skip
        assert second.json()["meta"]["next"] is None
        refused(reader.get("/notifications", params={"after": "nonsense"}), 422, "VALIDATION_ERROR")

    def test_by_type(self, reader: Api) -> None:
        rows = data(reader.get("/notifications", params={"notification_type": "REQUEST_STATUS"}))
        assert [row["title"] for row in rows] == ["Request accepted"]
        refused(reader.get("/notifications", params={"notification_type": "GOSSIP"}), 422, "VALIDATION_ERROR")

    def test_anothers_do_not_exist(self, reader: Api, library: Library) -> None:
        first, _ = data(reader.get("/notifications"))
        for api in (library.librarian.api, library.student().api):
            refused(api.get(f"/notifications/{first['id']}"), 404, "NOT_FOUND")
            refused(api.put(f"/notifications/{first['id']}/read", {}), 404, "NOT_FOUND")
            refused(api.delete(f"/notifications/{first['id']}"), 404, "NOT_FOUND")
        refused(reader.get(f"/notifications/{uuid4()}"), 404, "NOT_FOUND")

    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", ""), ("GET", f"/{UUID(int=7)}"), ("PUT", f"/{UUID(int=7)}/read"), ("PUT", "/read-all")],
    )
    def test_nobody_reads_without_a_token(self, client: Api, method: str, path: str) -> None:
        refused(client.call(method, f"/notifications{path}"), 401, "UNAUTHENTICATED")
