"""What time brings about in circulation. Each is called again and again, at any time, by any worker.

Those that look for things give their ids, at most `limit`; those that handle one lock it and look again, since it may
have changed meanwhile, and say whether there was something to do.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.book import service as books
from luna_web.delivery import circulation_repository as rows
from luna_web.delivery import repository
from luna_web.delivery.domain.following import cancelled_empty
from luna_web.delivery.domain.notices import Notice, notice_due
from luna_web.delivery.domain.states import HoldStatus, Reason, RequestStatus
from luna_web.delivery.ledger import Cause, Ledger
from luna_web.delivery.loan_register import LoanRegister
from luna_web.delivery.models import Hold
from luna_web.delivery.policies import Policies
from luna_web.delivery.rows import facts_of
from luna_web.delivery.waiting_list import WaitingList
from luna_web.shared.clock import Clock
from luna_web.shared.tracing import trace_id

NOTICES_AT_ONCE = 100
TITLES_AT_ONCE = 1000


class CirculationJobs:
    """`clock` says what time it is, `policies` which limits hold.

    `remembered`: how long after a book's return it is known who had it.
    """

    def __init__(self, clock: Clock, remembered: timedelta, policies: Policies) -> None:
        self._clock = clock
        self._remembered = remembered
        self._policies = policies

    # --- holds ---

    def queues_that_move(self, session: Session, limit: int) -> Sequence[UUID]:
        """Titles that somebody waits for although a copy is on the shelf, or although they are removed."""
        found: list[UUID] = []
        after: UUID | None = None
        while len(found) < limit and (some := rows.titles_waited_for(session, after, TITLES_AT_ONCE)):
            moving = books.titles_with_free_copies(session, some) | books.removed_titles(session, some)
            found += [book_id for book_id in some if book_id in moving]
            after = some[-1]
        return found[:limit]

    def move_queue(self, session: Session, book_id: UUID) -> bool:
        """Offer what is free; of a title that is removed nobody waits for a copy any more."""
        waiting_list = self._waiting_list(session)
        if not books.removed_titles(session, [book_id]):
            return waiting_list.settle(book_id) > 0
        waiting_list.lock(book_id)
        waiting = rows.waiting_for(session, book_id)
        for hold in waiting:
            waiting_list.end(hold, HoldStatus.CANCELLED, Reason.TITLE_REMOVED)
        return bool(waiting)

    def lapsed_offers(self, session: Session, limit: int) -> Sequence[UUID]:
        return rows.lapsed_offers(session, self._clock.now(), limit)

    def lapse_offer(self, session: Session, hold_id: UUID) -> bool:
        """A copy was kept long enough: it goes to the next in line."""
        hold = session.get_one(Hold, hold_id)
        waiting_list = self._waiting_list(session)
        waiting_list.lock(hold.book_id)
        lapsed = rows.lock_lapsed_offer(session, hold_id, self._clock.now())
        if lapsed is None:
            return False
        waiting_list.end(lapsed, HoldStatus.EXPIRED, Reason.EXPIRED)
        return True

    # --- requests ---

    def unaccepted(self, session: Session, limit: int) -> Sequence[UUID]:
        """The tasks of requests that nobody has accepted in time."""
        return rows.unaccepted_tasks(session, self._clock.now() - self._policies(session).unaccepted_period, limit)

    def expire_request(self, session: Session, task_id: UUID) -> bool:
        found = repository.lock_task(session, task_id)
        before = self._clock.now() - self._policies(session).unaccepted_period
        if found is None or found.request is None or found.request.requested_at > before:
            return False
        if found.request.status != RequestStatus.PENDING:
            return False
        self._ledger(session, found.task.trace_id).carry_out(
            found, cancelled_empty(facts_of(found.task), Reason.EXPIRED)
        )
        return True

    def unattended(self, session: Session, limit: int) -> Sequence[UUID]:
        """The last tasks of requests whose delivery has failed and that nobody has seen to in time."""
        return rows.unattended_tasks(session, self._clock.now() - self._policies(session).unattended_period, limit)

    def end_request(self, session: Session, task_id: UUID) -> bool:
        found = repository.lock_task(session, task_id)
        if found is None or found.request is None or not found.request.needs_attention:
            return False
        newest = repository.latest_task_of_request(session, found.request.id)
        if newest is not found.task or found.request.status != RequestStatus.APPROVED or not facts_of(newest).finished:
            return False
        self._ledger(session, found.task.trace_id).end_waiting(found, Reason.DELIVERY_FAILED)
        return True

    # --- loans ---

    def give_notices(self, session: Session) -> int:
        """Tell readers whose books are due soon, due, overdue: each once, a bounded number at a time."""
        now, policy = self._clock.now(), self._policies(session)
        register = LoanRegister(session, policy, now, trace_id())
        given = 0
        for loan in rows.lock_loans_to_notice(session, now, policy, NOTICES_AT_ONCE):
            notice = notice_due(loan.due_at, Notice(loan.notice) if loan.notice else None, now, policy)
            if notice is not None:
                register.remind(loan, notice)
                given += 1
        return given

    def loans_to_forget(self, session: Session, limit: int) -> Sequence[UUID]:
        return rows.loans_to_forget(session, self._clock.now() - self._remembered, limit)

    def forget_reader(self, session: Session, loan_id: UUID) -> bool:
        """It is known no more who had this book, nor who asked for it or gave it back."""
        return rows.forget_reader(session, loan_id, self._clock.now())

    def _waiting_list(self, session: Session) -> WaitingList:
        return WaitingList(session, self._policies(session), self._clock.now(), trace_id())

    def _ledger(self, session: Session, trace: str) -> Ledger:
        return Ledger(session, self._policies(session), Cause(self._clock.now(), trace))
