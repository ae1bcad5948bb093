"""People, books and a way to speak to the API, for tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import httpx

from luna_web.auth.models import User, UserSession
from luna_web.auth.passwords import Passwords
from luna_web.book.domain import CopyStatus, StatusReason
from luna_web.book.models import Book, Copy
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.ids import new_id
from luna_web.shared.principal import Principal, Role
from luna_web.shared.runtime import Runtime
from tests.integration.in_process import AppClient

PASSWORD = "Correct-horse-battery-9"
Json = dict[str, Any]
_numbers = count(1)


class Api:
    """Calls to `/api/v1`, as nobody or as somebody. Every answer is checked for the envelope."""

    def __init__(self, http: AppClient, token: str | None = None) -> None:
        self.http = http
        self.token = token

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return self.call("POST", path, **_body(json, options))

    def put(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return self.call("PUT", path, **_body(json, options))

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.call("DELETE", path, **options)

    def call(self, method: str, path: str, headers: Mapping[str, str] | None = None, **options: Any) -> httpx.Response:
        """One call; a path that begins with `//` is taken from the root (`//health/live`)."""
        url = path[1:] if path.startswith("//") else f"/api/v1{path}"
        sent = ({"Authorization": f"Bearer {self.token}"} if self.token else {}) | dict(headers or {})
        answer: httpx.Response = self.http.request(method, url, headers=sent, **options)
        if answer.headers.get("content-type", "").startswith("application/json") and "openapi" not in url:
            check_envelope(answer)
        return answer

    def as_token(self, token: str) -> "Api":
        return Api(self.http, token)


def _body(json: Any, options: Json) -> Json:
    return options if json is None else {"json": json, **options}


def check_envelope(answer: httpx.Response) -> None:
    """What every answer of the API has, whatever it says."""
    body = answer.json()
    assert body["success"] is (answer.status_code < 400), body
    assert ("data" in body) is body["success"], body
    assert body["meta"]["request_id"] == answer.headers["X-Request-ID"]
    assert body["meta"]["timestamp"].endswith("Z")
    assert answer.headers["API-Version"] == "v1"


def refused(answer: httpx.Response, status: int, code: str) -> Json:
    """The details of an error, after checking status and code."""
    body = answer.json()
    assert (answer.status_code, body.get("error", {}).get("code")) == (status, code), body
    details: Json = body["error"]["details"]
    return details


def data(answer: httpx.Response, status: int = 200) -> Any:
    """The data of a success, after checking the status."""
    assert answer.status_code == status, answer.text
    return answer.json()["data"]


@dataclass(frozen=True)
class Person:
    id: UUID
    email: str
    role: Role
    session_id: UUID
    api: Api

    @property
    def principal(self) -> Principal:
        return Principal(self.id, self.email, self.role, self.session_id)


class People:
    """Makes persons with an account, an open session and `PASSWORD`."""

    _hash: str | None = None

    def __init__(self, http: AppClient, runtime: Runtime) -> None:
        self._http = http
        self._runtime = runtime

    def make(self, role: Role = Role.STUDENT, email: str | None = None, **columns: Any) -> Person:
        """A new person; `columns` go to the row of `users`."""
        number = next(_numbers)
        user_id = new_id()
        email = email or f"{role.lower()}-{number}@example.org"
        user = {
            "first_name": f"Person{number}",
            "last_name": "Reader",
            "password_hash": self._password_hash(),
            "is_active": True,
            "version": 1,
            **columns,
        }
        with transaction(self._runtime.session_factory) as session:
            session.add(User(id=user_id, email=email, role=role, **user))
        return self._logged_in(user_id, email, role)

    def again(self, person: Person) -> Person:
        """The same person in a session of its own."""
        return self._logged_in(person.id, person.email, person.role)

    def _logged_in(self, user_id: UUID, email: str, role: Role) -> Person:
        session_id = new_id()
        now = self._runtime.clock.now()
        lifetime = timedelta(seconds=self._runtime.settings.refresh_token_seconds)
        with transaction(self._runtime.session_factory) as session:
            session.add(
                UserSession(
                    id=session_id, user_id=user_id, refresh_hash=session_id.bytes * 2, expires_at=now + lifetime
                )
            )
        token = self._runtime.tokens.issue(Principal(user_id, email, role, session_id), now)
        return Person(user_id, email, role, session_id, Api(self._http, token))

    def _password_hash(self) -> str:
        if People._hash is None:
            People._hash = Passwords.of(self._runtime.settings).hash(PASSWORD)
        return People._hash


class Catalog:
    """Puts books on the shelves."""

    def __init__(self, factory: SessionFactory) -> None:
        self._factory = factory

    def add(
        self,
        title: str = "A History of Robots",
        *,
        copies: int | tuple[CopyStatus, ...] = 1,
        shelf_location: str | None = "QA76 .R63",
        home_desk: str | None = "DESK-1",
        **columns: Any,
    ) -> UUID:
        """A title with so many free copies, or with copies of these statuses; returns its id."""
        statuses = (CopyStatus.AVAILABLE,) * copies if isinstance(copies, int) else copies
        book_id = new_id()
        with transaction(self._factory) as session:
            session.add(Book(id=book_id, title=title, **columns))
            session.flush()
            for status in statuses:
                reason = StatusReason.LOST if status is CopyStatus.UNAVAILABLE else None
                session.add(
                    Copy(book_id=book_id, barcode=f"C{next(_numbers):07}", status=status, status_reason=reason,
                         shelf_location=shelf_location, home_desk=home_desk)
                )  # fmt: skip
        return book_id
