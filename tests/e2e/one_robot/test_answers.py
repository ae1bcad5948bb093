"""What LUNA says when the answer is no, from a running system."""

from __future__ import annotations

import httpx
import pytest

from tests.e2e.world import PASSWORD, World


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, object]:
    """The details of an error, after checking envelope, status and code."""
    body = answer.json()
    assert (answer.status_code, body["success"], body["error"]["code"]) == (status, False, code), body
    assert body["meta"]["request_id"] == answer.headers["X-Request-ID"]
    assert answer.headers["API-Version"] == "v1"
    details: dict[str, object] = body["error"].get("details") or {}
    return details


@pytest.fixture(scope="module")
def student(world: World) -> httpx.Client:
    return world.raw("STUDENT")


def some_book(client: httpx.Client) -> str:
    found: str = client.get("/books", params={"status": "AVAILABLE", "limit": 1}).json()["data"][0]["id"]
    return found


def test_no_token(world: World) -> None:
    refused(world.raw().get("/requests"), 401, "UNAUTHENTICATED")


def test_an_unknown_location_names_the_nearest(student: httpx.Client) -> None:
    details = refused(
        student.post("/requests", json={"book_id": some_book(student), "request_location": "STUDI-1"}),
        422,
        "UNKNOWN_LOCATION",
    )
    assert "STUDY-1" in str(details["suggestions"])


def test_a_student_cannot_place_a_book(student: httpx.Client) -> None:
    refused(student.put("/deliveries/00000000-0000-7000-8000-000000000000/book-placed", json={}), 403, "FORBIDDEN")


def test_malformed_json(student: httpx.Client) -> None:
    answer = student.post("/requests", content=b'{"book_id": ', headers={"Content-Type": "application/json"})
    refused(answer, 400, "MALFORMED_JSON")


def test_an_unknown_path(student: httpx.Client) -> None:
    refused(student.get("/no-such-thing"), 404, "NOT_FOUND")


def test_nobody_invents_the_address_that_they_are_counted_by(world: World) -> None:
    login = {"email": world.person("STUDENT"), "password": PASSWORD}
    for number in range(3):
        world.raw().post("/auth/login", json=login, headers={"X-Forwarded-For": f"203.0.113.{number}"})

    rows = world.raw("ADMIN").get("/auth/audit-logs", params={"action": "user.logged_in"}).json()["data"]

    assert {row["ip_address"] for row in rows} == {"127.0.0.1"}


def test_a_book_whose_copies_are_all_out(world: World) -> None:
    first = world.client("STUDENT", fresh=True)
    second = world.raw("STUDENT")
    book = some_book(second)
    copies = first.get(f"/books/{book}/availability")["copies_available"]
    others = [first, *(world.client("STUDENT", fresh=True) for _ in range(copies - 1))]
    taken = [
        (client, client.post("/requests", {"book_id": book, "request_location": "STUDY-2"})["id"]) for client in others
    ]

    details = refused(
        second.post("/requests", json={"book_id": book, "request_location": "STUDY-2"}), 409, "BOOK_NOT_AVAILABLE"
    )

    assert details["current_status"] == "RESERVED"
    for client, request in taken:
        client.put(f"/requests/{request}/cancel", {"reason": "Only asking"})
    assert first.get(f"/books/{book}/availability")["copies_available"] == copies
