"""Holds: a reader's place in the queue for a title, and the copy that is kept for them when it is their turn."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from luna_web.auth import service as accounts
from luna_web.book import service as books
from luna_web.book.service import CopyView
from luna_web.delivery import circulation_repository as rows
from luna_web.delivery import events, repository
from luna_web.delivery.domain import machines
from luna_web.delivery.domain.states import HoldStatus, Reason
from luna_web.delivery.errors import AlreadyRequested, LimitReached, as_answer
from luna_web.delivery.models import Hold
from luna_web.delivery.service.work import Work
from luna_web.shared.errors import Forbidden, NotFound, ValidationFailed
from luna_web.shared.ids import new_id
from luna_web.shared.tracing import trace_id


def place(work: Work, book_id: UUID, user_id: UUID | None = None) -> Hold:
    """The reader joins the queue; where a copy is free and it is their turn, it is kept for them at once.

    Raises NotFound, AlreadyRequested, LimitReached; Forbidden for another's unless staff place it; ValidationFailed
    for a reader whose account is closed.
    """
    reader_id = user_id or work.principal.user_id
    _may_act_for(work, reader_id)
    repository.lock_user_limits(work.session, reader_id)
    _check_active(work, reader_id)
    title = books.get_title(work.session, book_id)
    waiting_list = work.waiting_list()
    waiting_list.lock(book_id)
    _check_new(work, reader_id, book_id)
    hold = Hold(
        id=new_id(),
        user_id=reader_id,
        book_id=book_id,
        book_title=title.title,
        book_author=title.author,
        status=HoldStatus.WAITING,
        placed_at=waiting_list.last_place(book_id),
        version=1,
    )
    work.session.add(hold)
    work.session.flush()
    events.hold_event(work.session, hold, "placed", trace_id=trace_id())
    work.audit("hold.create", "hold", hold.id, {"book_id": str(book_id)})
    waiting_list.settle(book_id)
    return hold


def _may_act_for(work: Work, reader_id: UUID) -> None:
    if not work.may_see(reader_id):
        raise Forbidden("Only staff can place a hold for somebody else")


def _check_active(work: Work, reader_id: UUID) -> None:
    if reader_id == work.principal.user_id:
        accounts.check_active(work.session, reader_id)
    elif not accounts.get_user(work.session, reader_id).is_active:
        raise ValidationFailed({"user_id": ["this account is closed"]})


def _check_new(work: Work, reader_id: UUID, book_id: UUID) -> None:
    if earlier := rows.open_hold(work.session, reader_id, book_id):
        raise AlreadyRequested("There is a place in the queue already", details={"hold_id": str(earlier.id)})
    if request := repository.open_request_of(work.session, reader_id, book_id):
        raise AlreadyRequested(details={"request_id": str(request.id)})
    if loan := repository.open_loan_of(work.session, reader_id, book_id):
        raise AlreadyRequested("This title is lent to you already", details={"loan_id": str(loan.id)})
    if len(rows.open_holds(work.session, reader_id)) >= work.policy.open_holds:
        raise LimitReached("open holds", work.policy.open_holds)


def wait_for(work: Work, book_id: UUID) -> Hold:
    """The reader's place in the queue, as it is or made now. Raises as `place` does."""
    return rows.open_hold(work.session, work.principal.user_id, book_id) or place(work, book_id)


def take_copy(work: Work, book_id: UUID) -> CopyView:
    """A copy of a title that has a queue, for the reader's request: the one that is kept for them, or one that is left.

    Raises BookNotAvailable, BookNotFound.
    """
    reader_id = work.principal.user_id
    waiting_list = work.waiting_list()
    waiting_list.settle(book_id)
    hold = rows.lock_open_hold(work.session, reader_id, book_id)
    kept = hold.offered_copy_id if hold else None
    copy = books.get_copy(work.session, kept) if kept else books.reserve_copy(work.session, book_id)
    if hold is not None:
        waiting_list.fulfil(hold, copy.id)
    return copy


def get(work: Work, hold_id: UUID) -> Hold:
    """Raises NotFound also for another's hold, unless staff ask."""
    hold = work.session.get(Hold, hold_id)
    if hold is None or not work.may_see(hold.user_id):
        raise NotFound("There is no such hold")
    return hold


def cancel(work: Work, hold_id: UUID) -> Hold:
    """The reader waits no longer; a copy that was kept goes to the next. Cancelling again changes nothing.

    Raises NotFound; IllegalTransition for one that was fulfilled or has lapsed.
    """
    waiting_list = work.waiting_list()
    waiting_list.lock(get(work, hold_id).book_id)
    hold = rows.lock_hold(work.session, hold_id)
    if hold is None:
        raise NotFound("There is no such hold")
    if hold.status == HoldStatus.CANCELLED:
        return hold
    mine = hold.user_id == work.principal.user_id
    try:
        reason = Reason.CANCELLED_BY_USER if mine else Reason.CANCELLED_BY_STAFF
        waiting_list.end(hold, HoldStatus.CANCELLED, reason)
    except machines.IllegalTransition as refused:
        raise as_answer(refused) from refused
    work.audit("hold.cancel", "hold", hold.id, {"reason": reason})
    work.session.flush()
    return hold


def positions(work: Work, holds: Sequence[Hold]) -> Mapping[UUID, int]:
    """Of those among these that wait."""
    return rows.positions(work.session, holds)


def position(work: Work, hold: Hold) -> int | None:
    return positions(work, [hold]).get(hold.id)
