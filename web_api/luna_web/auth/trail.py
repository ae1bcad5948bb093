"""Reading the audit trail."""

from sqlalchemy.orm import Session

from luna_web.auth import repository
from luna_web.auth.repository import TrailFilter
from luna_web.shared import cursors
from luna_web.shared.cursors import Cursor
from luna_web.shared.models import AuditLog
from luna_web.shared.paging import Order, Page, PageParams, paginate

SORTS = {"at": AuditLog.at}


def list_trail(session: Session, wanted: TrailFilter, page: PageParams, after: Cursor | None) -> Page[AuditLog]:
    """The trail, newest first."""
    query = repository.audit_logs(wanted)
    if after:
        newest_first = page.order is not Order.ASC
        query = query.where(cursors.behind(after, AuditLog.at, AuditLog.id, newest_first=newest_first))
    return paginate(session, query, page, SORTS, default="at", tie=AuditLog.id, default_order=Order.DESC)


def next_cursor(page: Page[AuditLog]) -> str | None:
    """Where the next page begins; None on the last."""
    return cursors.next_cursor(page, lambda row: Cursor(row.at, row.id))
