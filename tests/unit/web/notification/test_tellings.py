"""Who is told what, in which words."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from luna_web.auth.events import MailKind
from luna_web.book.imports.domain import ImportState
from luna_web.delivery.domain.machines import HOLD, REQUEST, RETURN, TASK
from luna_web.delivery.domain.notices import Notice
from luna_web.delivery.domain.states import Reason
from luna_web.notification.domain import Audience, NotificationType
from luna_web.notification.tellings import REASONS, TELLINGS, TOLD_TO_NOBODY, tellings_of, told_types

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
    "robot_name": "luna1",
    "current_location": "DESK-1",
    "robot_at": "SHELF-1",
    "fault": {"code": "POSE_LOST", "severity": "CRITICAL", "text": "lost the pose while moving"},
    "barcode": "10000007",
    "status": "UNAVAILABLE",
    "status_reason": "LOST",
    "file_name": "new-books.mrc",
    "added": 7,
    "updated": 2,
    "rejected": 1,
    "failure": "it is no MARC 21",
}
NAMES = ("Flatland", "luna1", "10000007", "new-books.mrc")


def emitted() -> set[str]:
    """Every event type that a service can emit. A row begins as `created` or `placed`, whatever its first state."""
    delivery = {
        "task": {str(state).lower() for state in TASK.states}
        | {"created", "handover", "robot_lost", "robot_found", "claimed", "cancel_asked", "not_loaded", "not_unloaded"}
        | {"recovery_asked", "settled", "priority_changed"},
        "request": {status.lower() for status in REQUEST.states}
        | {"created", "needs_attention", "tried_again", "priority_changed"},
        "return": {status.lower() for status in RETURN.states} | {"created"},
        "loan": {"opened", "renewed", "closed", "flagged", "lost", "found"} | {notice.lower() for notice in Notice},
        "hold": {status.lower() for status in HOLD.states} | {"placed"},
    }
    robot = {
        "estop": {"engaged", "released", "release_asked"},
        "status": {"registered", "removed", "online", "offline", "changed"},
        "fault": {"raised", "cleared"},
    }
    book = {"created", "updated", "deleted", "copy_added", "copy_updated", "copy_removed", "copy_status_changed"}
    return (
        {f"delivery.{kind}.{what}" for kind, whats in delivery.items() for what in whats if what != "pending"}
        | {f"robot.{kind}.{what}" for kind, whats in robot.items() for what in whats}
        | {f"catalog.book.{what}" for what in book}
        | {f"catalog.import.{state.lower()}" for state in ImportState}
        | {f"auth.mail.{kind}" for kind in MailKind}
        | {"delivery.return.pending"}
        | {f"notification.{what}" for what in ("created", "read", "all_read", "deleted")}
    )


def payload_for(telling: Any) -> dict[str, Any]:
    made: dict[str, Any] = {**PAYLOAD, "fault": dict(PAYLOAD["fault"])}
    for key, values in (telling.when or {}).items():
        *path, last = key.split(".")
        place = made
        for part in path:
            place = place[part]
        place[last] = values if isinstance(values, str) else values[0]
    return made


@pytest.mark.parametrize("telling", TELLINGS, ids=lambda telling: f"{telling.event_type}-{telling.audience}")
def test_every_telling_finds_its_words(telling: Any) -> None:
    told = tellings_of(telling.event_type, payload_for(telling))
    assert telling.title in [one.title for one in told if one.audience is telling.audience]
    for one in told:
        assert any(name in one.message for name in NAMES) and "{" not in one.message and "None" not in one.message


def test_every_event_is_told_to_somebody_or_to_nobody_on_purpose() -> None:
    assert told_types() | set(TOLD_TO_NOBODY) == emitted()
    assert not told_types() & set(TOLD_TO_NOBODY)


def test_nobody_is_told_the_same_twice() -> None:
    for telling in TELLINGS:
        told = tellings_of(telling.event_type, payload_for(telling))
        assert len({one.audience for one in told}) == len(told), telling.event_type


def test_the_reader_is_told_that_the_robot_is_there() -> None:
    (told,) = tellings_of("delivery.task.awaiting_unload", PAYLOAD)
    assert (told.audience, told.type) == (Audience.READER, NotificationType.DELIVERY_UPDATE)
    assert told.message == "Take “Flatland” off the robot at STUDY-1."


def test_staff_are_told_of_a_return_that_waits() -> None:
    (told,) = tellings_of("delivery.task.awaiting_unload", PAYLOAD | {"task_type": "RETURN_PICKUP"})
    assert told.audience is Audience.STAFF


@pytest.mark.parametrize("task_type", ["INTER_STAFF", "WORKSTATION", "TRANSFER"])
def test_the_recipient_is_told_first_of_what_staff_send_each_other(task_type: str) -> None:
    payload = PAYLOAD | {"task_type": task_type}
    assert [one.audience for one in tellings_of("delivery.task.awaiting_unload", payload)] == [
        Audience.READER, Audience.STAFF,
    ]  # fmt: skip
    assert [one.title for one in tellings_of("delivery.task.to_dropoff", payload)] == ["Something is on its way to you"]


def test_reasons_are_told_in_words() -> None:
    (told,) = tellings_of("delivery.request.cancelled", PAYLOAD | {"closed_reason": "NOT_COLLECTED"})
    assert told.message == "“Flatland” will not be brought: nobody took it off the robot."
    (told,) = tellings_of("delivery.request.cancelled", PAYLOAD | {"closed_reason": "SOMETHING_NEW"})
    assert told.message.endswith("see the desk.")
    for reason, words in {"POSE_LOST": "the robot does not know where it is", None: "no reason was given"}.items():
        _, told = tellings_of("delivery.task.awaiting_recovery", PAYLOAD | {"reason": reason})
        assert told.message.startswith(f"It has “Flatland” in hand, DESK-1 to STUDY-1: {words}. ")


def test_why_a_robot_was_stopped_is_told_as_somebody_wrote_it() -> None:
    (told,) = tellings_of("robot.estop.engaged", PAYLOAD | {"reason": "A child runs in the aisle"})
    assert told.message == "luna1 was stopped at DESK-1: A child runs in the aisle."
    (told,) = tellings_of("robot.estop.engaged", PAYLOAD | {"reason": "", "current_location": None})
    assert told.message == "luna1 was stopped at an unknown place: no reason was given."


def test_every_reason_that_ends_something_has_words() -> None:
    passing = {"CAUGHT_UP", "BROUGHT_BACK", "COLLECTED_LATE", "ROBOT_LOST", "JOURNAL_LOST", "TRIED_AGAIN"}
    assert {reason.value for reason in Reason} - passing <= set(REASONS)


@pytest.mark.parametrize(
    ("code", "severity", "title"),
    [
        ("POSE_LOST", "CRITICAL", "A robot has a fault"),
        ("LINK_SLOW", "WARNING", None),
        ("BATTERY_LOW", "URGENT", None),
        ("BATTERY_EMPTY", "CRITICAL", "A robot’s battery is nearly empty"),
    ],
)
def test_faults_are_told_that_need_somebody(code: str, severity: str, title: str | None) -> None:
    fault = {"code": code, "severity": severity, "text": "what it is"}
    told = tellings_of("robot.fault.raised", PAYLOAD | {"fault": fault})
    assert [one.title for one in told] == ([title] if title else [])


def test_copies_are_told_of_that_are_lost_and_not_those_that_are_being_mended() -> None:
    changed = "catalog.book.copy_status_changed"
    (told,) = tellings_of(changed, PAYLOAD | {"status_reason": "MISSING"})
    assert told.message == "The copy 10000007 is noted as missing."
    assert tellings_of(changed, PAYLOAD | {"status_reason": "IN_PROCESS"}) == []
    assert tellings_of(changed, PAYLOAD | {"status": "AVAILABLE", "status_reason": None}) == []


def test_what_concerns_nobody_is_not_told() -> None:
    assert tellings_of("delivery.task.queued", PAYLOAD) == []
    assert tellings_of("auth.mail.reset", {}) == []


def test_times_are_those_of_the_library() -> None:
    """A due date is a day, and which one depends on where."""

    def told(what: str, zone: str) -> str:
        return tellings_of(f"delivery.{what}", PAYLOAD, ZoneInfo(zone))[0].message

    assert "until 2026-12-21." in told("loan.opened", "Europe/Rome")
    assert "by 2026-12-22." in told("loan.due_soon", "Pacific/Auckland")
    assert "until 2026-12-23 23:37 CET." in told("hold.offered", "Europe/Rome")
    assert "until 2026-12-23 17:37 EST." in told("hold.offered", "America/New_York")
