"""A reader's loans: looked at, renewed, reported lost."""

from uuid import UUID

from luna_web.book import service as books
from luna_web.book.domain import CopyStatus, StatusReason
from luna_web.delivery import circulation_repository, repository
from luna_web.delivery.domain import machines
from luna_web.delivery.domain.renewing import Refusal, Renewing, renewal
from luna_web.delivery.domain.states import ClosedHow, LoanStatus
from luna_web.delivery.errors import CopyInUse, NotRenewable, as_answer
from luna_web.delivery.models import Loan
from luna_web.delivery.service import scans
from luna_web.delivery.service.work import Work
from luna_web.shared.errors import NotFound


def get(work: Work, loan_id: UUID) -> Loan:
    """Raises NotFound also for another's loan, unless staff ask."""
    loan = work.session.get(Loan, loan_id)
    if loan is None or not work.may_see(loan.user_id):
        raise NotFound("There is no such loan")
    return loan


def renew(work: Work, loan_id: UUID) -> Loan:
    """A new due date, a loan period from now. Asking twice in a day renews once.

    Raises NotFound, NotRenewable; IllegalTransition for a loan that has ended.
    """
    get(work, loan_id)
    loan = _locked(work, loan_id)
    _check(loan.status, LoanStatus.OPEN)
    wish = Renewing(
        due_at=loan.due_at,
        renewals=loan.renewals,
        flagged=loan.flagged,
        waited_for=circulation_repository.is_waited_for(work.session, loan.book_id, but=loan.user_id),
        being_returned=repository.open_return_of(work.session, loan.id) is not None,
    )
    until = renewal(wish, work.now, work.policy)
    if isinstance(until, Refusal):
        raise NotRenewable(until, work.policy)
    if until != loan.due_at:
        work.loans().renew(loan, until)
        work.audit("loan.renew", "loan", loan.id, {"due_at": until.isoformat(), "renewals": loan.renewals})
        work.session.flush()
    return loan


def report_lost(work: Work, loan_id: UUID, notes: str | None) -> Loan:
    """The reader has lost the book: the loan ends, flagged, and the copy is LOST. Again changes nothing.

    Raises NotFound; IllegalTransition for one that was returned; CopyInUse while a robot is to fetch it.
    """
    scan = scans.locked(work, get(work, loan_id).copy_id)
    loan = _locked(work, loan_id)
    if loan.status is LoanStatus.LOST:
        return loan
    _check(loan.status, LoanStatus.LOST)
    work.waiting_list().lock(loan.book_id)
    copy = books.lock_copy(work.session, loan.copy_id)
    if scan.rows is not None:
        task = scan.rows.task
        raise CopyInUse(
            "A robot is to fetch this book; cancel its delivery first", copy, task_id=str(task.id), phase=task.phase
        )
    work.loans().close(loan, ClosedHow.LOST)
    books.set_copy_status(
        work.session, loan.copy_id, tuple(CopyStatus), CopyStatus.UNAVAILABLE, StatusReason.LOST
    )
    work.audit("loan.lost", "loan", loan.id, {"barcode": copy.barcode, "notes": notes})
    work.session.flush()
    return loan


def _locked(work: Work, loan_id: UUID) -> Loan:
    loan = repository.lock_loan(work.session, loan_id)
    if loan is None:
        raise NotFound("There is no such loan")
    return loan


def _check(source: LoanStatus, target: LoanStatus) -> None:
    try:
        machines.LOAN.check(source, target)
    except machines.IllegalTransition as refused:
        raise as_answer(refused) from refused
