"""The consumer that turns events into in-app notifications."""

from sqlalchemy.orm import Session

from luna_web.notification import events, repository
from luna_web.notification.addressing import Addressed, Addressing, Zone, shown_payload
from luna_web.notification.domain import Channel
from luna_web.notification.people import Directory
from luna_web.notification.tellings import told_types
from luna_web.shared.ids import new_id
from luna_web.shared.models import Outbox

NAME = "notification.in_app"
FAMILIES = tuple(sorted(told_types()))


class InAppNotifier:
    """Tells each person at most once of an event, however often it comes."""

    def __init__(self, directory: Directory, zone: Zone) -> None:
        self._addressing = Addressing(directory, zone)

    def handle(self, session: Session, event: Outbox) -> None:
        rows = [_row(event, one) for one in self._addressing.of(session, event, Channel.IN_APP)]
        for made in repository.add_notifications(session, rows):
            events.created(session, made, trace_id=event.trace_id)


def _row(event: Outbox, one: Addressed) -> dict[str, object]:
    return {
        "id": new_id(),
        "user_id": one.person.id,
        "event_id": event.event_id,
        "notification_type": one.told.type.value,
        "title": one.told.title,
        "message": one.told.message,
        "payload": shown_payload(event, one.told.audience),
        "created_at": event.created_at,
    }
