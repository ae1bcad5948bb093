"""What administrators do with accounts, and what they can read about it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from luna_web.auth.models import User
from luna_web.auth.passwords import Passwords
from luna_web.shared.audit import audit
from luna_web.shared.config import Settings
from luna_web.shared.principal import Role
from tests.integration.servers import Postgres
from tests.integration.web.auth.conftest import NEW_PASSWORD, Town
from tests.integration.web.delivery.world import Library
from tests.integration.world import PASSWORD, Catalog, Person, data, refused

NEW = {"email": "Bea@example.org", "role": "LIBRARIAN", "first_name": "Bea", "last_name": "Brown"}


@pytest.fixture
def admin(town: Town) -> Person:
    return town.people.make(Role.ADMIN, email="root@example.org")


@pytest.fixture
def ada(town: Town) -> Person:
    return town.people.make(email="ada@example.org", first_name="Ada", last_name="Lovelace")


def path(person: Person) -> str:
    return f"/auth/users/{person.id}"


class TestList:
    def find(self, admin: Person, **query: Any) -> list[str]:
        return [user["email"] for user in data(admin.api.get("/auth/users", params=query))]

    def test_words_are_found_in_email_and_name(self, admin: Person, ada: Person) -> None:
        assert self.find(admin, q="LOVE") == ["ada@example.org"]
        assert self.find(admin, q="lovelace ada") == ["ada@example.org"]
        assert self.find(admin, q="example.org") == ["root@example.org", "ada@example.org"]
        assert self.find(admin, q="nobody") == []

    @pytest.mark.parametrize("q", ["%", "_", "\\", "a%a", "'"])
    def test_signs_of_patterns_are_letters_like_others(self, admin: Person, ada: Person, q: str) -> None:
        assert self.find(admin, q=q) == []

    def test_filters_and_sorts(self, town: Town, admin: Person, ada: Person) -> None:
        town.people.make(email="zoe@example.org", is_active=False)

        assert self.find(admin, role="STUDENT", is_active=True) == ["ada@example.org"]
        assert self.find(admin, is_active=False) == ["zoe@example.org"]
        assert self.find(admin, sort="email", order="desc")[0] == "zoe@example.org"
        refused(admin.api.get("/auth/users?sort=password_hash"), 422, "VALIDATION_ERROR")
        refused(admin.api.get("/auth/users?q=a%00b"), 422, "VALIDATION_ERROR")

    def test_a_page_costs_the_same_whatever_is_on_it(
        self, admin: Person, town: Town, counted: Callable[..., tuple[int, int]]
    ) -> None:
        few = counted(town, lambda: admin.api.get("/auth/users"))
        for _ in range(10):
            town.people.make()

        assert counted(town, lambda: admin.api.get("/auth/users")) == few

    def test_nobody_sees_a_password_hash(self, admin: Person, ada: Person) -> None:
        assert "argon2" not in admin.api.get("/auth/users").text


class TestCreate:
    def test_with_a_role_and_a_password(self, town: Town, admin: Person) -> None:
        answer = admin.api.post("/auth/users", NEW | {"password": PASSWORD})

        made = data(answer, 201)
        assert answer.headers["Location"] == f"/api/v1/auth/users/{made['id']}"
        assert data(town.login("bea@example.org"))["user"]["role"] == "LIBRARIAN"
        assert town.audit("user.created")[0].user_id == admin.id

    def test_without_a_password_its_owner_chooses_one(self, town: Town, admin: Person) -> None:
        data(admin.api.post("/auth/users", NEW), 201)

        (mail,) = town.deliver_mails()
        assert (mail["To"], mail["Subject"]) == ("Bea@example.org", "Your library account")
        body = {"token": town.mailed_token(), "new_password": NEW_PASSWORD}
        data(town.api.post("/auth/reset-password", body))
        data(town.login("bea@example.org", NEW_PASSWORD))

    def test_a_taken_email_and_a_weak_password_are_told(self, admin: Person, ada: Person) -> None:
        refused(admin.api.post("/auth/users", NEW | {"email": "ADA@example.org"}), 409, "EMAIL_TAKEN")
        refused(admin.api.post("/auth/users", NEW | {"password": "Library-2026!"}), 422, "WEAK_PASSWORD")


class TestChange:
    def test_a_new_role_ends_the_sessions_of_the_old(self, town: Town, admin: Person, ada: Person) -> None:
        assert data(admin.api.put(path(ada), {"role": "LIBRARIAN"}))["role"] == "LIBRARIAN"

        refused(ada.api.get("/auth/me"), 401, "UNAUTHENTICATED")
        assert data(town.login(ada.email))["user"]["role"] == "LIBRARIAN"
        assert town.audit("user.role_changed")[0].changes == {"from": "STUDENT", "to": "LIBRARIAN"}

    def test_the_same_role_ends_nothing(self, admin: Person, ada: Person) -> None:
        data(admin.api.put(path(ada), {"role": "STUDENT", "first_name": "Augusta"}))

        assert data(ada.api.get("/auth/me"))["first_name"] == "Augusta"

    def test_whoever_is_deactivated_is_out_and_can_come_back(self, town: Town, admin: Person, ada: Person) -> None:
        assert data(admin.api.delete(path(ada)))["is_active"] is False

        refused(ada.api.get("/auth/me"), 401, "UNAUTHENTICATED")
        refused(town.login(ada.email), 403, "ACCOUNT_DISABLED")
        data(admin.api.delete(path(ada)))
        data(admin.api.put(path(ada), {"is_active": True}))
        data(town.login(ada.email))
        assert len(town.audit("user.deactivated")) == len(town.audit("user.activated")) == 1

    def test_somebody_can_be_logged_out_everywhere(self, town: Town, admin: Person, ada: Person) -> None:
        assert data(admin.api.delete(f"{path(ada)}/sessions")) == {"sessions": 1}

        refused(ada.api.get("/auth/me"), 401, "UNAUTHENTICATED")
        data(town.login(ada.email))

    @pytest.mark.parametrize("change", [{"role": None}, {"is_active": None}, {"first_name": None}, {"email": "x@y.zz"}])
    def test_what_cannot_be_is_refused(self, admin: Person, ada: Person, change: dict[str, Any]) -> None:
        refused(admin.api.put(path(ada), change), 422, "VALIDATION_ERROR")

    def test_nobody_is_nobody(self, admin: Person) -> None:
        for call in (admin.api.get, admin.api.delete):
            refused(call(f"/auth/users/{uuid4()}"), 404, "NOT_FOUND")
        refused(admin.api.put(f"/auth/users/{uuid4()}", {}), 404, "NOT_FOUND")


class TestTheLastAdministrator:
    def test_stays(self, admin: Person) -> None:
        refused(admin.api.put(path(admin), {"role": "LIBRARIAN"}), 409, "LAST_ADMIN")
        refused(admin.api.delete(path(admin)), 409, "LAST_ADMIN")

        data(admin.api.get("/auth/users"))

    def test_one_who_is_disabled_does_not_count(self, town: Town, admin: Person) -> None:
        town.people.make(Role.ADMIN, is_active=False)

        refused(admin.api.delete(path(admin)), 409, "LAST_ADMIN")

    def test_two_who_take_each_others_role_at_once_leave_one(self, town: Town, admin: Person) -> None:
        other, together = town.people.make(Role.ADMIN), Barrier(2)

        def race(pair: tuple[Person, Person]) -> int:
            together.wait(10)
            status: int = pair[0].api.put(path(pair[1]), {"role": "STUDENT"}).status_code
            return status

        with ThreadPoolExecutor(2) as pool:
            statuses = sorted(pool.map(race, [(admin, other), (other, admin)]))

        assert statuses[0] == 200
        assert statuses[1] in (401, 409)


class TestDeliveriesOfSomebodyWhoLeaves:
    @pytest.fixture
    def library(self, town: Town, catalog: Catalog) -> Library:
        return Library(town.runtime, town.people, catalog)

    def test_what_they_only_asked_for_ends(self, admin: Person, library: Library, ada: Person) -> None:
        book = library.book()
        wish = {"book_id": book.id, "request_location": "STUDY-1"}
        request = data(ada.api.post("/requests", wish), 201)

        data(admin.api.delete(path(ada)))

        shown = data(admin.api.get(f"/requests/{request['id']}"))
        assert (shown["status"], shown["closed_reason"]) == ("CANCELLED", "USER_DEACTIVATED")
        assert data(admin.api.get(f"/books/{book.id}/availability"))["copies_available"] == 1

    def test_what_is_under_way_keeps_them(self, admin: Person, library: Library, ada: Person) -> None:
        wish = {"book_id": library.book().id, "request_location": "STUDY-1"}
        request = data(ada.api.post("/requests", wish), 201)
        other = data(ada.api.post("/requests", wish | {"book_id": library.book().id}), 201)
        task = data(admin.api.put(f"/requests/{request['id']}/approve", {}))["task_id"]

        details = refused(admin.api.delete(path(ada)), 409, "USER_IN_USE")

        assert details["deliveries"] == [task]
        data(ada.api.get("/auth/me"))
        assert data(ada.api.get(f"/requests/{other['id']}"))["status"] == "PENDING"


class TestRaces:
    def test_whoever_is_deactivated_while_logging_in_has_no_session(
        self, town: Town, admin: Person, ada: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The account goes between the look at its password and the opening of a session."""
        real = Passwords.matches

        def slow(self: Passwords, known: str | None, password: str) -> bool:
            right = real(self, known, password)
            data(admin.api.delete(path(ada)))
            return right

        monkeypatch.setattr(Passwords, "matches", slow)

        refused(town.login(ada.email), 401, "INVALID_CREDENTIALS")

    def test_logging_in_and_deactivating_at_once_leaves_nobody_inside(
        self, town: Town, admin: Person, ada: Person
    ) -> None:
        together = Barrier(5)

        def race(number: int) -> Any:
            together.wait(10)
            return town.login(ada.email) if number else admin.api.delete(path(ada))

        with ThreadPoolExecutor(5) as pool:
            answers = list(pool.map(race, range(5)))

        tokens = [data(answer)["access_token"] for answer in answers[1:] if answer.status_code == 200]
        assert all(town.api.as_token(token).get("/auth/me").status_code == 401 for token in tokens)


