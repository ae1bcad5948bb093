"""Who may use which route: every route of every service, as each role and without a token."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest
from fastapi.routing import APIRoute

from luna_web.main import ALL
from luna_web.shared.principal import Role
from luna_web.shared.routing import rule_of
from tests.integration.world import Api, People

ROUTES = [
    (method, route.path, rule_of(route))
    for service in ALL
    for router in service.routers
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods or ())
]
NAMES = [f"{method} {path}" for method, path, _ in ROUTES]

PUBLIC = {
    "POST /api/v1/auth/register",
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/forgot-password",
    "POST /api/v1/auth/reset-password",
    "POST /api/v1/auth/verify-email",
    "POST /api/v1/auth/verify-email/resend",
}
"""What is meant to be open to everybody; anything else that opens itself fails here."""

STUDENTS = re.compile(
    r"(GET|PUT) /api/v1/auth/me|POST /api/v1/auth/logout|PUT /api/v1/auth/change-password"
    r"|GET /api/v1/auth/sessions|DELETE /api/v1/auth/sessions/\{\w+\}"
    r"|GET /api/v1/books(/(suggestions|stats|isbn/\{isbn\}|\{book_id\}(/availability)?))?"
    r"|(GET|POST) /api/v1/(requests|returns)|GET /api/v1/(requests|returns)/\{\w+\}(/activity)?"
    r"|PUT /api/v1/requests/\{\w+\}/(cancel|complete)|PUT /api/v1/returns/\{\w+\}/(picked-up|cancel)"
    r"|GET /api/v1/loans|PUT /api/v1/loans/\{\w+\}/renew"
    r"|GET /api/v1/robot/(map.*|waypoints(/\{\w+\})?|status/\{\w+\})"
    r"|\w+ /api/v1/notifications.*"
)
"""What a student may call, of what belongs to them or is nobody's secret."""


def call(api: Api, method: str, path: str) -> int:
    """The status of a call with made-up ids and an empty body."""
    status: int = call_with(api, method, path, {}).status_code
    return status


def call_with(api: Api, method: str, path: str, ids: Mapping[str, str]) -> Any:
    """A call with these ids in the path, made-up ones for others, and an empty body."""
    url = re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1]) or str(uuid4()), path)
    body: dict[str, Any] = {"json": {}} if method in ("POST", "PUT") else {}
    headers = {"Authorization": f"Bearer {api.token}"} if api.token else {}
    return api.http.request(method, url, headers=headers, **body)


@pytest.mark.parametrize(("method", "path", "rule"), ROUTES, ids=NAMES)
class TestEveryRoute:
    def test_without_a_token_only_what_is_public_answers(
        self, client: Api, method: str, path: str, rule: object
    ) -> None:
        status = call(client, method, path)

        assert (status == 401) == (f"{method} {path}" not in PUBLIC)

    def test_a_student_gets_past_the_rule_only_where_students_may(
        self, student: Api, method: str, path: str, rule: object
    ) -> None:
        name = f"{method} {path}"
        allowed = name in PUBLIC or bool(STUDENTS.fullmatch(name))

        assert (call(student, method, path) == 403) == (not allowed)


def test_staff_get_past_every_rule_that_names_them(people: People) -> None:
    for role in (Role.LIBRARIAN, Role.ADMIN):
        for method, path, rule in ROUTES:
            assert rule is not None
            if rule.roles is not None and role in rule.roles:
                assert call(people.make(role).api, method, path) not in (401, 403), f"{role}: {method} {path}"
