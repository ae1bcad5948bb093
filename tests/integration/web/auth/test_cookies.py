"""Browsers may have the refresh token in a cookie that no script and no other site can use."""

from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Any

import pytest

from tests.integration.web.auth.conftest import Town
from tests.integration.world import PASSWORD, Person, data, refused

REFRESH, DEVICE = "__Secure-luna_refresh", "__Secure-luna_device"
OURS = "https://luna.example.org"
FROM_US = {"Origin": OURS, "X-Requested-With": "luna"}


@pytest.fixture
def town(make_town: Callable[..., Town]) -> Town:
    return make_town(public_url=OURS)


@pytest.fixture
def ada(town: Town) -> Person:
    return town.people.make(email="ada@example.org")


def cookies(answer: Any) -> SimpleCookie:
    found = SimpleCookie()
    for header in answer.headers.get_list("set-cookie"):
        found.load(header)
    return found


def log_in(town: Town) -> Any:
    return town.api.post("/auth/login?cookie=true", {"email": "ada@example.org", "password": PASSWORD})


def refresh(town: Town, token: str, headers: dict[str, str]) -> Any:
    return town.api.post("/auth/refresh", headers={"Cookie": f"{REFRESH}={token}", **headers})


@pytest.mark.parametrize("name", [REFRESH, DEVICE])
def test_it_is_out_of_reach(town: Town, ada: Person, name: str) -> None:
    morsel = cookies(log_in(town))[name]

    assert morsel["httponly"] and morsel["secure"]
    assert (morsel["samesite"].lower(), morsel["path"]) == ("strict", "/api/v1/auth")
    assert int(morsel["max-age"]) >= 7 * 86_400


def test_then_no_token_that_lasts_is_in_the_body(town: Town, ada: Person) -> None:
    answer = log_in(town)

    assert data(answer)["refresh_token"] is None
    assert data(answer)["device_token"] is None
    assert cookies(answer)[REFRESH].value not in answer.text


def test_answers_with_tokens_are_kept_in_no_cache(town: Town, ada: Person) -> None:
    answer = log_in(town)

    assert answer.headers["Cache-Control"] == "no-store"
    assert refresh(town, cookies(answer)[REFRESH].value, FROM_US).headers["Cache-Control"] == "no-store"


def test_registering_can_do_so_too(town: Town) -> None:
    body = {"email": "b@example.org", "password": PASSWORD, "first_name": "B", "last_name": "C"}

    answer = town.api.post("/auth/register?cookie=true", body)

    assert data(answer, 201)["refresh_token"] is None
    assert cookies(answer)[REFRESH].value


def test_without_being_asked_for_there_is_none(town: Town, ada: Person) -> None:
    answer = town.login(ada.email)

    assert data(answer)["refresh_token"]
    assert REFRESH not in cookies(answer)


def test_our_own_pages_refresh_with_it(town: Town, ada: Person) -> None:
    first = cookies(log_in(town))[REFRESH].value

    answer = refresh(town, first, FROM_US)

    assert data(answer)["refresh_token"] is None
    second = cookies(answer)[REFRESH].value
    assert second != first
    data(refresh(town, second, FROM_US))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": OURS},
        {"X-Requested-With": "luna"},
        {"Origin": "https://evil.example", "X-Requested-With": "luna"},
        {"Origin": OURS + ".evil.example", "X-Requested-With": "luna"},
        {"Origin": "null", "X-Requested-With": "luna"},
        {"Origin": "http://luna.example.org", "X-Requested-With": "luna"},
        {"Origin": OURS, "X-Requested-With": ""},
    ],
)
def test_no_other_page_does(town: Town, ada: Person, headers: dict[str, str]) -> None:
    token = cookies(log_in(town))[REFRESH].value

    refused(refresh(town, token, headers), 403, "FORBIDDEN")

    data(refresh(town, token, FROM_US))


def test_a_token_in_the_body_needs_no_origin_and_goes_back_in_the_body(town: Town, ada: Person) -> None:
    token = cookies(log_in(town))[REFRESH].value

    answer = town.api.post("/auth/refresh", {"refresh_token": token})

    assert data(answer)["refresh_token"]
    assert REFRESH not in cookies(answer)


def test_without_any_token_the_field_is_named(town: Town) -> None:
    assert refused(town.api.post("/auth/refresh"), 422, "VALIDATION_ERROR")["fields"]["refresh_token"]


def test_logging_out_ends_its_session_and_takes_it_away(town: Town, ada: Person) -> None:
    answer = log_in(town)
    token, access = cookies(answer)[REFRESH].value, data(answer)["access_token"]

    left = town.api.as_token(access).post("/auth/logout", headers={"Cookie": f"{REFRESH}={token}"})

    assert cookies(left)[REFRESH].value == "" and cookies(left)[REFRESH]["max-age"] == "0"
    refused(refresh(town, token, FROM_US), 401, "UNAUTHENTICATED")
