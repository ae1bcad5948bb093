"""Whom an event reaches on a channel, in which words: the table of tellings, the people, and what they have chosen."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from luna_web.notification import repository
from luna_web.notification.domain import PERSONS, Audience, Channel, Told
from luna_web.notification.people import Directory, Person
from luna_web.notification.preferences import effective
from luna_web.notification.tellings import tellings_of
from luna_web.shared.models import Outbox

Zone = Callable[[Session], ZoneInfo]
"""The library's time zone as it is now, in which people are told of times."""


@dataclass(frozen=True, slots=True)
class Addressed:
    """One person, and what they are told."""

    person: Person
    told: Told


class Addressing:
    def __init__(self, directory: Directory, zone: Zone) -> None:
        self._directory = directory
        self._zone = zone

    def of(self, session: Session, event: Outbox, channel: Channel) -> Sequence[Addressed]:
        """Everybody who is to be told of the event on this channel, each once: as a single person before as staff."""
        found: dict[UUID, Addressed] = {}
        for told in tellings_of(event.event_type, event.payload, self._zone(session)):
            for person in self._audience(session, event, told.audience):
                found.setdefault(person.id, Addressed(person, told))
        return list(self._who_want(session, found.values(), channel))

    def _audience(self, session: Session, event: Outbox, audience: Audience) -> Sequence[Person]:
        if audience not in PERSONS:
            return self._directory.staff(session)
        named = event.payload.get(PERSONS[audience])
        return self._directory.people(session, [UUID(named)]) if named else []

    def _who_want(self, session: Session, found: Iterable[Addressed], channel: Channel) -> Iterable[Addressed]:
        by_type: dict[str, list[Addressed]] = {}
        for one in found:
            by_type.setdefault(one.told.type, []).append(one)
        for those in by_type.values():
            type_ = those[0].told.type
            chosen = repository.chosen(session, [one.person.id for one in those], type_)
            yield from (
                one for one in those if effective(one.person.role, type_, chosen.get(one.person.id)).has(channel)
            )


def shown_payload(event: Outbox, audience: Audience) -> Mapping[str, object]:
    """What of an event goes with a notification.

    Staff look up whose something is: what they were told must not outlive the library's knowing it.
    """
    unsaid = set(PERSONS.values()) if audience is Audience.STAFF else set()
    return {"event_type": event.event_type} | {key: value for key, value in event.payload.items() if key not in unsaid}
