"""Somebody's account is deactivated: `luna_web.auth.ports.Departures`. Pending requests and holds end, loans stay."""

from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.auth.errors import UserInUse
from luna_web.auth.service import UserView
from luna_web.delivery import circulation_repository, repository
from luna_web.delivery.domain.states import OPEN_HOLD, PENDING, HoldStatus, Reason
from luna_web.delivery.policies import Policies
from luna_web.delivery.repository import TaskRows
from luna_web.delivery.rows import facts_of, state_of
from luna_web.delivery.service.cancelling import cancel_request
from luna_web.delivery.service.work import Work
from luna_web.shared.audit import RequestMeta
from luna_web.shared.clock import Clock
from luna_web.shared.principal import Principal


class Leaving:
    def __init__(self, clock: Clock, policies: Policies) -> None:
        self._clock = clock
        self._policies = policies

    def settle(self, session: Session, leaving: UserView, by: Principal, meta: RequestMeta) -> None:
        """End the requests of theirs that no robot serves, and their holds.

        Raises UserInUse while any other task of theirs is open.
        """
        work = Work(session, by, self._clock.now(), meta, self._policies)
        repository.lock_user_limits(session, leaving.id)
        tasks = [repository.lock_task(session, task_id) for task_id in repository.open_tasks_of(session, leaving.id)]
        rows = [row for row in tasks if row is not None]
        busy = [str(row.task.id) for row in rows if _under_way(row)]
        if busy:
            raise UserInUse(details={"deliveries": busy})
        holds = circulation_repository.open_holds(session, leaving.id)
        # Every queue first, in one order, since each request and hold that ends frees a copy.
        asked_for = {row.task.book_id for row in rows if row.task.book_id}
        for book_id in sorted(asked_for | {hold.book_id for hold in holds}):
            work.waiting_list().lock(book_id)
        for row in rows:
            cancel_request(work, row, Reason.USER_DEACTIVATED, None)
        for hold in holds:
            _end(work, hold.id)


def _end(work: Work, hold_id: UUID) -> None:
    hold = circulation_repository.lock_hold(work.session, hold_id)
    if hold is not None and hold.status in OPEN_HOLD:
        work.waiting_list().end(hold, HoldStatus.CANCELLED, Reason.USER_DEACTIVATED)


def _under_way(rows: TaskRows) -> bool:
    """A request that is only asked for, or whose delivery has failed, ends at a word; anything else moves."""
    return not facts_of(rows.task).finished and (state_of(rows.task) != PENDING or rows.request is None)
