"""What a notification is: its kinds, the ways it takes, and who is told what of an event. Table: `tellings`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Values = str | bool | tuple[str, ...]


class NotificationType(StrEnum):
    DELIVERY_UPDATE = "DELIVERY_UPDATE"
    REQUEST_STATUS = "REQUEST_STATUS"
    RETURN_STATUS = "RETURN_STATUS"
    ROBOT_ALERT = "ROBOT_ALERT"
    SYSTEM_ALERT = "SYSTEM_ALERT"
    LOAN_DUE = "LOAN_DUE"


class Channel(StrEnum):
    """The ways to a person."""

    IN_APP = "IN_APP"
    EMAIL = "EMAIL"
    PUSH = "PUSH"


class Audience(StrEnum):
    READER = "READER"
    """The user whom the event's payload names: a reader, or the recipient of what staff send each other."""
    AUTHOR = "AUTHOR"
    """Whoever began what the event tells of."""
    STAFF = "STAFF"
    """Every librarian and administrator."""


PERSONS: Mapping[Audience, str] = {Audience.READER: "user_id", Audience.AUTHOR: "created_by"}
"""Where a payload names the one person of an audience."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What one audience is told of one kind of event. `message` is filled from the event's payload.

    `when` narrows it to events whose payload has these values, or one of them; `unless` leaves those out. `fault.code`
    is the key `code` inside of `fault`.
    """

    event_type: str
    audience: Audience
    type: NotificationType
    title: str
    message: str
    when: Mapping[str, Values] | None = None
    unless: Mapping[str, Values] | None = None

    def applies(self, event_type: str, payload: Mapping[str, Any]) -> bool:
        if self.event_type != event_type:
            return False
        wanted, unwanted = self.when or {}, self.unless or {}
        return all(_has(payload, key, values) for key, values in wanted.items()) and not any(
            _has(payload, key, values) for key, values in unwanted.items()
        )


@dataclass(frozen=True, slots=True)
class Told:
    """One notification in words."""

    audience: Audience
    type: NotificationType
    title: str
    message: str


def _has(payload: Mapping[str, Any], key: str, values: Values) -> bool:
    value: Any = payload
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value in (values if isinstance(values, tuple) else (values,))