class TestAuditTrail:
    @pytest.fixture
    def written(self, town: Town, ada: Person) -> None:
        with town.transaction() as session:
            for number in range(7):
                audit(session, ada.principal, f"test.{number % 2}", "thing", str(number), {"number": number})

    def read(self, admin: Person, **query: Any) -> Any:
        return admin.api.get("/auth/audit-logs", params={"resource_type": "thing", **query})

    def test_the_newest_comes_first(self, admin: Person, written: None) -> None:
        assert [row["changes"]["number"] for row in data(self.read(admin))] == [6, 5, 4, 3, 2, 1, 0]

    def test_filters(self, admin: Person, ada: Person, written: None) -> None:
        assert len(data(self.read(admin, action="test.1"))) == 3
        assert len(data(self.read(admin, user_id=str(ada.id)))) == 7
        assert len(data(self.read(admin, user_id=str(admin.id)))) == 0
        (row,) = data(self.read(admin, resource_id="3"))
        assert len(data(self.read(admin, trace_id=row["trace_id"]))) == 7
        assert len(data(self.read(admin, **{"from": row["at"]}))) == 4
        assert len(data(self.read(admin, to=row["at"]))) == 3

    def test_a_cursor_leads_on_while_rows_are_added(self, town: Town, admin: Person, written: None) -> None:
        first = self.read(admin, limit=3).json()
        with town.transaction() as session:
            audit(session, None, "test.new", "thing", "new", {"number": 99})
        second = self.read(admin, limit=3, after=first["meta"]["next"]).json()
        third = self.read(admin, limit=3, after=second["meta"]["next"]).json()

        seen = [row["changes"]["number"] for page in (first, second, third) for row in page["data"]]
        assert seen == [6, 5, 4, 3, 2, 1, 0]
        assert third["meta"]["next"] is None

    @pytest.mark.parametrize("after", ["nonsense", "é", "MjAyNi0wMS0wMQ", "A" * 200])
    def test_what_never_was_a_cursor_is_refused(self, admin: Person, after: str) -> None:
        refused(self.read(admin, after=after), 422, "VALIDATION_ERROR")

    def test_times_say_where_they_are(self, admin: Person) -> None:
        refused(self.read(admin, **{"from": "2026-01-01T00:00:00"}), 422, "VALIDATION_ERROR")
        data(self.read(admin, **{"from": (datetime.now(UTC) - timedelta(days=1)).isoformat()}))

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE audit_logs SET action = 'nothing'",
            "DELETE FROM audit_logs",
            "TRUNCATE audit_logs",
            "DROP TABLE audit_logs",
            "ALTER TABLE audit_logs DISABLE TRIGGER ALL",
        ],
    )
    def test_the_application_cannot_change_it(
        self, settings: Settings, postgres_server: Postgres, written: None, statement: str
    ) -> None:
        url = settings.database_url.replace("postgresql+psycopg://", "postgresql://")
        with psycopg.connect(url, autocommit=True) as connection:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
            name = connection.execute(
                "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit_logs'::regclass LIMIT 1"
            ).fetchone()
            assert name is not None
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.replace("audit_logs", name[0]))


def test_what_an_administrator_does_is_in_the_trail_with_the_request_id(town: Town, admin: Person, ada: Person) -> None:
    answer = admin.api.put(path(ada), {"role": "LIBRARIAN"}, headers={"X-Request-ID": "audit-12345"})

    (row,) = town.audit("user.role_changed")
    assert (row.user_id, row.role, row.resource_id) == (admin.id, "ADMIN", str(ada.id))
    assert (row.trace_id, answer.headers["X-Request-ID"]) == ("audit-12345", "audit-12345")


def test_deactivating_leaves_the_row(town: Town, admin: Person, ada: Person) -> None:
    data(admin.api.delete(path(ada)))

    with town.transaction() as session:
        assert session.get_one(User, ada.id).email == ada.email


def test_where_accounts_are_served_alone_whoever_leaves_is_settled_as_well(make_town: Callable[..., Town]) -> None:
    alone = make_town()
    root, leaving = alone.people.make(Role.ADMIN), alone.people.make()

    assert data(root.api.delete(path(leaving)))["is_active"] is False
