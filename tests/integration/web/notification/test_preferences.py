"""How people want to be told, and that it is so."""

from collections.abc import Callable
from typing import Any

import pytest

from luna_web.notification.sending.email import EmailCarrier
from luna_web.shared.clock import SystemClock
from luna_web.shared.principal import Role
from tests.integration.web.delivery.world import Library
from tests.integration.web.notification.conftest import Letters, News, Tell
from tests.integration.world import Api, Person, data, refused

PATH = "/notifications/preferences"


def ways(api: Api, type_: str) -> dict[str, Any]:
    found: dict[str, Any] = data(api.get(PATH))["preferences"][type_]
    return found


def switch(api: Api, type_: str, **on: bool) -> Any:
    return data(api.put(PATH, {"preferences": {type_: on}}))["preferences"]


@pytest.fixture
def reader(library: Library) -> Person:
    """Somebody whose address is verified."""
    return library.people.make(Role.STUDENT, email_verified_at=SystemClock().now())


class TestChoosing:
    def test_whoever_has_chosen_nothing_sees_what_holds(self, student: Api, librarian: Api) -> None:
        assert ways(student, "LOAN_DUE") == {"in_app": True, "email": True, "push": True, "always_on": ["IN_APP"]}
        assert ways(student, "REQUEST_STATUS")["email"]
        assert not ways(librarian, "REQUEST_STATUS")["email"]
        assert len(data(student.get(PATH))["preferences"]) == 6

    def test_what_is_not_named_stays(self, student: Api) -> None:
        switch(student, "LOAN_DUE", email=False)
        shown = switch(student, "LOAN_DUE", push=False)
        assert shown["LOAN_DUE"] == {"in_app": True, "email": False, "push": False, "always_on": ["IN_APP"]}
        assert switch(student, "LOAN_DUE", email=True)["LOAN_DUE"]["email"]
        assert data(student.put(PATH, {"preferences": {}}))["preferences"]["LOAN_DUE"]["email"]

    def test_everybody_chooses_for_themselves(self, student: Api, librarian: Api) -> None:
        switch(student, "LOAN_DUE", email=False)
        assert ways(librarian, "LOAN_DUE")["email"]

    @pytest.mark.parametrize("type_", ["LOAN_DUE", "ROBOT_ALERT", "SYSTEM_ALERT"])
    def test_what_stays_on_cannot_be_switched_off_and_nothing_else_changes(self, student: Api, type_: str) -> None:
        wanted = {"RETURN_STATUS": {"in_app": False}, type_: {"in_app": False}}
        details = refused(student.put(PATH, {"preferences": wanted}), 422, "VALIDATION_ERROR")
        assert details["fields"] == {f"{type_}.in_app": ["cannot be switched off"]}
        assert ways(student, "RETURN_STATUS")["in_app"]

    @pytest.mark.parametrize(
        "body",
        [{}, {"preferences": {"GOSSIP": {}}}, {"preferences": {"LOAN_DUE": {"fax": True}}},
         {"preferences": {"LOAN_DUE": {"email": "perhaps"}}}, {"preferences": []}],
    )  # fmt: skip
    def test_what_there_is_not_is_refused(self, student: Api, body: Any) -> None:
        refused(student.put(PATH, body), 422, "VALIDATION_ERROR")

    def test_two_changes_at_once_both_hold(self, student: Api, at_once: Callable[..., None]) -> None:
        changes = [{"email": False}, {"push": False}] * 4
        at_once(*[lambda one=one: student.put(PATH, {"preferences": {"REQUEST_STATUS": one}}) for one in changes])
        assert ways(student, "REQUEST_STATUS") == {"in_app": True, "email": False, "push": False, "always_on": []}


class TestHonoured:
    def test_in_app(self, reader: Person, news: News, tell: Tell) -> None:
        switch(reader.api, "REQUEST_STATUS", in_app=False)
        news(reader, "delivery.request.approved")
        news(reader, "delivery.loan.overdue")
        tell()
        assert [row["title"] for row in data(reader.api.get("/notifications"))] == ["A book is overdue"]

    def test_email_is_not_written(self, reader: Person, news: News, tell: Tell, letters: Letters) -> None:
        switch(reader.api, "LOAN_DUE", email=False)
        news(reader)
        tell()
        assert letters.states() == []

    def test_email_that_waits_is_not_sent(
        self, reader: Person, news: News, tell: Tell, letters: Letters, emails: EmailCarrier
    ) -> None:
        news(reader)
        tell()
        switch(reader.api, "LOAN_DUE", email=False)
        assert letters.send(emails) == 1
        assert letters.states() == [("DROPPED", "it was switched off")]

    def test_what_staff_chose_is_each_ones_own(self, library: Library, news: News, tell: Tell) -> None:
        other = library.people.make(Role.ADMIN)
        switch(library.librarian.api, "REQUEST_STATUS", in_app=False)
        news(library.reader, "delivery.request.created")
        tell()
        assert data(library.librarian.api.get("/notifications")) == []
        assert len(data(other.api.get("/notifications"))) == 1
