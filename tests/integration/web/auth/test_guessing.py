"""Guessing passwords gets slower and slower, for nobody but who guesses."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from luna_web.auth.delays import Counter, Delays, Patience, Verdict
from luna_web.auth.models import User
from luna_web.shared.runtime import Runtime
from tests.integration.web.auth.conftest import Town
from tests.integration.world import PASSWORD, Person, data, refused

WRONG = "Wrong-horse-9"


@pytest.fixture
def ada(town: Town) -> Person:
    return town.people.make(email="ada@example.org")


def fail(town: Town, times: int, email: str = "ada@example.org", **more: Any) -> None:
    for _ in range(times):
        refused(town.login(email, WRONG, **more), 401, "INVALID_CREDENTIALS")


def wait_asked(town: Town, email: str = "ada@example.org", **more: Any) -> int:
    """The Retry-After of a refusal, in seconds."""
    answer = town.login(email, **more)
    refused(answer, 429, "TOO_MANY_ATTEMPTS")
    return int(answer.headers["Retry-After"])


def known_device(town: Town, email: str = "ada@example.org") -> str:
    token: str = data(town.login(email))["device_token"]
    return token


class TestDelays:
    @pytest.mark.parametrize("email", ["ada@example.org", "nobody@example.org"])
    def test_they_double_whether_the_account_exists_or_not(self, town: Town, ada: Person, email: str) -> None:
        fail(town, 5, email)
        asked = []
        for _ in range(12):
            fail(town, 1, email)
            asked.append(wait_asked(town, email))
            town.clock.advance(timedelta(seconds=asked[-1]))

        assert asked[:6] == [1, 2, 4, 8, 16, 32]
        assert max(asked) <= 900

    def test_the_right_password_waits_as_well(self, town: Town, ada: Person) -> None:
        fail(town, 6)
        wait_asked(town)
        town.clock.advance(timedelta(seconds=1))

        data(town.login(ada.email))

    def test_success_forgives(self, town: Town, ada: Person) -> None:
        fail(town, 5)
        data(town.login(ada.email))

        fail(town, 5)

    def test_they_pass_by_themselves(self, town: Town, ada: Person) -> None:
        fail(town, 6)
        town.clock.advance(timedelta(hours=1))

        fail(town, 5)

    def test_a_hundred_at_once_are_not_a_hundred_guesses(self, town: Town, ada: Person) -> None:
        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(lambda _: town.login(ada.email, WRONG).status_code, range(60)))

        assert statuses.count(401) <= 6

    @pytest.mark.parametrize("email", ["ADA@example.org", " ada@EXAMPLE.org "])
    def test_another_spelling_of_the_email_is_no_way_around(self, town: Town, ada: Person, email: str) -> None:
        fail(town, 6)

        wait_asked(town, email)

    def test_what_is_slowed_down_is_in_the_audit_trail(self, town: Town, ada: Person) -> None:
        fail(town, 5)
        assert town.audit("login.slowed_down") == []

        fail(town, 1)

        (row,) = town.audit("login.slowed_down")
        assert (row.resource_id, str(row.ip_address)) == (str(ada.id), "192.0.2.1")
        assert "ada@example.org" not in str(row.changes)

    def test_a_single_address_is_slowed_down_over_all_accounts(self, make_town: Callable[..., Town]) -> None:
        strict = make_town(login_free_failures_per_address=3)
        for number in range(4):
            fail(strict, 1, f"user{number}@example.org")

        assert wait_asked(strict, "another@example.org") == 1

    def test_a_campus_that_mistypes_now_and_then_never_waits(self, make_town: Callable[..., Town]) -> None:
        strict = make_town(login_free_failures_per_address=3)
        for number in range(20):
            fail(strict, 1, f"user{number}@example.org")
            strict.clock.advance(timedelta(seconds=3))

    def test_who_logs_in_does_not_pay_off_the_failures_of_an_address(self, make_town: Callable[..., Town]) -> None:
        strict = make_town(login_free_failures_per_address=3)
        strict.people.make(email="mallory@example.org")
        for number in range(3):
            fail(strict, 1, f"user{number}@example.org")
            data(strict.login("mallory@example.org"))
        fail(strict, 1, "user9@example.org")

        wait_asked(strict, "user10@example.org")


class TestKnownDevices:
    def test_nobody_is_locked_out_by_others(self, town: Town, ada: Person) -> None:
        token = known_device(town)
        fail(town, 6)
        wait_asked(town)

        data(town.login(ada.email, device_token=token))

    def test_the_cookie_counts_as_well(self, town: Town, ada: Person) -> None:
        token = known_device(town)
        fail(town, 6)

        cookie = {"Cookie": f"__Secure-luna_device={token}"}
        data(town.api.post("/auth/login", {"email": ada.email, "password": PASSWORD}, headers=cookie))

    def test_a_device_has_a_count_of_its_own(self, town: Town, ada: Person) -> None:
        token = known_device(town)
        fail(town, 6, device_token=token)

        wait_asked(town, device_token=token)
        data(town.login(ada.email))

    def test_it_is_good_for_its_own_account_only(self, town: Town, ada: Person) -> None:
        town.people.make(email="mallory@example.org")
        token = known_device(town, "mallory@example.org")
        fail(town, 6, device_token=token)

        wait_asked(town)

    def test_it_stays_known_when_the_account_gets_another_email(self, town: Town, ada: Person) -> None:
        token = known_device(town)
        with town.transaction() as session:
            session.get_one(User, ada.id).email = "countess@example.org"
        fail(town, 6, "countess@example.org")

        data(town.login("countess@example.org", device_token=token))

    def test_whoever_gets_the_email_later_does_not_get_the_device(self, town: Town, ada: Person) -> None:
        token = known_device(town)
        with town.transaction() as session:
            session.get_one(User, ada.id).email = "countess@example.org"
        town.people.make(email="ada@example.org")
        fail(town, 6, device_token=token)

        wait_asked(town)

    def test_it_expires(self, town: Town, ada: Person) -> None:
        token = known_device(town)
        town.clock.advance(timedelta(days=181))
        fail(town, 6)

        wait_asked(town, device_token=token)

    def test_login_keeps_the_device_and_renews_its_token(self, town: Town, ada: Person) -> None:
        token = known_device(town)
        town.clock.advance(timedelta(days=100))
        renewed = data(town.login(ada.email, device_token=token))["device_token"]
        town.clock.advance(timedelta(days=100))
        fail(town, 6)

        data(town.login(ada.email, device_token=renewed))

    @pytest.mark.parametrize("token", ["nonsense", "é" * 50, "A" * 54, "A" * 1024])
    def test_what_nobody_issued_is_like_none(self, town: Town, ada: Person, token: str) -> None:
        data(town.login(ada.email, device_token=token))


class TestNothingIsTold:
    """The same answer after the same work, account or not."""

    def test_login(self, town: Town, ada: Person, counted: Callable[..., tuple[int, int]]) -> None:
        answers: list[Any] = []
        data(town.login(ada.email))

        there = counted(town, lambda: answers.append(town.login(ada.email, WRONG)))
        nowhere = counted(town, lambda: answers.append(town.login("nobody@example.org", WRONG)))

        assert there == nowhere
        assert there[0] == 1
        assert answers[0].json()["error"] == answers[1].json()["error"]
        assert set(answers[0].headers) == set(answers[1].headers)

    def test_login_with_a_device_of_another_account(
        self, town: Town, ada: Person, counted: Callable[..., tuple[int, int]]
    ) -> None:
        town.people.make(email="mallory@example.org")
        token = known_device(town, "mallory@example.org")

        there = counted(town, lambda: town.login(ada.email, WRONG, device_token=token))
        nowhere = counted(town, lambda: town.login("nobody@example.org", WRONG, device_token=token))

        assert there == nowhere

    def test_login_that_is_slowed_down(self, town: Town, ada: Person, counted: Callable[..., tuple[int, int]]) -> None:
        fail(town, 5)
        fail(town, 5, "nobody@example.org")

        there = counted(town, lambda: town.login(ada.email, WRONG))
        nowhere = counted(town, lambda: town.login("nobody@example.org", WRONG))

        assert there == nowhere
        assert wait_asked(town) == wait_asked(town, "nobody@example.org")

    def test_resending(self, town: Town, ada: Person, counted: Callable[..., tuple[int, int]]) -> None:
        def ask(email: str) -> Any:
            return town.api.post("/auth/verify-email/resend", {"email": email})

        assert counted(town, lambda: ask(ada.email)) == counted(town, lambda: ask("nobody@example.org"))


def test_whoever_reads_the_clock_first_and_asks_second_does_not_wait(runtime: Runtime) -> None:
    delays, now = Delays(runtime.redis), datetime.now(UTC)
    counter = Counter("address:192.0.2.7", Patience(5, timedelta(minutes=10), timedelta(minutes=1)))

    assert delays.begin([counter], now).admitted
    assert delays.begin([counter], now - timedelta(milliseconds=3)) == Verdict(True, timedelta(0))
