"""Registering, logging in, one's own account."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from luna_web.auth.models import User
from luna_web.auth.passwords import Passwords
from luna_web.main import create_app
from luna_web.shared.config import Registration, Settings
from luna_web.shared.database import transaction
from luna_web.shared.models import AuditLog
from luna_web.shared.principal import Role
from luna_web.shared.runtime import Runtime, make_runtime
from tests.integration.in_process import make_client
from tests.integration.web.auth.conftest import Town
from tests.integration.world import PASSWORD, Api, People, data, refused

ADA = {"email": "Ada@Example.org", "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace"}


def login(api: Api, email: str, password: str = PASSWORD) -> Any:
    return api.post("/auth/login", {"email": email, "password": password})


class TestRegister:
    def test_a_new_reader_is_a_student_and_logged_in(self, client: Api) -> None:
        made = data(client.post("/auth/register", ADA), 201)

        assert (made["user"]["role"], made["user"]["email"]) == ("STUDENT", "Ada@Example.org")
        assert (made["token_type"], made["expires_in"]) == ("Bearer", 3600)
        assert data(client.as_token(made["access_token"]).get("/auth/me"))["first_name"] == "Ada"
        assert "password" not in str(made["user"])

    def test_an_email_is_taken_whatever_its_case(self, client: Api) -> None:
        data(client.post("/auth/register", ADA), 201)

        refused(client.post("/auth/register", ADA | {"email": "ADA@EXAMPLE.ORG"}), 409, "EMAIL_TAKEN")

    @pytest.mark.parametrize("role", ["LIBRARIAN", "ADMIN"])
    def test_nobody_gives_themselves_another_role(self, client: Api, session: Session, role: str) -> None:
        refused(client.post("/auth/register", ADA | {"role": role}), 403, "FORBIDDEN")

        assert session.scalar(select(func.count()).select_from(User)) == 0

    def test_asking_to_be_a_student_is_fine(self, client: Api) -> None:
        data(client.post("/auth/register", ADA | {"role": "STUDENT"}), 201)

    def test_a_weak_password_is_told_what_it_lacks(self, client: Api) -> None:
        details = refused(client.post("/auth/register", ADA | {"password": "robots"}), 422, "WEAK_PASSWORD")

        assert "must have a digit" in details["fields"]["password"]

    @pytest.mark.parametrize(
        "email", ["", "nobody", "@example.org", "a@", "a b@example.org", "a@@example.org", "a@" + "x" * 255]
    )
    def test_an_email_looks_like_one(self, client: Api, email: str) -> None:
        refused(client.post("/auth/register", ADA | {"email": email}), 422, "VALIDATION_ERROR")

    def test_names_come_in_any_script(self, client: Api) -> None:
        made = data(client.post("/auth/register", ADA | {"first_name": "村上", "last_name": "春樹"}), 201)

        assert (made["user"]["first_name"], made["user"]["last_name"]) == ("村上", "春樹")

    def test_a_library_may_keep_registration_to_itself(self, settings: Settings, runtime: Runtime) -> None:
        closed = make_runtime(settings.model_copy(update={"registration": Registration.CLOSED}))
        with make_client(create_app(runtime=closed)) as http:
            refused(Api(http).post("/auth/register", ADA), 403, "FORBIDDEN")
        closed.close()

    def test_registrations_of_an_address_are_bounded(self, settings: Settings, runtime: Runtime) -> None:
        strict = make_runtime(settings.model_copy(update={"register_limit_per_address": "2/minute"}))
        with make_client(create_app(runtime=strict)) as http:
            answers = [Api(http).post("/auth/register", ADA | {"email": f"a{n}@example.org"}) for n in range(3)]
        strict.close()

        assert [answer.status_code for answer in answers] == [201, 201, 429]
        assert int(answers[2].headers["Retry-After"]) > 0
        assert answers[0].headers["RateLimit-Remaining"] == "1"


class TestLogin:
    def test_email_in_any_case_and_the_password(self, client: Api, people: People) -> None:
        person = people.make(Role.LIBRARIAN, "Bea@example.org")

        logged_in = data(login(client, " bea@EXAMPLE.org "))

        assert logged_in["user"]["id"] == str(person.id)
        assert data(client.as_token(logged_in["access_token"]).get("/auth/me"))["role"] == "LIBRARIAN"

    def test_a_wrong_password_and_a_missing_account_get_the_same_answer(self, client: Api, people: People) -> None:
        people.make(email="bea@example.org")

        wrong = login(client, "bea@example.org", "Wrong-horse-9").json()
        missing = login(client, "nobody@example.org", "Wrong-horse-9").json()

        assert wrong["error"] == missing["error"]
        assert wrong["error"]["code"] == "INVALID_CREDENTIALS"

    @pytest.mark.parametrize("near", [PASSWORD.lower(), PASSWORD[:-1], PASSWORD + "x", PASSWORD + " ", " " + PASSWORD])
    def test_every_character_of_a_password_counts(self, client: Api, people: People, near: str) -> None:
        people.make(email="bea@example.org")

        refused(login(client, "bea@example.org", near), 401, "INVALID_CREDENTIALS")

    def test_only_who_knows_the_password_learns_that_an_account_is_disabled(self, client: Api, people: People) -> None:
        people.make(email="bea@example.org", is_active=False)

        refused(login(client, "bea@example.org", "Wrong-horse-9"), 401, "INVALID_CREDENTIALS")
        refused(login(client, "bea@example.org"), 403, "ACCOUNT_DISABLED")

    def test_a_hash_of_older_parameters_is_renewed(self, client: Api, people: People, session: Session) -> None:
        older = Passwords(memory_kib=2048, passes=2, at_once=1).hash(PASSWORD)
        person = people.make(email="bea@example.org", password_hash=older)

        data(login(client, "bea@example.org"))

        assert session.get_one(User, person.id).password_hash != older
        data(login(client, "bea@example.org"))

    def test_of_two_at_once_with_an_older_hash_both_are_in(
        self, client: Api, people: People, session: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Both have compared the old hash before either has made it anew."""
        older = Passwords(memory_kib=2048, passes=2, at_once=1).hash(PASSWORD)
        person = people.make(email="bea@example.org", password_hash=older)
        real, both, waiting = PasswordHasher.check_needs_rehash, Barrier(2), iter([True, True])

        def together(hasher: PasswordHasher, known: str) -> bool:
            if next(waiting, False):
                both.wait(10)
            return real(hasher, known)

        monkeypatch.setattr(PasswordHasher, "check_needs_rehash", together)
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda _: login(client, "bea@example.org"), range(2)))

        assert [answer.status_code for answer in answers] == [200, 200]
        assert session.get_one(User, person.id).password_hash != older

    def test_whose_password_becomes_another_while_it_is_compared_is_not_in(
        self, client: Api, people: People, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        person = people.make(email="bea@example.org")
        other = Passwords.of(runtime.settings).hash("Another-horse-battery-7")
        real = PasswordHasher.check_needs_rehash

        def meanwhile(hasher: PasswordHasher, known: str) -> bool:
            with transaction(runtime.session_factory) as changing:
                changing.get_one(User, person.id).password_hash = other
            return real(hasher, known)

        monkeypatch.setattr(PasswordHasher, "check_needs_rehash", meanwhile)
        refused(login(client, "bea@example.org"), 401, "INVALID_CREDENTIALS")

    def test_failures_of_an_account_are_counted_whether_it_exists_or_not(self, town: Town) -> None:
        town.people.make(email="bea@example.org")

        for email in ("bea@example.org", "nobody@example.org"):
            for _ in range(town.runtime.settings.login_free_failures + 1):
                refused(town.login(email, "Wrong-horse-9"), 401, "INVALID_CREDENTIALS")
            answer = town.login(email.upper())
            refused(answer, 429, "TOO_MANY_ATTEMPTS")
            assert int(answer.headers["Retry-After"]) > 0

    def test_a_campus_behind_one_address_gets_in(self, make_town: Callable[..., Town], settings: Settings) -> None:
        """A hundred a minute. Here they have an hour, or a slow machine would not be refused the next one."""
        assert settings.login_limit_per_address == "100/minute"
        town = make_town(login_limit_per_address="100/hour")
        town.people.make(email="bea@example.org")

        assert {town.login("bea@example.org").status_code for _ in range(100)} == {200}
        refused(town.login("bea@example.org"), 429, "TOO_MANY_ATTEMPTS")

    def test_it_is_in_the_audit_trail_with_its_address(self, client: Api, people: People, session: Session) -> None:
        person = people.make(email="bea@example.org")
        data(login(client, "bea@example.org"))

        row = session.scalars(select(AuditLog).where(AuditLog.action == "user.logged_in")).one()

        assert (row.user_id, str(row.ip_address)) == (person.id, "192.0.2.1")


class TestMe:
    def test_what_is_given_changes_and_the_rest_stays(self, student: Api) -> None:
        before = data(student.get("/auth/me"))

        after = data(student.put("/auth/me", {"first_name": "Grace", "phone_number": "+49 (0)30 123-456"}))

        assert after == before | {"first_name": "Grace", "phone_number": "+49 (0)30 123-456"}
        assert data(student.get("/auth/me")) == after

    def test_a_phone_number_can_be_taken_away_and_a_name_cannot(self, student: Api) -> None:
        data(student.put("/auth/me", {"phone_number": "030 123"}))

        assert data(student.put("/auth/me", {"phone_number": None}))["phone_number"] is None
        refused(student.put("/auth/me", {"first_name": None}), 422, "VALIDATION_ERROR")

    @pytest.mark.parametrize("change", [{"role": "ADMIN"}, {"email": "x@example.org"}, {"is_active": True}])
    def test_nothing_else_is_ones_own_to_change(self, student: Api, change: dict[str, Any]) -> None:
        refused(student.put("/auth/me", change), 422, "VALIDATION_ERROR")
