"""The consumer that turns events into in-app notifications."""

from collections.abc import Callable, Sequence
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from luna_web.notification import events
from luna_web.notification.domain import Audience, Told, tellings_of
from luna_web.notification.models import Notification
from luna_web.shared.ids import new_id
from luna_web.shared.models import Outbox

NAME = "notification.in_app"
FAMILIES = ("delivery.",)
StaffIds = Callable[[Session], Sequence[UUID]]


class InAppNotifier:
    """Tells each person at most once of an event, however often it comes. `staff_ids` says who the staff are."""

    def __init__(self, staff_ids: StaffIds) -> None:
        self._staff_ids = staff_ids

    def handle(self, session: Session, event: Outbox) -> None:
        for told in tellings_of(event.event_type, event.payload):
            self._tell(session, event, told)

    def _tell(self, session: Session, event: Outbox, told: Told) -> None:
        rows = [_row(event, told, user_id) for user_id in self._recipients(session, event, told.audience)]
        if not rows:
            return
        new = insert(Notification).on_conflict_do_nothing(constraint="notifications_once").returning(Notification)
        for notification in session.scalars(new, rows):
            events.created(session, notification, trace_id=event.trace_id)

    def _recipients(self, session: Session, event: Outbox, audience: Audience) -> Sequence[UUID]:
        if audience is Audience.STAFF:
            return self._staff_ids(session)
        reader = event.payload.get("user_id")
        return [UUID(reader)] if reader else []


def _row(event: Outbox, told: Told, user_id: UUID) -> dict[str, object]:
    return {
        "id": new_id(),
        "user_id": user_id,
        "event_id": event.event_id,
        "notification_type": told.type.value,
        "title": told.title,
        "message": told.message,
        "payload": {"event_type": event.event_type, **event.payload},
        "created_at": event.created_at,
    }
