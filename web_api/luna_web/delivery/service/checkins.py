"""Books that come back to the desk, by hand."""

from dataclasses import dataclass
from uuid import UUID

from luna_web.book import service as books
from luna_web.book.domain import CopyStatus, StatusReason
from luna_web.book.service import CopyView
from luna_web.delivery import circulation_repository as rows
from luna_web.delivery.domain.scanning import CheckIn, Scanned, check_in
from luna_web.delivery.domain.states import ClosedHow, LoanStatus, Reason
from luna_web.delivery.errors import CopyInUse, HandoverPending
from luna_web.delivery.models import Hold, Loan
from luna_web.delivery.repository import TaskRows, lock_loan
from luna_web.delivery.rows import facts_of
from luna_web.delivery.service import cancelling, loans, scans
from luna_web.delivery.service.work import Work
from luna_web.shared.errors import IllegalTransition, NotFound


@dataclass(frozen=True, slots=True)
class Condition:
    """In which a copy comes to the desk."""

    damaged: bool = False
    notes: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """`loan`: the one that ended now, or had ended before; `kept_for`: who gets the copy next."""

    what: CheckIn
    copy: CopyView
    loan: Loan | None
    kept_for: Hold | None


def by_barcode(work: Work, barcode: str, condition: Condition) -> Outcome:
    """Raises NotFound, and as `of_copy` does."""
    return of_copy(work, copy_of(work, barcode).id, condition)


def copy_of(work: Work, barcode: str) -> CopyView:
    """Raises NotFound."""
    copy = books.get_copy_by_barcode(work.session, barcode)
    if copy is None:
        raise NotFound("No copy carries this barcode")
    return copy


def of_loan(work: Work, loan_id: UUID, condition: Condition) -> Outcome:
    """The book of this loan is back. One that is returned already stays so, whoever has the copy now.

    Raises NotFound, and as `of_copy` does.
    """
    loan = loans.get(work, loan_id)
    scan = scans.locked(work, loan.copy_id)
    if scan.loan is not None and scan.loan.id == loan_id and loan.status is not LoanStatus.RETURNED:
        return _check_in(work, loan.copy_id, scan, condition)
    older = lock_loan(work.session, loan_id)
    if older is not None and older.status is LoanStatus.LOST:
        work.loans().close(older, ClosedHow.FOUND)
        work.session.flush()
    return Outcome(CheckIn.NOTHING, books.get_copy(work.session, loan.copy_id), older, None)


def of_copy(work: Work, copy_id: UUID, condition: Condition) -> Outcome:
    """End its loan, have a robot that comes for it called off, put it back or keep it for whose turn it is.

    Raises CopyInUse where a robot has it, HandoverPending, IllegalTransition for one that was withdrawn.
    """
    return _check_in(work, copy_id, scans.locked(work, copy_id), condition)


def _check_in(work: Work, copy_id: UUID, scan: scans.Scan, condition: Condition) -> Outcome:
    book_id = books.get_copy(work.session, copy_id).book_id
    work.waiting_list().lock(book_id)
    offer = rows.lock_offer_of_copy(work.session, copy_id)
    copy = books.lock_copy(work.session, copy_id)
    asked_for = rows.open_request_of_copy(work.session, copy_id) is not None
    lent = scan.loan is not None and scan.loan.status is LoanStatus.OPEN
    facts = facts_of(scan.rows.task) if scan.rows else None
    known = Scanned(copy.status, copy.status_reason, lent, asked_for, offer is not None, facts)
    what = check_in(known, damaged=condition.damaged)
    _refuse(what, copy, scan.rows)
    ended = _end_loan(work, what, scan)
    _put_back(work, what, copy, known, offer, condition)
    if what is not CheckIn.NOTHING or condition.damaged:
        changes = {"outcome": what, "barcode": copy.barcode, "damaged": condition.damaged, "notes": condition.notes}
        work.audit("copy.checkin", "copy", copy.id, changes)
    work.session.flush()
    kept_for = rows.lock_offer_of_copy(work.session, copy_id)
    return Outcome(what, books.get_copy(work.session, copy_id), ended, kept_for)


def _refuse(what: CheckIn, copy: CopyView, task_rows: TaskRows | None) -> None:
    task = task_rows.task if task_rows else None
    named = {"task_id": str(task.id), "phase": task.phase} if task else {}
    if what is CheckIn.HANDOVER_PENDING:
        raise HandoverPending
    if what is CheckIn.ON_ROBOT:
        raise CopyInUse("A robot has this book: complete or recover its delivery instead", copy, **named)
    if what is CheckIn.KEPT:
        raise CopyInUse("A delivery or a request has this copy; end it first", copy, **named)
    if what is CheckIn.WITHDRAWN:
        raise IllegalTransition("withdrawn copy", copy.status, CopyStatus.AVAILABLE, ())


def _end_loan(work: Work, what: CheckIn, scan: scans.Scan) -> Loan | None:
    loan = scan.loan
    if loan is None:
        return None
    if what in (CheckIn.RETURNED, CheckIn.CALLED_OFF):
        if scan.rows is not None:
            cancelling.cancel(work, scan.rows, Reason.CHECKED_IN, None)
        work.loans().close(loan, ClosedHow.CHECKIN)
        return loan
    if what is CheckIn.FOUND and loan.status is LoanStatus.LOST:
        work.loans().close(loan, ClosedHow.FOUND)
        return loan
    return None


def _put_back(
    work: Work, what: CheckIn, copy: CopyView, known: Scanned, offer: Hold | None, condition: Condition
) -> None:
    if condition.damaged:
        if offer is not None:
            work.waiting_list().withdraw(offer)
        _move(work, copy, CopyStatus.UNAVAILABLE, StatusReason.DAMAGED)
        work.waiting_list().settle(copy.book_id)
    elif what is CheckIn.CALLED_OFF or (what in (CheckIn.RETURNED, CheckIn.FOUND) and known.asked_for):
        _move(work, copy, CopyStatus.RESERVED)
    elif what in (CheckIn.RETURNED, CheckIn.FOUND):
        work.waiting_list().free(copy.id, copy.book_id)


def _move(work: Work, copy: CopyView, status: CopyStatus, reason: StatusReason | None = None) -> None:
    books.set_copy_status(work.session, copy.id, tuple(CopyStatus), status, reason)
