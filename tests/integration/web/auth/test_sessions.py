"""Refreshing and ending sessions."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from luna_web.auth.errors import RefreshTokenInvalid, RefreshTokenReused
from luna_web.auth.models import User, UserSession
from luna_web.auth.sessions import Sessions
from luna_web.shared.audit import RequestMeta
from luna_web.shared.clock import FixedClock
from luna_web.shared.config import Settings
from luna_web.shared.database import transaction
from luna_web.shared.models import AuditLog
from luna_web.shared.runtime import Runtime, make_runtime
from tests.integration.servers import wait_until
from tests.integration.web.auth.conftest import Town
from tests.integration.world import PASSWORD, Api, People, Person, data, refused

META = RequestMeta("192.0.2.1", "a browser")


@pytest.fixture
def person(people: People) -> Person:
    return people.make(email="ada@example.org")


@pytest.fixture
def pair(client: Api, person: Person) -> dict[str, Any]:
    """Tokens of a fresh login."""
    found: dict[str, Any] = data(client.post("/auth/login", {"email": person.email, "password": PASSWORD}))
    return found


def refresh(api: Api, token: str) -> Any:
    return api.post("/auth/refresh", {"refresh_token": token})


class TestRefresh:
    def test_a_refresh_token_brings_a_new_pair_of_the_same_session(self, client: Api, pair: dict[str, Any]) -> None:
        fresh = data(refresh(client, pair["refresh_token"]))

        assert fresh["refresh_token"] != pair["refresh_token"]
        assert data(client.as_token(fresh["access_token"]).get("/auth/me"))["email"] == "ada@example.org"
        assert data(client.as_token(pair["access_token"]).get("/auth/me"))

    def test_a_retry_gets_the_same_successor(self, town: Town) -> None:
        token = data(town.login(town.people.make().email))["refresh_token"]
        first = data(refresh(town.api, token))
        again = data(refresh(town.api, token))

        assert first["refresh_token"] == again["refresh_token"]

    def test_one_that_was_used_and_followed_ends_the_session(
        self, client: Api, pair: dict[str, Any], session: Session
    ) -> None:
        second = data(refresh(client, pair["refresh_token"]))
        third = data(refresh(client, second["refresh_token"]))

        refused(refresh(client, pair["refresh_token"]), 401, "TOKEN_REUSED")

        refused(refresh(client, third["refresh_token"]), 401, "UNAUTHENTICATED")
        refused(client.as_token(third["access_token"]).get("/auth/me"), 401, "UNAUTHENTICATED")
        assert session.scalars(select(AuditLog).where(AuditLog.action == "session.token_reused")).one()

    @pytest.mark.parametrize("token", ["", "nonsense", "A" * 86, "é" * 10, "x" * 2000])
    def test_what_nobody_issued_is_refused_and_ends_nothing(
        self, client: Api, pair: dict[str, Any], token: str
    ) -> None:
        assert refresh(client, token).status_code in (401, 422)

        data(refresh(client, pair["refresh_token"]))

    def test_an_access_token_does_not_refresh_nor_the_other_way_round(self, client: Api, pair: dict[str, Any]) -> None:
        refused(refresh(client, pair["access_token"]), 401, "UNAUTHENTICATED")
        refused(client.as_token(pair["refresh_token"]).get("/auth/me"), 401, "UNAUTHENTICATED")

    def test_nobody_refreshes_a_disabled_account(
        self, client: Api, pair: dict[str, Any], person: Person, runtime: Runtime
    ) -> None:
        with transaction(runtime.session_factory) as session:
            session.get_one(User, person.id).is_active = False

        refused(refresh(client, pair["refresh_token"]), 401, "UNAUTHENTICATED")

    def test_tokens_are_stored_as_hashes_only(self, pair: dict[str, Any], session: Session) -> None:
        rows = session.scalars(select(UserSession)).all()

        assert all(pair["refresh_token"].encode() not in row.refresh_hash for row in rows)
        assert all(len(row.refresh_hash) == 32 for row in rows)


class TestRefreshTime:
    """Time is moved by hand."""

    @pytest.fixture
    def clock(self) -> FixedClock:
        return FixedClock(datetime.now(UTC))

    @pytest.fixture
    def sessions(self, runtime: Runtime, settings: Settings, clock: FixedClock) -> Sessions:
        return Sessions(make_runtime(settings, clock))

    @pytest.fixture
    def token(self, sessions: Sessions, runtime: Runtime, person: Person) -> str:
        with transaction(runtime.session_factory) as session:
            return sessions.open(session, session.get_one(User, person.id), META).refresh_token

    def test_the_grace_lasts_ten_seconds(self, sessions: Sessions, clock: FixedClock, token: str) -> None:
        follower = sessions.refresh(token, META).refresh_token
        clock.advance(timedelta(seconds=10))
        assert sessions.refresh(token, META).refresh_token == follower

        clock.advance(timedelta(milliseconds=1))
        with pytest.raises(RefreshTokenReused):
            sessions.refresh(token, META)

    def test_a_session_that_is_used_goes_on_and_one_that_is_not_ends_after_a_week(
        self, sessions: Sessions, clock: FixedClock, token: str
    ) -> None:
        for _ in range(3):
            clock.advance(timedelta(days=6))
            token = sessions.refresh(token, META).refresh_token

        clock.advance(timedelta(days=7))
        with pytest.raises(RefreshTokenInvalid):
            sessions.refresh(token, META)

    def test_two_at_once_get_the_same_successor(self, sessions: Sessions, token: str) -> None:
        """Two real transactions: one rotates, the other waits for it and repeats its answer."""
        together = Barrier(8)

        def race() -> str:
            together.wait(10)
            return sessions.refresh(token, META).refresh_token

        with ThreadPoolExecutor(8) as pool:
            followers = {job.result(timeout=20) for job in [pool.submit(race) for _ in range(8)]}

        assert len(followers) == 1


class TestLogout:
    def test_it_ends_this_session_and_no_other(self, client: Api, pair: dict[str, Any], person: Person) -> None:
        data(client.as_token(pair["access_token"]).post("/auth/logout"))

        refused(client.as_token(pair["access_token"]).get("/auth/me"), 401, "UNAUTHENTICATED")
        refused(refresh(client, pair["refresh_token"]), 401, "UNAUTHENTICATED")
        data(person.api.get("/auth/me"))

    def test_with_all_it_ends_every_one_of_ones_own(
        self, client: Api, pair: dict[str, Any], person: Person, student: Api
    ) -> None:
        data(client.as_token(pair["access_token"]).post("/auth/logout?all=true"))

        refused(person.api.get("/auth/me"), 401, "UNAUTHENTICATED")
        data(student.get("/auth/me"))

    def test_a_refresh_token_that_comes_along_ends_with_it_if_it_is_ones_own(
        self, client: Api, pair: dict[str, Any], person: Person, student: Api
    ) -> None:
        data(student.post("/auth/logout", {"refresh_token": pair["refresh_token"]}))
        token = data(refresh(client, pair["refresh_token"]))["refresh_token"]

        data(person.api.post("/auth/logout", {"refresh_token": token}))

        refused(refresh(client, token), 401, "UNAUTHENTICATED")

    def test_another_process_refuses_the_token_too(
        self, serve: Callable[[], Api], client: Api, pair: dict[str, Any]
    ) -> None:
        """Within a second: `shared/test_revocation.py`."""
        other = serve().as_token(pair["access_token"])
        data(other.get("/auth/me"))

        data(client.as_token(pair["access_token"]).post("/auth/logout"))

        wait_until("the other process refuses it", lambda: other.get("/auth/me").status_code == 401)
