"""Who is told what of each event: one table, and the words made from an event's payload.

Every event type that a service emits stands in `TELLINGS` or in `TOLD_TO_NOBODY`; tests hold both to it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from luna_web.notification.domain import PERSONS, Audience, NotificationType, Telling, Told

READER, AUTHOR, STAFF = Audience.READER, Audience.AUTHOR, Audience.STAFF
REQUEST, RETURN, LOAN = NotificationType.REQUEST_STATUS, NotificationType.RETURN_STATUS, NotificationType.LOAN_DUE
DELIVERY, ALERT = NotificationType.DELIVERY_UPDATE, NotificationType.ROBOT_ALERT
SYSTEM = NotificationType.SYSTEM_ALERT
TO_READER = {"task_type": "STUDENT_DELIVERY"}
TO_LIBRARY = {"task_type": "RETURN_PICKUP"}
AMONG_STAFF = {"task_type": ("INTER_STAFF", "WORKSTATION", "TRANSFER")}
BATTERY_FAULTS = ("BATTERY_LOW", "BATTERY_RESERVE", "BATTERY_EMPTY", "BATTERY_UNKNOWN")

REQUESTS = (
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
    Telling(
        "delivery.hold.offered",
        READER,
        REQUEST,
        "It is your turn",
        "“{book_title}” is kept for you until {offered_until}. Ask for it, or fetch it at the desk.",
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
        "delivery.hold.cancelled", READER, REQUEST, "You wait no longer", "For “{book_title}”: {closed_reason}."
    ),
)

LOANS = (
    Telling("delivery.loan.opened", READER, REQUEST, "Enjoy your book", "“{book_title}” is yours until {due_at}."),
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
    Telling("delivery.loan.renewed", READER, LOAN, "Loan renewed", "“{book_title}” is yours until {due_at}."),
    Telling(
        "delivery.loan.due_soon", READER, LOAN, "A book is due soon", "Bring “{book_title}” back by {due_at}."
    ),
    Telling("delivery.loan.due", READER, LOAN, "A book is due", "Please bring “{book_title}” back, or renew it."),
    Telling(
        "delivery.loan.overdue",
        READER,
        LOAN,
        "A book is overdue",
        "“{book_title}” was due on {due_at}. Please bring it back.",
    ),
    Telling(
        "delivery.loan.lost", READER, LOAN, "A book is noted as lost", "“{book_title}”; the desk tells you more."
    ),
    Telling("delivery.loan.found", READER, LOAN, "A lost book is back", "“{book_title}” was found. All is well."),
    Telling("delivery.loan.closed", READER, RETURN, "Book returned", "“{book_title}” is back. Thank you."),
)

RETURNS = (
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
)

TASKS = (
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
        "delivery.task.awaiting_load",
        STAFF,
        DELIVERY,
        "A robot waits to be loaded",
        "Lay “{book_title}” on it at {source_location}.",
        AMONG_STAFF,
    ),
    Telling(
        "delivery.task.to_dropoff",
        READER,
        DELIVERY,
        "Something is on its way to you",
        "“{book_title}” is on the robot, for {destination_location}.",
        AMONG_STAFF,
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
        "delivery.task.not_loaded",
        STAFF,
        ALERT,
        "A robot waits in vain",
        "Nobody lays “{book_title}” on it at {source_location}; it stands there until somebody does, or cancels.",
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
        "It has “{book_title}” in hand, {source_location} to {destination_location}: {reason}. "
        "It was last seen near {robot_at}.",
    ),
    Telling(
        "delivery.task.awaiting_recovery",
        READER,
        DELIVERY,
        "The robot is held up",
        "“{book_title}” has to wait: somebody has to see to the robot first. The library knows.",
        unless={"reason": ("NOT_UNLOADED", "NOT_COLLECTED")},
    ),
    Telling(
        "delivery.task.robot_lost",
        STAFF,
        ALERT,
        "A robot is silent",
        "It has “{book_title}” in hand, for {destination_location}.",
        unless={"unsteady": True},
    ),
    Telling(
        "delivery.task.cancelled",
        READER,
        DELIVERY,
        "Something will not come",
        "“{book_title}” will not be brought to {destination_location}: {reason}.",
        AMONG_STAFF,
    ),
    Telling(
        "delivery.task.failed",
        READER,
        DELIVERY,
        "Something did not arrive",
        "“{book_title}” did not reach {destination_location}: {reason}.",
        AMONG_STAFF,
    ),
    Telling(
        "delivery.task.failed",
        STAFF,
        DELIVERY,
        "A delivery failed",
        "“{book_title}” to {destination_location}: {reason}.",
    ),
)

ROBOTS = (
    Telling(
        "robot.estop.engaged",
        STAFF,
        ALERT,
        "Emergency stop",
        "{robot_name} was stopped at {current_location}: {reason}.",
    ),
    Telling(
        "robot.estop.released",
        STAFF,
        ALERT,
        "The emergency stop is over",
        "{robot_name} may move again; what it was doing goes on when it is told to.",
    ),
    Telling(
        "robot.status.offline",
        STAFF,
        ALERT,
        "A robot is out of reach",
        "{robot_name} was last at {current_location}.",
        unless={"unsteady": True},
    ),
    Telling(
        "robot.fault.raised",
        STAFF,
        ALERT,
        "A robot’s battery is nearly empty",
        "{robot_name}, at {current_location}: {fault[text]}.",
        {"fault.code": ("BATTERY_RESERVE", "BATTERY_EMPTY")},
    ),
    Telling(
        "robot.fault.raised",
        STAFF,
        ALERT,
        "A robot has a fault",
        "{robot_name}, at {current_location}: {fault[text]}.",
        {"fault.severity": ("URGENT", "CRITICAL", "FATAL")},
        unless={"fault.code": BATTERY_FAULTS},
    ),
)

CATALOG = (
    Telling(
        "catalog.book.copy_status_changed",
        STAFF,
        SYSTEM,
        "A copy is lost or damaged",
        "The copy {barcode} is noted as {status_reason}.",
        {"status": "UNAVAILABLE", "status_reason": ("LOST", "MISSING", "DAMAGED")},
    ),
    Telling(
        "catalog.import.completed",
        AUTHOR,
        SYSTEM,
        "An import is done",
        "{file_name}: {added} added, {updated} updated, {rejected} rejected.",
    ),
    Telling("catalog.import.failed", AUTHOR, SYSTEM, "An import failed", "{file_name}: {failure}."),
)

TELLINGS: tuple[Telling, ...] = (*REQUESTS, *LOANS, *RETURNS, *TASKS, *ROBOTS, *CATALOG)

TOLD_TO_NOBODY: Mapping[str, str] = {
    "auth.mail.registered": "it is a mail of its own",
    "auth.mail.verification": "it is a mail of its own",
    "auth.mail.reset": "it is a mail of its own",
    "auth.mail.invitation": "it is a mail of its own",
    "auth.mail.password_changed": "it is a mail of its own",
    "catalog.book.created": "the catalog shows it",
    "catalog.book.updated": "the catalog shows it",
    "catalog.book.deleted": "the catalog shows it",
    "catalog.book.copy_added": "the catalog shows it",
    "catalog.book.copy_updated": "the catalog shows it",
    "catalog.book.copy_removed": "the catalog shows it",
    "catalog.import.uploading": "whoever sends the file sees it",
    "catalog.import.queued": "the import's page shows it",
    "catalog.import.running": "the import's page shows it",
    "catalog.import.cancelled": "somebody has just asked for it",
    "delivery.request.completed": "the loan is told of",
    "delivery.return.created": "the reader has just asked for it",
    "delivery.return.pending": "it is queued again; the next robot is told of",
    "delivery.return.completed": "the end of the loan is told of",
    "delivery.hold.placed": "the reader has just asked for it",
    "delivery.hold.fulfilled": "the request or the loan is told of",
    "delivery.task.created": "the request or return is told of",
    "delivery.task.queued": "the request is told of; it may be queued several times",
    "delivery.task.assigned": "nobody need do anything",
    "delivery.task.to_pickup": "nobody need do anything",
    "delivery.task.clearing": "nobody need do anything any more",
    "delivery.task.completed": "whoever completed it knows",
    "delivery.task.handover": "the robot that waits is told of",
    "delivery.task.robot_found": "nobody need do anything any more",
    "delivery.task.claimed": "the desk sees it at the delivery, and says what is on board",
    "delivery.task.cancel_asked": "the end is told of",
    "delivery.task.recovery_asked": "somebody has just asked for it",
    "delivery.task.settled": "somebody has just said it",
    "delivery.task.priority_changed": "the queue shows it",
    "delivery.request.tried_again": "its delivery is told of",
    "delivery.request.priority_changed": "the queue shows it",
    "robot.status.registered": "whoever registered it, or started LUNA, has just done it; the robots' page shows it",
    "robot.status.removed": "an administrator has just done it; the robots' page shows it no more",
    "robot.status.online": "nobody need do anything",
    "robot.status.changed": "the robots' page shows it",
    "robot.fault.cleared": "nobody need do anything",
    "robot.estop.release_asked": "its end is told of",
    "notification.created": "it is a notification itself",
    "notification.read": "its reader has just read it",
    "notification.all_read": "its reader has just read them",
    "notification.deleted": "its reader has just deleted it",
}
"""Event types that reach nobody as a notification, each with why."""

REASONS = {
    "CANCELLED_BY_USER": "cancelled",
    "CANCELLED_BY_STAFF": "cancelled by the library",
    "CANCELLED_AT_ROBOT": "ended at the robot",
    "NOT_LOADED": "nobody put it on the robot",
    "NOT_COLLECTED": "nobody took it off the robot",
    "NOT_UNLOADED": "nobody took it off the robot",
    "NAVIGATION_FAILED": "the robot found no way",
    "BATTERY_LOW": "the robot’s battery ran low",
    "ROBOT_LOST": "the robot is silent",
    "JOURNAL_LOST": "the robot has lost its memory",
    "TAKEN_OVER": "somebody drives the robot",
    "POSE_LOST": "the robot does not know where it is",
    "NOT_ON_BOARD": "it was not on the robot",
    "AT_DESK": "it is at the desk",
    "WITH_RECIPIENT": "it is with you",
    "LOST": "it is lost",
    "ABANDONED": "ended by staff",
    "REJECTED_BY_ROBOT": "no robot could take it",
    "DELIVERY_FAILED": "the delivery failed",
    "USER_DEACTIVATED": "your account is closed",
    "EXPIRED": "nobody saw to it in time",
    "CHECKED_IN": "it is back at the desk",
    "COLLECTED_AT_DESK": "it was handed out at the desk",
    "TITLE_REMOVED": "the library does not have it any more",
}
STATUS_REASONS = {"LOST": "lost", "MISSING": "missing", "DAMAGED": "damaged"}
UTC = ZoneInfo("UTC")
TIMES = {"due_at": "%Y-%m-%d", "offered_until": "%Y-%m-%d %H:%M %Z"}
"""Moments, as people are told them."""
NO_WORDS = {
    "current_location": "an unknown place",
    "robot_at": "an unknown place",
    "reason": "no reason was given",
    "closed_reason": "see the desk",
    "file_name": "Your file",
}
"""What stands for what a payload does not know."""


def told_types() -> frozenset[str]:
    """The event types of which somebody is told."""
    return frozenset(telling.event_type for telling in TELLINGS)


def tellings_of(event_type: str, payload: Mapping[str, Any], zone: ZoneInfo = UTC) -> list[Told]:
    """What is said of an event, to single persons first; empty for one that concerns nobody. Times are those of `zone`.

    Raises KeyError where a payload lacks what its words need.
    """
    words = _words(event_type, payload, zone)
    return [
        Told(telling.audience, telling.type, telling.title, telling.message.format_map(words))
        for telling in sorted(TELLINGS, key=lambda telling: telling.audience not in PERSONS)
        if telling.applies(event_type, payload)
    ]


def _words(event_type: str, payload: Mapping[str, Any], zone: ZoneInfo) -> Mapping[str, Any]:
    words = {**payload}
    for key, form in TIMES.items():
        if payload.get(key):
            words[key] = datetime.fromisoformat(payload[key]).astimezone(zone).strftime(form)
    if event_type.startswith("delivery."):
        words |= {key: REASONS.get(payload[key], "see the desk") for key in _CODES if payload.get(key)}
    if payload.get("status_reason"):
        words["status_reason"] = STATUS_REASONS.get(payload["status_reason"], payload["status_reason"])
    return words | {key: text for key, text in NO_WORDS.items() if not words.get(key)}


_CODES = ("reason", "closed_reason")
