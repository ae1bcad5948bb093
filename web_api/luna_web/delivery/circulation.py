"""What the catalog asks about loans and requests: `luna_web.book.ports.Circulation`."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from luna_web.book.ports import Outlook
from luna_web.delivery.domain.states import (
    OPEN_HOLD,
    OPEN_REQUEST,
    OPEN_RETURN,
    UNFINISHED_TASK,
    HoldStatus,
    RequestStatus,
)
from luna_web.delivery.models import BookRequest, BookReturn, DeliveryTask, Hold, Loan

WAITING = (RequestStatus.PENDING, RequestStatus.APPROVED)


class LoansAndRequests:
    """Reads what the delivery service knows of copies.

    Who waits has asked and not got the book on its way yet, or has a place in the queue.
    """

    def outlook(self, session: Session, book_id: UUID) -> Outlook:
        due = select(func.min(Loan.due_at)).where(Loan.book_id == book_id, Loan.closed_at.is_(None))
        waiting = select(func.count()).where(BookRequest.book_id == book_id, BookRequest.status.in_(WAITING))
        holds = select(func.count()).where(Hold.book_id == book_id, Hold.status.in_(OPEN_HOLD))
        next_due_at, asked, queued = session.execute(
            select(due.scalar_subquery(), waiting.scalar_subquery(), holds.scalar_subquery())
        ).one()
        return Outlook(next_due_at, asked + queued)

    def engaged(self, session: Session, copy_ids: Collection[UUID]) -> frozenset[UUID]:
        if not copy_ids:
            return frozenset()
        held: tuple[tuple[InstrumentedAttribute[UUID] | InstrumentedAttribute[UUID | None], ColumnElement[bool]], ...]
        held = (
            (Loan.copy_id, Loan.closed_at.is_(None)),
            (Hold.offered_copy_id, Hold.status == HoldStatus.OFFERED),
            (BookRequest.copy_id, BookRequest.status.in_(OPEN_REQUEST)),
            (BookReturn.copy_id, BookReturn.status.in_(OPEN_RETURN)),
            (DeliveryTask.copy_id, DeliveryTask.status.in_(UNFINISHED_TASK)),
        )
        queries = (select(copy_id).where(copy_id.in_(copy_ids), still) for copy_id, still in held)
        return frozenset(session.scalars(union_all(*queries)))

    def most_requested(self, session: Session, since: datetime, limit: int) -> Sequence[tuple[UUID, int]]:
        count = func.count()
        query = (
            select(BookRequest.book_id, count).where(BookRequest.requested_at >= since).group_by(BookRequest.book_id)
        )
        return [
            (book, times)
            for book, times in session.execute(query.order_by(count.desc(), BookRequest.book_id).limit(limit))
        ]
