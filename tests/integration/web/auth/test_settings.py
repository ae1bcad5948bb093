"""Settings that administrators change while everything runs."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from luna_web.shared.database import transaction
from luna_web.shared.library_settings import LibraryRules, library_rules
from luna_web.shared.runtime import Runtime
from tests.integration.world import Api, data, refused

NEW_PERSON = {"password": "Notes-on-the-engine-1843", "first_name": "Ada", "last_name": "Lovelace"}

LIMITS = {"open_requests": 5, "open_loans": 10, "loan_days": 28, "open_holds": 10, "renewals": 2}


def change(admin: Api, **settings: Any) -> Any:
    return data(admin.put("/auth/settings", settings))


def test_they_have_defaults(admin: Api) -> None:
    shown = data(admin.get("/auth/settings"))
    assert shown["limits"] == LIMITS
    assert shown["registration"] == {"mode": "open", "domains": []}
    assert shown["opening_hours"]["week"] is None


def test_what_is_not_given_stays(admin: Api) -> None:
    change(admin, limits={"open_loans": 3}, delivery_times={"collect": 60})
    shown = change(admin, limits={"open_requests": 2})
    assert shown["limits"] == LIMITS | {"open_requests": 2, "open_loans": 3}
    assert shown["delivery_times"]["collect"] == 60
    assert data(admin.get("/auth/settings")) == shown


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"limits": {"open_requests": 0}}, "limits.open_requests"),
        ({"limits": {"open_requests": "many"}}, "limits.open_requests"),
        ({"limits": {"colour": 1}}, "limits.colour"),
        ({"limits": None}, "limits"),
        ({"weather": {}}, "weather"),
        ({"registration": {"mode": "domains"}}, "registration"),
        ({"registration": {"mode": "domains", "domains": ["not a domain"]}}, "registration.domains.0"),
        ({"opening_hours": {"timezone": "Nowhere/At_All"}}, "opening_hours.timezone"),
    ],
)
def test_a_wrong_one_is_named_and_nothing_changes(admin: Api, wrong: dict[str, Any], field: str) -> None:
    before = data(admin.get("/auth/settings"))
    fields = refused(admin.put("/auth/settings", wrong), 422, "VALIDATION_ERROR")["fields"]
    assert any(name.endswith(field) for name in fields), fields
    assert data(admin.get("/auth/settings")) == before


def test_who_changed_what_is_audited(admin: Api) -> None:
    change(admin, limits={"open_loans": 3})
    change(admin, limits={"open_loans": 3})
    (row,) = data(admin.get("/auth/audit-logs", params={"action": "settings.changed"}))
    assert row["changes"]["limits"]["to"]["open_loans"] == 3


def test_registration_goes_by_it_at_once(admin: Api, client: Api) -> None:
    change(admin, registration={"mode": "closed"})
    answer = client.post("/auth/register", {**NEW_PERSON, "email": "ada@example.org"})
    refused(answer, 403, "FORBIDDEN")
    change(admin, registration={"mode": "open"})
    assert client.post("/auth/register", {**NEW_PERSON, "email": "ada@example.org"}).status_code == 201


def test_mails_must_be_able_to_leave(admin: Api) -> None:
    wish = {"registration": {"mode": "domains", "domains": ["example.org"]}}
    fields = refused(admin.put("/auth/settings", wish), 422, "VALIDATION_ERROR")["fields"]
    assert "LUNA_SMTP_HOST" in fields["registration.mode"][0]


def test_other_processes_go_by_it_after_a_second(admin: Api, runtime: Runtime) -> None:
    now = [0.0]
    elsewhere = LibraryRules(runtime.settings, lambda: now[0])

    def open_loans() -> int:
        with transaction(runtime.session_factory) as session:
            return elsewhere.now(session).limits.open_loans

    assert open_loans() == 10
    change(admin, limits={"open_loans": 3})
    assert open_loans() == 10
    now[0] = 1.1
    assert open_loans() == 3


def test_a_row_that_no_schema_takes_counts_as_its_default(admin: Api, runtime: Runtime) -> None:
    with transaction(runtime.session_factory) as session:
        rows = "('limits', '{\"x\": 1}', :by), ('old', '1', :by)"
        session.execute(text(f"INSERT INTO settings (name, value, updated_by) VALUES {rows}"), {"by": uuid4()})  # noqa: S608
    assert data(admin.get("/auth/settings"))["limits"]["open_loans"] == 10
    assert library_rules(runtime) is library_rules(runtime)
