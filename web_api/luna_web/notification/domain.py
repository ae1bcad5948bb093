"""Who is told what of each event: one table, and the words made from an event's payload."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class NotificationType(StrEnum):
    DELIVERY_UPDATE = "DELIVERY_UPDATE"
    REQUEST_STATUS = "REQUEST_STATUS"
    RETURN_STATUS = "RETURN_STATUS"
    ROBOT_ALERT = "ROBOT_ALERT"
    SYSTEM_ALERT = "SYSTEM_ALERT"
    LOAN_DUE = "LOAN_DUE"


class Audience(StrEnum):
    READER = "READER"
    """The user whom the event's payload names."""
    STAFF = "STAFF"
    """Every librarian and administrator."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What one audience is told of one kind of event. `message` is filled from the event's payload.

    `when` narrows it to events whose payload has these values, or one of them.
    """

    event_type: str
    audience: Audience
    type: NotificationType
    title: str
    message: str
    when: Mapping[str, str | tuple[str, ...]] | None = None

    def applies(self, event_type: str, payload: Mapping[str, Any]) -> bool:
        return self.event_type == event_type and all(
            payload.get(key) in ((values,) if isinstance(values, str) else values)
            for key, values in (self.when or {}).items()
        )


READER, STAFF = Audience.READER, Audience.STAFF
REQUEST, RETURN = NotificationType.REQUEST_STATUS, NotificationType.RETURN_STATUS
LOAN = NotificationType.LOAN_DUE
DELIVERY, ALERT = NotificationType.DELIVERY_UPDATE, NotificationType.ROBOT_ALERT
TO_READER = {"task_type": "STUDENT_DELIVERY"}
TO_LIBRARY = {"task_type": "RETURN_PICKUP"}
AMONG_STAFF = {"task_type": ("INTER_STAFF", "WORKSTATION", "TRANSFER")}

TELLINGS: tuple[Telling, ...] = (
    Telling(
        "delivery.request.created", STAFF, REQUEST, "A book is asked for", "“{book_title}”, to {request_location}."
    ),
    Telling(
        "delivery.request.approved",
        READER,
        REQUEST,
        "Request accepted",
        "“{book_title}” will come to {request_location}.",
    ),
    Telling(
        "delivery.request.in_progress", READER, DELIVERY, "Your book is on its way", "“{book_title}” is on the robot."
    ),
    Telling(
        "delivery.request.cancelled",
        READER,
        REQUEST,
        "Request ended",
        "“{book_title}” will not be brought: {closed_reason}.",
    ),
    Telling(
        "delivery.request.needs_attention",
        STAFF,
        REQUEST,
        "A request needs attention",
        "“{book_title}” for {request_location} could not be delivered.",
    ),
    Telling("delivery.loan.opened", READER, REQUEST, "Enjoy your book", "“{book_title}” is yours until {due_at:.10}."),
    Telling(
        "delivery.loan.flagged",
        READER,
        REQUEST,
        "Please check your loan",
        "The robot came back without “{book_title}”; it is noted as yours. Tell the desk if that is wrong.",
    ),
    Telling(
        "delivery.loan.flagged",
        STAFF,
        REQUEST,
        "A loan is flagged",
        "“{book_title}” did not travel as planned; please check.",
    ),
    Telling("delivery.loan.renewed", READER, LOAN, "Loan renewed", "“{book_title}” is yours until {due_at:.10}."),
    Telling(
        "delivery.loan.due_soon", READER, LOAN, "A book is due soon", "Bring “{book_title}” back by {due_at:.10}."
    ),
    Telling("delivery.loan.due", READER, LOAN, "A book is due", "Please bring “{book_title}” back, or renew it."),
    Telling(
        "delivery.loan.overdue",
        READER,
        LOAN,
        "A book is overdue",
        "“{book_title}” was due on {due_at:.10}. Please bring it back.",
    ),
    Telling(
        "delivery.loan.lost", READER, LOAN, "A book is noted as lost", "“{book_title}”; the desk tells you more."
    ),
    Telling("delivery.loan.found", READER, LOAN, "A lost book is back", "“{book_title}” was found. All is well."),
    Telling(
        "delivery.hold.offered",
        READER,
        REQUEST,
        "It is your turn",
        "“{book_title}” is kept for you until {offered_until:.16}. Ask for it, or fetch it at the desk.",
    ),
    Telling(
        "delivery.hold.offered", STAFF, REQUEST, "A book is kept for a reader", "Keep “{book_title}” at the desk."
    ),
    Telling(
        "delivery.hold.waiting",
        READER,
        REQUEST,
        "You have to wait on",
        "The copy of “{book_title}” that was kept for you cannot be lent. You are the next in line.",
    ),
    Telling(
        "delivery.hold.expired",
        READER,
        REQUEST,
        "A book is kept no longer",
        "“{book_title}” went to the next in line, since you did not take it in time.",
    ),
    Telling(
        "delivery.hold.cancelled",
        READER,
        REQUEST,
        "You wait no longer",
        "For “{book_title}”: {closed_reason}.",
    ),
    Telling("delivery.loan.closed", READER, RETURN, "Book returned", "“{book_title}” is back. Thank you."),
    Telling(
        "delivery.return.pickup_scheduled",
        READER,
        RETURN,
        "A robot is coming",
        "For “{book_title}”, to {pickup_location}.",
    ),
    Telling("delivery.return.picked_up", READER, RETURN, "Book collected", "“{book_title}” is on the robot."),
    Telling(
        "delivery.return.cancelled",
        READER,
        RETURN,
        "Return ended",
        "“{book_title}” was not collected: {closed_reason}.",
    ),
    Telling(
        "delivery.task.awaiting_load",
        STAFF,
        DELIVERY,
        "A robot waits for a book",
        "Lay “{book_title}” on it at {source_location}.",
        TO_READER,
    ),
    Telling(
        "delivery.task.awaiting_load",
        READER,
        DELIVERY,
        "The robot is here",
        "Lay “{book_title}” on it at {source_location}.",
        TO_LIBRARY,
    ),
    Telling(
        "delivery.task.awaiting_unload",
        READER,
        DELIVERY,
        "Your book is here",
        "Take “{book_title}” off the robot at {destination_location}.",
        TO_READER,
    ),
    Telling(
        "delivery.task.awaiting_unload",
        STAFF,
        DELIVERY,
        "A book has come back",
        "Take “{book_title}” off the robot at {destination_location}.",
        TO_LIBRARY,
    ),
    Telling(
        "delivery.task.awaiting_load",
        STAFF,
        DELIVERY,
        "A robot waits to be loaded",
        "Lay “{book_title}” on it at {source_location}.",
        AMONG_STAFF,
    ),
    Telling(
        "delivery.task.awaiting_unload",
        READER,
        DELIVERY,
        "Something has come for you",
        "Take “{book_title}” off the robot at {destination_location}.",
        AMONG_STAFF,
    ),
    Telling(
        "delivery.task.awaiting_unload",
        STAFF,
        DELIVERY,
        "A robot waits to be unloaded",
        "Take “{book_title}” off the robot at {destination_location}.",
        AMONG_STAFF,
    ),
    Telling(
        "delivery.task.not_unloaded",
        STAFF,
        ALERT,
        "A robot waits in vain",
        "Nobody has taken “{book_title}” off it; it came from {source_location} and was for {destination_location}.",
    ),
    Telling(
        "delivery.task.to_fallback",
        READER,
        DELIVERY,
        "The robot goes back",
        "“{book_title}” returns to {source_location}.",
        TO_READER,
    ),
    Telling(
        "delivery.task.awaiting_fallback_unload",
        STAFF,
        DELIVERY,
        "A book was brought back",
        "Take “{book_title}” off the robot at {source_location}, or say that it is not there.",
    ),
    Telling(
        "delivery.task.awaiting_recovery",
        STAFF,
        ALERT,
        "A robot needs a person",
        "It carries out “{book_title}” and stands still.",
    ),
    Telling(
        "delivery.task.robot_lost",
        STAFF,
        ALERT,
        "A robot is silent",
        "It has “{book_title}” in hand, for {destination_location}.",
    ),
    Telling(
        "delivery.task.failed",
        STAFF,
        DELIVERY,
        "A delivery failed",
        "“{book_title}” to {destination_location}: {reason}.",
    ),
)

