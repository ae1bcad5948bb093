"""What hangs on a copy that somebody holds in their hands, locked in the house's order."""

from dataclasses import dataclass
from uuid import UUID

from luna_web.book import service as books
from luna_web.delivery import circulation_repository, repository
from luna_web.delivery.errors import CopyInUse
from luna_web.delivery.models import Loan
from luna_web.delivery.repository import TaskRows
from luna_web.delivery.service.work import Work

TRIES = 5


@dataclass(frozen=True, slots=True)
class Scan:
    """`rows`: the copy's unfinished task. `loan`: its newest loan, open or not."""

    rows: TaskRows | None
    loan: Loan | None


def locked(work: Work, copy_id: UUID) -> Scan:
    """The copy's unfinished task with what it serves, then its loan.

    A task that comes or goes before the loan is locked has both let go and locked anew: with the loan in hand it would
    be too late to wait for a task.
    """
    for _ in range(TRIES):
        attempt = work.session.begin_nested()
        task_id = circulation_repository.unfinished_task_of_copy(work.session, copy_id)
        rows = repository.lock_task(work.session, task_id) if task_id else None
        loan = circulation_repository.lock_last_loan_of_copy(work.session, copy_id)
        if circulation_repository.unfinished_task_of_copy(work.session, copy_id) == task_id:
            attempt.commit()
            return Scan(rows, loan)
        attempt.rollback()
    raise CopyInUse("This copy is on the move at this moment; scan it again", books.get_copy(work.session, copy_id))
