"""A small client of LUNA's public HTTP API: the demonstration knows nothing of LUNA but this."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Self, cast

import httpx

Json = dict[str, Any]
RETRY_STATUSES = frozenset({429, 502, 503, 504})


class ApiError(Exception):
    """An answer of the API that says no.

    ``code`` is the API's closed error code, ``status`` the HTTP status, ``details`` what the answer adds.
    """

    def __init__(self, status: int, code: str, message: str, details: Json) -> None:
        super().__init__(f"{code} ({status}): {message}")
        self.status = status
        self.code = code
        self.details = details


class Client:
    """One person's view of the API.

    Waits out what passes by itself (a restart, a rate limit), up to ``patience`` seconds a call.
    """

    def __init__(self, address: str, *, patience: float = 60.0, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(base_url=f"{address.rstrip('/')}/api/v1", timeout=10.0, transport=transport)
        self._patience = patience

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def login(self, email: str, password: str) -> Json:
        """Log in and use the access token from now on; returns the user."""
        data = self.post("/auth/login", {"email": email, "password": password})
        self._http.headers["Authorization"] = f"Bearer {data['access_token']}"
        return cast(Json, data["user"])

    @property
    def authorization(self) -> str:
        """The Authorization header in use, for programs that make calls of their own."""
        return self._http.headers["Authorization"]

    def get(self, path: str, **params: Any) -> Any:
        """The ``data`` of the answer."""
        return self._call("GET", path, params=params).get("data")

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, key: str | None = None) -> Any:
        """POST; with ``key`` the call can be repeated without a second effect (Idempotency-Key)."""
        headers = {"Idempotency-Key": key} if key else {}
        return self._call("POST", path, json=dict(body or {}), headers=headers).get("data")

    def put(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """PUT: LUNA's are idempotent, so a repeated one does no harm."""
        return self._call("PUT", path, json=dict(body or {})).get("data")

    def picture(self, url: str) -> bytes:
        """The bytes behind an absolute path that the API gave."""
        answer = self._http.get(httpx.URL(str(self._http.base_url)).join(url))
        answer.raise_for_status()
        return answer.content

    def _call(self, method: str, path: str, **options: Any) -> Json:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                answer = self._http.request(method, path, **options)
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
                continue
            if answer.status_code not in RETRY_STATUSES or time.monotonic() > deadline:
                return _opened(answer)
            time.sleep(min(float(answer.headers.get("Retry-After", 1)), 5.0))


def _opened(answer: httpx.Response) -> Json:
    """The envelope's content, or its error raised."""
    try:
        body = cast(Json, answer.json())
    except ValueError:
        raise ApiError(answer.status_code, "NOT_JSON", answer.text[:200], {}) from None
    if body.get("success"):
        return body
    error = body.get("error", {})
    raise ApiError(answer.status_code, error.get("code", "?"), error.get("message", ""), error.get("details") or {})
