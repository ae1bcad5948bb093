"""Reading the audit trail."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.auth import repository
from luna_web.auth.repository import TrailFilter
from luna_web.shared.errors import ValidationFailed
from luna_web.shared.models import AuditLog
from luna_web.shared.paging import Order, Page, PageParams, paginate

SORTS = {"at": AuditLog.at}


@dataclass(frozen=True, slots=True)
class Cursor:
    """A row of the trail, after which the next page begins: new rows shift no page."""

    at: datetime
    id: UUID

    def text(self) -> str:
        return base64.urlsafe_b64encode(f"{self.at.isoformat()} {self.id}".encode()).rstrip(b"=").decode()


def read_cursor(text: str) -> Cursor:
    """Raises ValidationFailed for what was never a cursor."""
    try:
        at, _, row_id = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").partition(" ")
        cursor = Cursor(datetime.fromisoformat(at), UUID(row_id))
    except (ValueError, binascii.Error):
        raise ValidationFailed({"after": ["must be the `next` of an earlier answer's meta"]}) from None
    if cursor.at.tzinfo is None:
        raise ValidationFailed({"after": ["must be the `next` of an earlier answer's meta"]})
    return cursor


def list_trail(session: Session, wanted: TrailFilter, page: PageParams, after: Cursor | None) -> Page[AuditLog]:
    """The trail, newest first."""
    query = repository.audit_logs(wanted)
    if after:
        newest_first = page.order is not Order.ASC
        query = repository.audit_logs_after(query, after.at, after.id, newest_first=newest_first)
    return paginate(session, query, page, SORTS, default="at", tie=AuditLog.id, default_order=Order.DESC)


def next_cursor(page: Page[AuditLog]) -> str | None:
    """Where the next page begins; None on the last."""
    if not page.items or page.pagination.total <= page.pagination.page * page.pagination.limit:
        return None
    return Cursor(page.items[-1].at, page.items[-1].id).text()
