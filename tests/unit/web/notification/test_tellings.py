"""Who is told what, in which words."""

from typing import Any

import pytest

from luna_web.delivery.domain.machines import HOLD, REQUEST, RETURN, TASK
from luna_web.delivery.domain.notices import Notice
from luna_web.delivery.domain.states import Reason
from luna_web.notification.domain import REASONS, TELLINGS, Audience, NotificationType, tellings_of

PAYLOAD: dict[str, Any] = {
    "book_title": "Flatland",
    "request_location": "STUDY-1",
    "pickup_location": "STUDY-2",
    "source_location": "DESK-1",
    "destination_location": "STUDY-1",
    "offered_until": "2026-12-23T22:37:51+00:00",
    "due_at": "2026-12-21T22:37:51+00:00",
    "closed_reason": None,
    "reason": None,
    "task_type": "STUDENT_DELIVERY",
}


@pytest.mark.parametrize("telling", TELLINGS, ids=lambda telling: f"{telling.event_type}-{telling.audience}")
def test_every_telling_finds_its_words(telling: Any) -> None:
    when = {key: value if isinstance(value, str) else value[0] for key, value in (telling.when or {}).items()}
    told = tellings_of(telling.event_type, PAYLOAD | when)
    assert telling.audience in [one.audience for one in told]
    assert all("Flatland" in one.message and "{" not in one.message for one in told)


def test_every_telling_is_of_an_event_that_exists() -> None:
    states = {
        "task": {str(state).lower() for state in TASK.states} | {"robot_lost", "not_unloaded"},
        "request": {status.lower() for status in REQUEST.states} | {"created", "needs_attention"},
        "return": {status.lower() for status in RETURN.states} | {"created"},
        "loan": {"opened", "renewed", "closed", "flagged", "lost", "found"} | {notice.lower() for notice in Notice},
        "hold": {status.lower() for status in HOLD.states} | {"placed"},
    }
    for telling in TELLINGS:
        _, aggregate, what = telling.event_type.split(".")
        assert what in states[aggregate], telling.event_type


def test_the_reader_is_told_that_the_robot_is_there() -> None:
    (told,) = tellings_of("delivery.task.awaiting_unload", PAYLOAD)
    assert (told.audience, told.type) == (Audience.READER, NotificationType.DELIVERY_UPDATE)
    assert told.message == "Take “Flatland” off the robot at STUDY-1."


def test_staff_are_told_of_a_return_that_waits() -> None:
    (told,) = tellings_of("delivery.task.awaiting_unload", PAYLOAD | {"task_type": "RETURN_PICKUP"})
    assert told.audience is Audience.STAFF


def test_reasons_are_told_in_words() -> None:
    (told,) = tellings_of("delivery.request.cancelled", PAYLOAD | {"closed_reason": "NOT_COLLECTED"})
    assert told.message == "“Flatland” will not be brought: nobody took it off the robot."
    (told,) = tellings_of("delivery.request.cancelled", PAYLOAD | {"closed_reason": "SOMETHING_NEW"})
    assert told.message.endswith("see the desk.")


def test_every_reason_that_ends_something_has_words() -> None:
    passing = {
        Reason.CAUGHT_UP,
        Reason.BROUGHT_BACK,
        Reason.COLLECTED_LATE,
        Reason.ROBOT_LOST,
        Reason.JOURNAL_LOST,
        Reason.TRIED_AGAIN,
    }
    assert {reason.value for reason in Reason} - {reason.value for reason in passing} == set(REASONS)


def test_what_concerns_nobody_is_not_told() -> None:
    assert tellings_of("delivery.task.queued", PAYLOAD) == []
    assert tellings_of("auth.user.created", {}) == []
