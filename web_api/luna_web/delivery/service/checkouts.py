"""Books that are handed out at the desk, without a robot."""

from uuid import UUID

from luna_web.auth import service as accounts
from luna_web.auth.service import UserView
from luna_web.book import service as books
from luna_web.book.domain import CopyStatus
from luna_web.book.service import CopyView
from luna_web.delivery import circulation_repository as rows
from luna_web.delivery import repository
from luna_web.delivery.domain.facts import RequestChange, TaskStep
from luna_web.delivery.domain.scanning import REFUSED, Lend, collectable, lend
from luna_web.delivery.domain.states import CANCELLED, OPEN_REQUEST, OpenedHow, Reason, RequestStatus
from luna_web.delivery.errors import CopyNotLendable, LimitReached
from luna_web.delivery.loan_register import Lent
from luna_web.delivery.models import BookRequest, Loan
from luna_web.delivery.repository import TaskRows
from luna_web.delivery.rows import facts_of
from luna_web.delivery.schemas import NewLoan
from luna_web.delivery.service.checkins import copy_of
from luna_web.delivery.service.work import Work
from luna_web.shared.errors import NotFound, ValidationFailed


def check_out(work: Work, wish: NewLoan) -> Loan:
    """Lend the copy with this barcode: a free one, or one that is kept for this reader.

    A request of theirs for the title is completed with it, unless a robot is under way with that. Raises NotFound,
    CopyNotLendable, LimitReached unless a reason is given to override it, ValidationFailed for a closed account.
    """
    reader = _reader(work, wish)
    repository.lock_user_limits(work.session, reader.id)
    if not accounts.get_user(work.session, reader.id).is_active:
        raise ValidationFailed({"user_id" if wish.user_id else "email": ["this account is closed"]})
    copy = copy_of(work, wish.barcode)
    request_rows = _open_request(work, reader.id, copy.book_id)
    _within_limit(work, reader.id, wish.override_reason)
    waiting_list = work.waiting_list()
    waiting_list.settle(copy.book_id)
    hold = rows.lock_open_hold(work.session, reader.id, copy.book_id)
    copy = books.lock_copy(work.session, copy.id)
    request = request_rows.request if request_rows else None
    as_what = lend(
        copy.status,
        offered_to_reader=hold is not None and hold.offered_copy_id == copy.id,
        requested_by_reader=request is not None and request.copy_id == copy.id,
    )
    if as_what in REFUSED:
        raise CopyNotLendable(copy, as_what)
    if request_rows is not None and request is not None:
        _collected(work, request_rows, request, copy)
    books.set_copy_status(work.session, copy.id, (CopyStatus.AVAILABLE, CopyStatus.RESERVED), CopyStatus.CHECKED_OUT)
    if hold is not None:
        waiting_list.fulfil(hold, copy.id)
    return _lend(work, reader, copy, request, wish.override_reason)


def _reader(work: Work, wish: NewLoan) -> UserView:
    if wish.user_id is not None:
        return accounts.get_user(work.session, wish.user_id)
    reader = accounts.find_user_by_email(work.session, wish.email or "")
    if reader is None:
        raise NotFound("Nobody has an account with this email")
    return reader


def _within_limit(work: Work, reader_id: UUID, override_reason: str | None) -> None:
    limit = work.policy.open_loans
    if override_reason is None and repository.open_loans(work.session, reader_id) >= limit:
        raise LimitReached("loans", limit)


def _open_request(work: Work, reader_id: UUID, book_id: UUID) -> TaskRows | None:
    """The reader's request for the title with its newest task, locked; None if there is none that is open."""
    request = repository.open_request_of(work.session, reader_id, book_id)
    newest = repository.latest_task_of_request(work.session, request.id) if request else None
    locked = repository.lock_task(work.session, newest.id) if newest else None
    return locked if locked and locked.request and locked.request.status in OPEN_REQUEST else None


def _collected(work: Work, task_rows: TaskRows, request: BookRequest, copy: CopyView) -> None:
    """The reader has come for what they asked for: no robot need bring it."""
    task, kept = task_rows.task, request.copy_id
    facts = facts_of(task)
    if not collectable(facts):
        raise CopyNotLendable(copy, Lend.ON_ROBOT, task_id=str(task.id), phase=task.phase)
    ledger = work.ledger(task.trace_id)
    if request.approved_at is None:
        request.approved_by, request.approved_at = work.principal.user_id, work.now
    if not facts.finished:
        task.copy_id = copy.id
        ledger.move_task(task_rows, TaskStep(CANCELLED, Reason.COLLECTED_AT_DESK))
    request.copy_id = copy.id
    ledger.move_request(request, task, RequestChange(RequestStatus.COMPLETED, Reason.COLLECTED_AT_DESK))
    if kept != copy.id and books.get_copy(work.session, kept).status is CopyStatus.RESERVED:
        work.waiting_list().free(kept, copy.book_id)


def _lend(
    work: Work, reader: UserView, copy: CopyView, request: BookRequest | None, override_reason: str | None
) -> Loan:
    title = books.get_title(work.session, copy.book_id)
    lent = Lent(reader.id, copy.id, copy.book_id, title.title, title.author, request.id if request else None)
    loan = work.loans().open(lent, OpenedHow.DESK)
    # Not to whom: the trail outlives the time for which it is known who had a book.
    changes = {"barcode": copy.barcode, "book_id": str(copy.book_id), "override_reason": override_reason}
    work.audit("loan.checkout", "loan", loan.id, changes)
    work.session.flush()
    return loan
