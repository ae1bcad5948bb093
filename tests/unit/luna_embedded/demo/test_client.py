"""How the demonstration's client treats answers."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from luna_embedded.demo.client import ApiError, Client


def client(answer: Callable[[httpx.Request], httpx.Response], patience: float = 5.0) -> Client:
    return Client("http://luna.test", patience=patience, transport=httpx.MockTransport(answer))


def test_login_sends_its_token_from_then_on() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/v1/auth/login":
            return httpx.Response(
                200, json={"success": True, "data": {"access_token": "abc", "user": {"email": "a@b.c"}}}
            )
        return httpx.Response(200, json={"success": True, "data": request.headers["Authorization"]})

    with client(answer) as luna:
        assert luna.login("a@b.c", "secret") == {"email": "a@b.c"}
        assert luna.get("/auth/me") == "Bearer abc"


def test_an_error_is_raised_with_its_code_and_details() -> None:
    refusal = {
        "success": False,
        "error": {"code": "BOOK_NOT_AVAILABLE", "message": "It is out.", "details": {"current_status": "RESERVED"}},
    }

    with client(lambda _: httpx.Response(409, json=refusal)) as luna, pytest.raises(ApiError) as caught:
        luna.post("/requests", {})

    assert (caught.value.status, caught.value.code, caught.value.details) == (
        409,
        "BOOK_NOT_AVAILABLE",
        {"current_status": "RESERVED"},
    )


def test_a_restart_of_the_web_tier_is_waited_out() -> None:
    answers = iter(
        [
            httpx.Response(
                503, json={"success": False, "error": {"code": "DEPENDENCY_UNAVAILABLE"}}, headers={"Retry-After": "0"}
            ),
            httpx.Response(200, json={"success": True, "data": 7}),
        ]
    )
    with client(lambda _: next(answers)) as luna:
        assert luna.get("/books") == 7


def test_patience_ends() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with client(refuse, patience=0.0) as luna, pytest.raises(httpx.ConnectError):
        luna.get("/books")


def test_what_is_no_json_is_an_error_too() -> None:
    with client(lambda _: httpx.Response(200, text="<html>")) as luna, pytest.raises(ApiError, match="NOT_JSON"):
        luna.get("/books")