REASONS = {
    "CANCELLED_BY_USER": "cancelled",
    "CANCELLED_BY_STAFF": "cancelled by the library",
    "CANCELLED_AT_ROBOT": "ended at the robot",
    "NOT_LOADED": "nobody put it on the robot",
    "NOT_COLLECTED": "nobody took it off the robot",
    "NOT_UNLOADED": "nobody took it off the robot",
    "BATTERY_LOW": "the robot’s battery ran low",
    "AT_DESK": "it is at the desk",
    "LOST": "it is lost",
    "WITH_RECIPIENT": "it is with you",
    "NAVIGATION_FAILED": "the robot found no way",
    "NOT_ON_BOARD": "it was not on the robot",
    "ABANDONED": "ended by staff",
    "REJECTED_BY_ROBOT": "no robot could take it",
    "DELIVERY_FAILED": "the delivery failed",
    "USER_DEACTIVATED": "your account is closed",
    "EXPIRED": "nobody saw to it in time",
    "CHECKED_IN": "it is back at the desk",
    "COLLECTED_AT_DESK": "it was handed out at the desk",
    "TITLE_REMOVED": "the library does not have it any more",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One notification in words."""

    audience: Audience
    type: NotificationType
    title: str
    message: str


def tellings_of(event_type: str, payload: Mapping[str, Any]) -> list[Told]:
    """What is said of an event, the reader first; empty for one that concerns nobody.

    Raises KeyError where a payload lacks what its words need.
    """
    words = {**payload} | {key: _reason(payload[key]) for key in ("reason", "closed_reason") if key in payload}
    return [
        Told(telling.audience, telling.type, telling.title, telling.message.format_map(words))
        for telling in sorted(TELLINGS, key=lambda telling: telling.audience is not READER)
        if telling.applies(event_type, payload)
    ]


def _reason(code: str | None) -> str:
    return REASONS.get(code or "", "see the desk")
