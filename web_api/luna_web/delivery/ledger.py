"""Carries a decision out on the rows: each transition checked against its table, with its history row and its event."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.book import service as books
from luna_web.book.domain import CopyStatus
from luna_web.delivery import events, repository
from luna_web.delivery.domain import machines
from luna_web.delivery.domain.facts import (
    CopyChange,
    Decision,
    GivenBack,
    LoanChange,
    Policy,
    RequestChange,
    ReturnChange,
    TaskStep,
)
from luna_web.delivery.domain.queueing import queue_key, waits
from luna_web.delivery.domain.states import (
    ASSIGNED,
    IN_HAND,
    QUEUED,
    ClosedHow,
    OpenedHow,
    Priority,
    Reason,
    RequestStatus,
    ReturnStatus,
    TaskPhase,
    TaskState,
)
from luna_web.delivery.loan_register import Lent, LoanRegister
from luna_web.delivery.models import BookRequest, BookReturn, DeliveryTask, Loan, TaskStatusHistory
from luna_web.delivery.repository import TaskRows
from luna_web.delivery.rows import state_of
from luna_web.delivery.waiting_list import WaitingList
from luna_web.robot import service as robots
from luna_web.shared.appending import AppendedTable, append

HISTORY = AppendedTable(TaskStatusHistory, left_out=("id", "actor_forgotten"))
WAITS_FOR_A_PERSON = (TaskPhase.AWAITING_LOAD, TaskPhase.AWAITING_UNLOAD, TaskPhase.AWAITING_FALLBACK_UNLOAD)


@dataclass(frozen=True, slots=True)
class Cause:
    """When it happened, on whose word (None = a robot's, or time's) and in which trace."""

    at: datetime
    trace_id: str
    actor_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Ledger:
    """Writes on behalf of one cause. Rows must be locked by the caller."""

    session: Session
    policy: Policy
    cause: Cause

    @property
    def loans(self) -> LoanRegister:
        return LoanRegister(self.session, self.policy, self.cause.at, self.cause.trace_id)

    @property
    def waiting_list(self) -> WaitingList:
        return WaitingList(self.session, self.policy, self.cause.at, self.cause.trace_id)

    def carry_out(self, rows: TaskRows, decision: Decision) -> None:
        """Everything that a decision says. The task first: the others' history rows hang on it."""
        if decision.loaded is True and rows.task.loaded_at is None:
            rows.task.loaded_at = self.cause.at
        for step in decision.steps:
            self.move_task(rows, step, decision.given_back)
        if decision.request and rows.request:
            self.move_request(rows.request, rows.task, decision.request)
        if decision.book_return and rows.book_return:
            self.move_return(rows.book_return, rows.task, decision.book_return)
        if decision.loan:
            self._change_loan(rows, decision.loan)
        copy = self._copy_change(rows, decision)
        if copy and rows.task.copy_id:
            self.move_copy(rows.task.copy_id, copy)

    def _copy_change(self, rows: TaskRows, decision: Decision) -> CopyChange | None:
        """A book that was checked in at the desk while a robot came for it is free once the robot has let go."""
        asked = rows.task.cancel_asked or {}
        if asked.get("reason") != Reason.CHECKED_IN or state_of(rows.task) not in machines.TASK.terminal:
            return decision.copy
        with_nobody = decision.copy is None or decision.copy.status is CopyStatus.CHECKED_OUT
        kept = rows.task.copy_id and books.get_copy(self.session, rows.task.copy_id).status is CopyStatus.RESERVED
        if with_nobody and kept and self._loan_of(rows) is None:
            return CopyChange(CopyStatus.AVAILABLE)
        return decision.copy

    def move_task(self, rows: TaskRows, step: TaskStep, given_back: GivenBack | None = None) -> None:
        task, before = rows.task, state_of(rows.task)
        machines.TASK.check(before, step.state)
        robot_id = task.assigned_robot_id
        task.status, task.phase = step.state.status, step.state.phase
        task.reason = step.reason if step.reason is not Reason.CAUGHT_UP else None
        task.version += 1
        self._stamp_task(task, step.state, given_back)
        self._history(task, "TASK", before, step.state, step.reason, robot_id)
        self._task_event(rows, str(step.state))
        if step.state == QUEUED:
            events.wake_controller(self.session, None)

    def _stamp_task(self, task: DeliveryTask, state: TaskState, given_back: GivenBack | None) -> None:
        if state.status in IN_HAND and state != ASSIGNED and task.started_at is None:
            task.started_at = self.cause.at
        if state != machines.AWAITING_RECOVERY:
            task.recovery_asked = task.recovery_seen_at = None
        waits = state.phase in WAITS_FOR_A_PERSON
        task.waits_since, task.wait_looked_at, task.alerts = (self.cause.at if waits else None), None, 0
        if state in machines.TASK.terminal:
            task.completed_at = self.cause.at
            task.robot_lost_since = None
        if state == QUEUED:
            self._enqueue(task)
        if given_back and state == QUEUED:
            self._give_back(task, given_back)

    def _enqueue(self, task: DeliveryTask) -> None:
        task.queued_at = task.queued_at or self.cause.at
        task.queue_key = queue_key(task.queued_at, Priority(task.priority), self.policy)

    def _give_back(self, task: DeliveryTask, why: GivenBack) -> None:
        """A new attempt, for any robot. What was said and seen of the old one counts no longer."""
        task.not_before = self.cause.at + waits(why, task.attempt, self.policy)
        task.attempt += 1
        task.not_loaded += why is GivenBack.NOT_LOADED
        task.unreached += why is GivenBack.UNREACHED
        task.assigned_robot_id = task.loaded_at = task.robot_lost_since = None
        task.offered_at = None
        task.observed_journal_id = task.observed_journal_seq = None
        task.handover_seq = 0

    def move_request(self, request: BookRequest, task: DeliveryTask, change: RequestChange) -> None:
        request.needs_attention = change.needs_attention
        way = machines.REQUEST.way(RequestStatus(request.status), change.status)
        for status in way:
            self._step_request(request, task, status, change.reason if status is change.status else Reason.CAUGHT_UP)
        if not way and change.needs_attention:
            request.version += 1
            events.request_event(self.session, request, "needs_attention", trace_id=self.cause.trace_id)

    def _step_request(
        self, request: BookRequest, task: DeliveryTask, status: RequestStatus, why: Reason | None
    ) -> None:
        before, request.status = RequestStatus(request.status), status
        request.version += 1
        if status in machines.REQUEST.terminal:
            request.completed_at = self.cause.at
            request.closed_reason = why
        self._history(task, "REQUEST", before, status, why, task.assigned_robot_id)
        failed = before is RequestStatus.IN_PROGRESS and status is RequestStatus.APPROVED
        events.request_event(
            self.session, request, "needs_attention" if failed else status, trace_id=self.cause.trace_id
        )

    def end_waiting(self, rows: TaskRows, reason: Reason) -> None:
        """A request whose delivery has failed ends; the copy that was kept for it is free."""
        request = rows.request
        if request is None:
            return
        self.move_request(request, rows.task, RequestChange(RequestStatus.CANCELLED, reason))
        if books.get_copy(self.session, request.copy_id).status is CopyStatus.RESERVED:
            self.move_copy(request.copy_id, CopyChange(CopyStatus.AVAILABLE))

    def move_return(self, book_return: BookReturn, task: DeliveryTask, change: ReturnChange) -> None:
        for status in machines.RETURN.way(ReturnStatus(book_return.status), change.status):
            why = change.reason if status is change.status else Reason.CAUGHT_UP
            before, book_return.status = ReturnStatus(book_return.status), status
            book_return.version += 1
            self._stamp_return(book_return, status, why)
            self._history(task, "RETURN", before, status, why, task.assigned_robot_id)
            events.return_event(self.session, book_return, status, trace_id=self.cause.trace_id)

    def _stamp_return(self, book_return: BookReturn, status: ReturnStatus, why: Reason | None) -> None:
        if status is ReturnStatus.PICKED_UP:
            book_return.picked_up_at = self.cause.at
        if status in machines.RETURN.terminal:
            book_return.completed_at = self.cause.at
            book_return.closed_reason = why

    def move_copy(self, copy_id: UUID, change: CopyChange) -> None:
        """From whatever it was: what robots and people saw is so, and a copy that was missing may turn up.

        Steps that nobody saw are not made up for it.
        """
        if change.status is CopyStatus.AVAILABLE:
            self.waiting_list.free(copy_id, books.get_copy(self.session, copy_id).book_id)
        else:
            books.set_copy_status(self.session, copy_id, tuple(CopyStatus), change.status, change.reason)
        if change.shelf_location is not None:
            books.set_shelf_location(self.session, copy_id, change.shelf_location)

    def _change_loan(self, rows: TaskRows, change: LoanChange) -> None:
        act: dict[LoanChange, Callable[[], None]] = {
            LoanChange.OPEN: lambda: self._open_loan(rows, flagged=False),
            LoanChange.OPEN_FLAGGED: lambda: self._open_loan(rows, flagged=True),
            LoanChange.CLOSE: lambda: self._close_loan(rows),
            LoanChange.FLAG: lambda: self._flag_loan(rows),
        }
        act[change]()

    def _open_loan(self, rows: TaskRows, *, flagged: bool) -> None:
        request = rows.request
        if request is None:
            raise LookupError(f"task {rows.task.id} has no request to open a loan for")
        how = OpenedHow.COLLECTED_LATE if flagged else OpenedHow.DELIVERY
        self.loans.open(lent_for(request), how, flagged=flagged)

    def _close_loan(self, rows: TaskRows) -> None:
        """As of the moment when the book was laid on the robot."""
        loan = self._loan_of(rows)
        if loan is not None and rows.book_return is not None:
            self.loans.close(loan, ClosedHow.RETURN, rows.book_return.picked_up_at)

    def _flag_loan(self, rows: TaskRows) -> None:
        loan = self._loan_of(rows)
        if loan is not None:
            self.loans.flag(loan)

    def _loan_of(self, rows: TaskRows) -> Loan | None:
        return repository.lock_open_loan_of_copy(self.session, rows.task.copy_id) if rows.task.copy_id else None

    def opened(self, rows: TaskRows) -> None:
        """A new task and what it serves: the first row of each history and the first event of each."""
        if rows.request:
            self._history(rows.task, "REQUEST", None, RequestStatus(rows.request.status), None, None)
            events.request_event(self.session, rows.request, "created", trace_id=self.cause.trace_id)
        if rows.book_return:
            self._history(rows.task, "RETURN", None, ReturnStatus(rows.book_return.status), None, None)
            events.return_event(self.session, rows.book_return, "created", trace_id=self.cause.trace_id)
        self._history(rows.task, "TASK", None, state_of(rows.task), None, None)
        self._task_event(rows, "created" if rows.task.status == "PENDING" else str(state_of(rows.task)))

    def opened_again(self, rows: TaskRows) -> None:
        """A new task for a request that has had one before."""
        self._history(rows.task, "TASK", None, state_of(rows.task), None, None)

    def told(self, rows: TaskRows, what: str, **more: bool) -> None:
        """Something about the task that is no transition: an event of its own, which says `more`."""
        rows.task.version += 1
        self._task_event(rows, what, more)

    def _task_event(self, rows: TaskRows, what: str, more: Mapping[str, bool] = MappingProxyType({})) -> None:
        served = rows.request or rows.book_return
        user_id = served.user_id if served else rows.task.recipient_id
        stands = rows.task.assigned_robot_id if state_of(rows.task) == machines.AWAITING_RECOVERY else None
        robot_at = robots.whereabouts(self.session, stands) if stands else None
        events.task_event(
            self.session, rows.task, what, user_id=user_id, robot_at=robot_at, trace_id=self.cause.trace_id, more=more
        )

    def _history(
        self,
        task: DeliveryTask,
        subject: str,
        before: TaskState | RequestStatus | ReturnStatus | None,
        after: TaskState | RequestStatus | ReturnStatus,
        why: Reason | None,
        robot_id: UUID | None,
    ) -> None:
        append(
            self.session,
            HISTORY,
            {
                "task_id": task.id,
                "subject": subject,
                "at": self.cause.at,
                "from_status": _status(before) if before else None,
                "from_phase": _phase(before),
                "to_status": _status(after),
                "phase": _phase(after),
                "attempt": task.attempt,
                "robot_id": robot_id,
                "actor_id": self.cause.actor_id,
                "reason": why,
                "trace_id": self.cause.trace_id,
            },
        )


def lent_for(request: BookRequest) -> Lent:
    """What the reader of a request gets. A programming error for one whose reader is forgotten."""
    if request.user_id is None:
        raise LookupError(f"nobody knows any more whose request {request.id} was")
    return Lent(
        request.user_id, request.copy_id, request.book_id, request.book_title, request.book_author, request.id
    )


def _status(state: TaskState | RequestStatus | ReturnStatus) -> str:
    return state.status if isinstance(state, TaskState) else state


def _phase(state: TaskState | RequestStatus | ReturnStatus | None) -> str | None:
    return state.phase if isinstance(state, TaskState) else None
