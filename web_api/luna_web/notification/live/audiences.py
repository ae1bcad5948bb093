"""Which event goes to which channels: one table, read by the relay. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from luna_web.notification.live.channels import Kind, topic_of

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Audience:
    """Where events of one family (a beginning of event types) go.

    `shared`: channels without an id; `about`: channels of the thing whose id is under that key of the payload;
    `people`: keys that name users, each told in their own `me`. `shown` narrows what `shared` channels get to these
    keys; None = everything.
    """

    family: str
    shared: tuple[Kind, ...] = ()
    about: tuple[tuple[Kind, str], ...] = ()
    people: tuple[str, ...] = ()
    shown: frozenset[str] | None = None


AUDIENCES: tuple[Audience, ...] = (
    Audience(
        "delivery.task.",
        shared=(Kind.QUEUE,),
        about=((Kind.DELIVERY, "task_id"), (Kind.ROBOT, "robot_id")),
        people=("user_id",),  # whom it serves: the reader, or to whom staff send it
    ),
    Audience("delivery.request.", shared=(Kind.QUEUE,), people=("user_id",)),
    Audience("delivery.return.", shared=(Kind.QUEUE,), people=("user_id",)),
    Audience("delivery.loan.", people=("user_id",)),
    Audience("delivery.hold.", people=("user_id",)),
    # Readers see titles and what is free of them; barcodes and the reasons why a copy is away are the staff's.
    Audience(
        "catalog.book.",
        shared=(Kind.CATALOG,),
        shown=frozenset({"book_id", "title", "author", "isbn", "copy_id", "status", "from", "version"}),
    ),
    Audience("catalog.import.", people=("created_by",)),
    Audience("robot.", shared=(Kind.ROBOTS,), about=((Kind.ROBOT, "robot_id"),)),
    Audience("notification.", people=("user_id",)),
)
"""Families that are not here (`auth.*`) are nobody's to see."""


@dataclass(frozen=True, slots=True)
class Addressed:
    """One topic, with what of the payload it gets."""

    topic: str
    payload: Payload


def addressed(event_type: str, payload: Payload) -> Sequence[Addressed]:
    """Every topic that an event goes to, each once; empty for one that nobody is to see."""
    topics: dict[str, Addressed] = {}
    for audience in AUDIENCES:
        if not event_type.startswith(audience.family):
            continue
        for topic, part in _topics(audience, payload):
            topics.setdefault(topic, Addressed(topic, part))
    return list(topics.values())


def _topics(audience: Audience, payload: Payload) -> list[tuple[str, Payload]]:
    shown = payload if audience.shown is None else {k: v for k, v in payload.items() if k in audience.shown}
    found = [(topic_of(kind), shown) for kind in audience.shared]
    found += [(topic_of(kind, payload[key]), payload) for kind, key in audience.about if payload.get(key)]
    return found + [(topic_of(Kind.ME, payload[key]), payload) for key in audience.people if payload.get(key)]
