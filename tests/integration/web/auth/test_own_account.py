"""One's own password and sessions."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from argon2 import PasswordHasher
from pydantic import SecretStr

from luna_web.auth.errors import RefreshTokenInvalid
from luna_web.auth.models import User
from luna_web.auth.passwords import Passwords
from luna_web.auth.sessions import Sessions
from luna_web.shared.audit import RequestMeta
from luna_web.shared.keys import KeyKind, make_key
from luna_web.shared.principal import Role
from tests.integration.web.auth.conftest import NEW_PASSWORD, Town
from tests.integration.world import PASSWORD, Api, Person, data, refused

META = RequestMeta("192.0.2.1", "a browser")


@pytest.fixture
def ada(town: Town) -> Person:
    return town.people.make(email="ada@example.org")


def change(api: Api, current: str = PASSWORD, new: str = NEW_PASSWORD) -> Any:
    return api.put("/auth/change-password", {"current_password": current, "new_password": new})


class TestChangePassword:
    def test_it_ends_every_other_session(self, town: Town, ada: Person) -> None:
        other = data(town.login(ada.email))

        assert data(change(ada.api)) == {}

        data(ada.api.get("/auth/me"))
        refused(town.api.as_token(other["access_token"]).get("/auth/me"), 401, "UNAUTHENTICATED")
        refused(town.api.post("/auth/refresh", {"refresh_token": other["refresh_token"]}), 401, "UNAUTHENTICATED")
        refused(town.login(ada.email), 401, "INVALID_CREDENTIALS")
        data(town.login(ada.email, NEW_PASSWORD))
        assert town.audit("user.password_changed")[0].changes == {"sessions": 1}

    def test_its_owner_is_told_by_mail(self, town: Town, ada: Person) -> None:
        data(change(ada.api))

        assert [mail["Subject"] for mail in town.deliver_mails()] == ["Your password was changed"]

    def test_links_that_were_out_are_worthless(self, town: Town, ada: Person) -> None:
        data(town.api.post("/auth/forgot-password", {"email": ada.email}), 202)
        token = town.mailed_token()
        data(change(ada.api))

        answer = town.api.post("/auth/reset-password", {"token": token, "new_password": PASSWORD})
        refused(answer, 422, "RESET_TOKEN_INVALID")

    def test_it_takes_the_current_one(self, town: Town, ada: Person) -> None:
        refused(change(ada.api, "Wrong-horse-9"), 401, "INVALID_CREDENTIALS")

        data(town.login(ada.email))

    def test_a_login_that_renews_the_hash_meanwhile_does_not_make_it_wrong(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        older = Passwords(memory_kib=2048, passes=2, at_once=1).hash(PASSWORD)
        ada = town.people.make(email="ada@example.org", password_hash=older)
        real, first = PasswordHasher.hash, iter([True])

        def meanwhile(hasher: PasswordHasher, password: str) -> str:
            if next(first, False):
                data(town.login(ada.email))
            return real(hasher, password)

        monkeypatch.setattr(PasswordHasher, "hash", meanwhile)

        assert data(change(ada.api)) == {}
        data(town.login(ada.email, NEW_PASSWORD))

    def test_a_stolen_access_token_does_not_guess_it(self, town: Town, ada: Person) -> None:
        for _ in range(6):
            refused(change(ada.api, "Wrong-horse-9"), 401, "INVALID_CREDENTIALS")

        refused(change(ada.api), 429, "TOO_MANY_ATTEMPTS")
        data(town.login(ada.email))

    def test_a_weak_one_is_told_what_it_lacks(self, ada: Person) -> None:
        assert refused(change(ada.api, new="ada@example.org"), 422, "WEAK_PASSWORD")["fields"]["new_password"]

    def test_no_connection_is_held_while_hashing(
        self, make_town: Callable[..., Town], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        town = make_town()
        ada = town.people.make(email="ada@example.org")
        held: list[int] = []
        real = Passwords.hash
        monkeypatch.setattr(
            Passwords, "hash", lambda self, text: held.append(town.runtime.engine.pool.checkedout()) or real(self, text)
        )

        data(change(ada.api))

        assert set(held) == {0}


class TestSessions:
    def test_ones_own_are_listed_the_last_used_first(self, town: Town, ada: Person, student_elsewhere: Person) -> None:
        town.clock.advance(timedelta(minutes=1))
        second = town.api.as_token(data(town.login(ada.email))["access_token"])

        rows = data(second.get("/auth/sessions"))

        assert [row["current"] for row in rows] == [True, False]
        assert rows[1]["id"] == str(ada.session_id)
        assert rows[0]["last_address"] == "192.0.2.1"

    def test_one_of_them_can_be_ended(self, town: Town, ada: Person) -> None:
        second = town.api.as_token(data(town.login(ada.email))["access_token"])

        data(second.delete(f"/auth/sessions/{ada.session_id}"))

        refused(ada.api.get("/auth/me"), 401, "UNAUTHENTICATED")
        assert len(data(second.get("/auth/sessions"))) == 1
        refused(second.delete(f"/auth/sessions/{ada.session_id}"), 404, "NOT_FOUND")

    def test_another_persons_is_not_there(self, town: Town, ada: Person, student_elsewhere: Person) -> None:
        for other in (student_elsewhere.session_id, uuid4()):
            refused(ada.api.delete(f"/auth/sessions/{other}"), 404, "NOT_FOUND")

        data(student_elsewhere.api.get("/auth/me"))

    def test_ended_and_expired_ones_are_not_listed(self, town: Town, ada: Person) -> None:
        data(town.login(ada.email))
        town.clock.advance(timedelta(days=6))
        fresh = town.api.as_token(data(town.login(ada.email))["access_token"])
        town.clock.advance(timedelta(days=1, minutes=5))
        again = town.api.as_token(data(town.login(ada.email))["access_token"])

        assert len(data(again.get("/auth/sessions"))) == 2
        assert fresh.token != again.token

    def test_one_too_many_ends_the_one_unused_for_longest(self, make_town: Callable[..., Town]) -> None:
        town = make_town(sessions_per_user=3)
        ada = town.people.make(email="ada@example.org")
        tokens = []
        for _ in range(4):
            town.clock.advance(timedelta(seconds=1))
            tokens.append(data(town.login(ada.email))["access_token"])

        alive = [town.api.as_token(token).get("/auth/me").status_code for token in tokens]
        assert alive == [401, 200, 200, 200]

    def test_a_session_does_not_live_for_ever(self, town: Town, ada: Person) -> None:
        """However often it is refreshed."""
        sessions = Sessions(town.runtime)
        with town.transaction() as session:
            token = sessions.open(session, session.get_one(User, ada.id), META).refresh_token
        for _ in range(4):
            town.clock.advance(timedelta(days=6))
            token = sessions.refresh(token, META).refresh_token
        town.clock.advance(timedelta(days=5, hours=23, minutes=30))
        last = sessions.refresh(token, META)
        town.clock.advance(timedelta(minutes=30))

        assert last.expires_in == 1800
        with pytest.raises(RefreshTokenInvalid):
            sessions.refresh(last.refresh_token, META)
        refused(town.api.as_token(last.access_token).get("/auth/me"), 401, "TOKEN_EXPIRED")


@pytest.fixture
def student_elsewhere(town: Town) -> Person:
    return town.people.make(Role.STUDENT)


class TestKeyRotation:
    def test_nobody_is_logged_out(self, make_town: Callable[..., Town]) -> None:
        old, new = make_key(KeyKind.HS256), make_key(KeyKind.EDDSA)
        before = make_town(jwt_keys=_secret(old.text()))
        ada = before.people.make(email="ada@example.org")
        pair = data(before.login(ada.email))
        for _ in range(6):
            before.login(ada.email, "Wrong-horse-9")

        after = make_town(jwt_keys=_secret(f"{new.text()},{old.text()}"))

        data(after.api.as_token(pair["access_token"]).get("/auth/me"))
        fresh = data(after.api.post("/auth/refresh", {"refresh_token": pair["refresh_token"]}))
        data(after.login(ada.email, device_token=pair["device_token"]))
        third = make_town(jwt_keys=_secret(new.text()))
        data(third.api.as_token(fresh["access_token"]).get("/auth/me"))
        data(third.api.post("/auth/refresh", {"refresh_token": fresh["refresh_token"]}))

    def test_a_retry_across_the_change_gets_the_same_successor(self, make_town: Callable[..., Town]) -> None:
        old, new = make_key(KeyKind.HS256), make_key(KeyKind.HS256)
        before = make_town(jwt_keys=_secret(old.text()))
        ada = before.people.make(email="ada@example.org")
        token = data(before.login(ada.email))["refresh_token"]
        first = data(before.api.post("/auth/refresh", {"refresh_token": token}))["refresh_token"]

        after = make_town(jwt_keys=_secret(f"{new.text()},{old.text()}"))
        again = data(after.api.post("/auth/refresh", {"refresh_token": token}))["refresh_token"]

        # Sealed by another key, it is another text of the same token.
        assert data(after.api.post("/auth/refresh", {"refresh_token": again}))["refresh_token"] not in (first, again)

    def test_a_token_of_a_key_that_is_gone_is_refused(self, make_town: Callable[..., Town]) -> None:
        old, new = make_key(KeyKind.HS256), make_key(KeyKind.HS256)
        before = make_town(jwt_keys=_secret(old.text()))
        ada = before.people.make(email="ada@example.org")
        pair = data(before.login(ada.email))

        after = make_town(jwt_keys=_secret(new.text()))

        refused(after.api.as_token(pair["access_token"]).get("/auth/me"), 401, "UNAUTHENTICATED")
        refused(after.api.post("/auth/refresh", {"refresh_token": pair["refresh_token"]}), 401, "UNAUTHENTICATED")


def _secret(text: str) -> SecretStr:
    return SecretStr(text)
