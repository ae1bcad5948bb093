"""What a person was told, and what they have read. Everybody sees their own, whatever their role."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.notification import events, repository
from luna_web.notification.domain import NotificationType
from luna_web.notification.models import Notification
from luna_web.shared import cursors
from luna_web.shared.cursors import Cursor
from luna_web.shared.errors import NotFound
from luna_web.shared.paging import Order, Page, PageParams, paginate

SORTS = {"created_at": Notification.created_at}


def page_of(
    session: Session,
    user_id: UUID,
    is_read: bool | None,
    notification_type: NotificationType | None,
    params: PageParams,
    after: Cursor | None = None,
) -> Page[Notification]:
    """Newest first, or as `params` say; behind `after` if it is given."""
    found = repository.of_user(user_id, is_read, notification_type)
    if after:
        newest_first = params.order is not Order.ASC
        at, row_id = Notification.created_at, Notification.id
        found = found.where(cursors.behind(after, at, row_id, newest_first=newest_first))
    return paginate(session, found, params, SORTS, default="created_at", tie=Notification.id, default_order=Order.DESC)


def next_cursor(page: Page[Notification]) -> str | None:
    """Where the next page begins; None on the last."""
    return cursors.next_cursor(page, lambda row: Cursor(row.created_at, row.id))


def unread(session: Session, user_id: UUID) -> int:
    return repository.unread(session, user_id)


def get(session: Session, user_id: UUID, notification_id: UUID) -> Notification:
    """Raises NotFound also for another's."""
    return _there(repository.get(session, user_id, notification_id))


def mark_read(session: Session, user_id: UUID, notification_id: UUID, now: datetime) -> Notification:
    """Reading again changes nothing. Raises NotFound."""
    found = _there(repository.get(session, user_id, notification_id, to_change=True))
    if not found.is_read:
        found.is_read, found.read_at = True, now
        events.read(session, found)
    return found


def mark_all_read(session: Session, user_id: UUID, now: datetime) -> int:
    """How many were unread."""
    marked = repository.mark_all_read(session, user_id, now)
    if marked:
        events.all_read(session, user_id, marked)
    return marked


def delete(session: Session, user_id: UUID, notification_id: UUID, now: datetime) -> None:
    """Empty it and show it no more. Raises NotFound, also for one that was deleted."""
    found = _there(repository.get(session, user_id, notification_id, to_change=True))
    found.deleted_at, found.title, found.message, found.payload = now, "", "", {}
    events.deleted(session, found)


def _there(found: Notification | None) -> Notification:
    if found is None:
        raise NotFound("There is no such notification")
    return found
