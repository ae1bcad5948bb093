"""Opens, changes and closes loans: each step checked against its table, with its event. The caller locks the rows."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.delivery import events
from luna_web.delivery.domain import machines
from luna_web.delivery.domain.facts import Policy
from luna_web.delivery.domain.notices import Notice
from luna_web.delivery.domain.states import ClosedHow, LoanStatus, OpenedHow
from luna_web.delivery.models import Loan
from luna_web.shared.ids import new_id


@dataclass(frozen=True, slots=True)
class Lent:
    """What is lent to whom, and why."""

    user_id: UUID
    copy_id: UUID
    book_id: UUID
    book_title: str
    book_author: str | None
    request_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class LoanRegister:
    """Writes what happens at one moment, in one trace."""

    session: Session
    policy: Policy
    at: datetime
    trace_id: str

    def open(self, lent: Lent, how: OpenedHow, *, flagged: bool = False) -> Loan:
        loan = Loan(
            id=new_id(),
            user_id=lent.user_id,
            copy_id=lent.copy_id,
            book_id=lent.book_id,
            book_title=lent.book_title,
            book_author=lent.book_author,
            request_id=lent.request_id,
            opened_at=self.at,
            due_at=self.at + self.policy.loan_period,
            renewals=0,
            flagged=flagged,
            opened_how=how,
            version=1,
        )
        self.session.add(loan)
        self._event(loan, "flagged" if flagged else "opened")
        return loan

    def close(self, loan: Loan, how: ClosedHow, at: datetime | None = None) -> None:
        """As of `at`, but not before it was opened. A LOST one is RETURNED by being FOUND, and flagged no more."""
        target = LoanStatus.LOST if how is ClosedHow.LOST else LoanStatus.RETURNED
        found = loan.status is LoanStatus.LOST
        machines.LOAN.check(loan.status, target)
        loan.closed_at = max(at or self.at, loan.opened_at)
        loan.closed_how = how
        loan.flagged = target is LoanStatus.LOST or (loan.flagged and not found)
        self._changed(loan, {ClosedHow.LOST: "lost", ClosedHow.FOUND: "found"}.get(how, "closed"))

    def renew(self, loan: Loan, until: datetime) -> None:
        machines.LOAN.check(loan.status, LoanStatus.OPEN)
        loan.due_at, loan.notice = until, None
        loan.renewals += 1
        self._changed(loan, "renewed")

    def flag(self, loan: Loan) -> None:
        loan.flagged = True
        self._changed(loan, "flagged")

    def remind(self, loan: Loan, notice: Notice) -> None:
        loan.notice = notice
        self._changed(loan, notice)

    def _changed(self, loan: Loan, what: str) -> None:
        loan.version += 1
        self._event(loan, what)

    def _event(self, loan: Loan, what: str) -> None:
        events.loan_event(self.session, loan, what, trace_id=self.trace_id)
