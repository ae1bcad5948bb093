"""The queue of each title: first come, first served. Whoever frees a copy has it offered to whose turn it is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.book import service as books
from luna_web.book.domain import CopyStatus
from luna_web.delivery import circulation_repository as repository
from luna_web.delivery import events
from luna_web.delivery.domain import machines
from luna_web.delivery.domain.facts import Policy
from luna_web.delivery.domain.states import HoldStatus, Reason
from luna_web.delivery.models import Hold

NEXT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class WaitingList:
    """Writes what happens at one moment, in one trace. A title's queue is locked before any of its copies."""

    session: Session
    policy: Policy
    at: datetime
    trace_id: str

    def lock(self, book_id: UUID) -> None:
        repository.lock_queue(self.session, book_id)

    def last_place(self, book_id: UUID) -> datetime:
        """The moment that puts whoever joins the locked queue now behind everybody in it.

        Calls are timed before they have the lock, and by the clocks of several machines: whoever was told a place
        must not find somebody put in front of them.
        """
        last = repository.last_placed(self.session, book_id)
        return self.at if last is None else max(self.at, last + NEXT)

    def settle(self, book_id: UUID) -> int:
        """Offer the free copies of a title to those whose turn it is; how many were offered."""
        self.lock(book_id)
        offered = 0
        while (first := repository.lock_first_waiting(self.session, book_id)) is not None:
            copy = books.reserve_if_free(self.session, book_id)
            if copy is None:
                break
            self._offer(first, copy.id)
            offered += 1
        return offered

    def _offer(self, hold: Hold, copy_id: UUID) -> None:
        hold.offered_copy_id, hold.offered_at = copy_id, self.at
        hold.offered_until = self.at + self.policy.offer_period
        self._move(hold, HoldStatus.OFFERED)

    def free(self, copy_id: UUID, book_id: UUID) -> None:
        """A copy that was kept or lent is free: for whose turn it is, else for anybody."""
        self.lock(book_id)
        books.set_copy_status(self.session, copy_id, tuple(CopyStatus), CopyStatus.AVAILABLE)
        self.settle(book_id)

    def fulfil(self, hold: Hold, taken: UUID) -> None:
        """The reader gets the copy `taken`; the one that was kept for them, if it is another, is free."""
        kept = hold.offered_copy_id
        self._move(hold, HoldStatus.FULFILLED)
        if kept is not None and kept != taken:
            self.free(kept, hold.book_id)

    def end(self, hold: Hold, status: HoldStatus, reason: Reason) -> None:
        """EXPIRED or CANCELLED; the copy that was kept goes to the next. Its queue must be locked before the hold."""
        kept = hold.offered_copy_id
        self._move(hold, status, reason)
        if kept is not None:
            self.free(kept, hold.book_id)

    def withdraw(self, hold: Hold) -> None:
        """The copy that was kept is not fit to be lent: the reader waits on, at their old place."""
        hold.offered_copy_id = hold.offered_at = hold.offered_until = None
        self._move(hold, HoldStatus.WAITING)

    def _move(self, hold: Hold, status: HoldStatus, reason: Reason | None = None) -> None:
        machines.HOLD.check(HoldStatus(hold.status), status)
        hold.status = status
        hold.closed_reason = reason
        if status in machines.HOLD.terminal:
            hold.ended_at = self.at
        hold.version += 1
        self.session.flush()
        events.hold_event(self.session, hold, status, trace_id=self.trace_id)
