"""A person settles a delivery that its robot cannot go on with by itself."""

from luna_web.book import service as books
from luna_web.book.domain import StatusReason
from luna_web.delivery import events, repository
from luna_web.delivery.domain import machines
from luna_web.delivery.domain.facts import (
    CancelAsked,
    Decision,
    RecoveryAction,
    RecoveryAsked,
    RecoveryOutcome,
    TaskStep,
)
from luna_web.delivery.domain.handover import Verdict
from luna_web.delivery.domain.recovering import acting, settled, settling, still_asked, taken_off
from luna_web.delivery.domain.states import COMPLETED, FAILED, Reason, RequestStatus, TaskState
from luna_web.delivery.errors import HandoverPending, RobotUnheard, as_answer, nothing_to_recover
from luna_web.delivery.models import DeliveryTask
from luna_web.delivery.repository import TaskRows
from luna_web.delivery.rows import cancel_to_json, facts_of, recovery_to_json, state_of
from luna_web.delivery.service import places
from luna_web.delivery.service.work import Work

TARGETS = {RecoveryAction.RESUME: machines.TO_DROPOFF, RecoveryAction.TO_FALLBACK: machines.TO_FALLBACK}


def act(work: Work, rows: TaskRows, action: RecoveryAction) -> bool:
    """Have the robot go on, or bring the item back. True while the robot has not taken that yet.

    Raises RobotUnheard, HandoverPending, IllegalTransition.
    """
    facts = facts_of(rows.task)
    verdict = acting(facts, action, still_asked(facts, work.now, work.policy))
    _refuse(rows.task, verdict, TARGETS[action])
    if verdict in (Verdict.RECORD, Verdict.AT_ONCE):
        work.audit("delivery.recover", "delivery", rows.task.id, {"action": action, "reason": rows.task.reason})
    if verdict is Verdict.RECORD and facts.recovery_seen_at is not None:
        who = work.principal
        asked = RecoveryAsked(action, facts.recovery_seen_at, str(who.user_id), who.email, work.now)
        rows.task.recovery_asked = recovery_to_json(asked)
        work.ledger(rows.task.trace_id).told(rows, "recovery_asked")
        events.wake_controller(work.session, rows.task.assigned_robot_id)
    if verdict is Verdict.AT_ONCE:
        _end_overdue(work, rows, action)
    work.session.flush()
    return verdict in (Verdict.RECORD, Verdict.ASKED) or (
        verdict is Verdict.AT_ONCE and action is RecoveryAction.TO_FALLBACK
    )


def _end_overdue(work: Work, rows: TaskRows, action: RecoveryAction) -> None:
    """The robot stands where nobody has taken the item off: let it wait on, or have it bring the item back."""
    ledger = work.ledger(rows.task.trace_id)
    ledger.carry_out(rows, Decision(steps=(TaskStep(machines.AWAITING_UNLOAD),)))
    if action is RecoveryAction.TO_FALLBACK and rows.task.cancel_asked is None:
        who = work.principal
        asked = CancelAsked(Reason.NOT_UNLOADED, str(who.user_id), who.email, work.now)
        rows.task.cancel_asked = cancel_to_json(asked)
        ledger.told(rows, "cancel_asked")
        events.wake_controller(work.session, rows.task.assigned_robot_id)


def settle(work: Work, rows: TaskRows, outcome: RecoveryOutcome, location: str | None) -> None:
    """End the task with what a person found, here and, as soon as it is heard, on the robot. Again is no error.

    One that ended with its item on the robot stays as it ended; the item is where they say.

    Raises UnknownLocation, LocationInactive, HandoverPending, IllegalTransition.
    """
    task = rows.task
    if task.metadata_.get("recovered", {}).get("outcome") == outcome:
        return
    verdict = settling(facts_of(task))
    place = places.for_staff(work.session, location).location_code if location else None
    decision = _what_follows(work, rows, outcome) if verdict is Verdict.AT_ONCE else Decision()
    _refuse(task, verdict, decision.steps[-1].state if decision.steps else FAILED)
    task.metadata_ = {**task.metadata_, "recovered": {"outcome": outcome.value, "location": place}}
    work.audit("delivery.recover", "delivery", task.id, {"outcome": outcome, "location": place, "reason": task.reason})
    work.ledger(task.trace_id).carry_out(rows, decision)
    if task.assigned_robot_id is not None:
        who = work.principal
        task.settlement = {"by": str(who.user_id), "by_name": who.email, "at": work.now.isoformat()}
        events.wake_controller(work.session, task.assigned_robot_id)
    work.session.flush()


def _what_follows(work: Work, rows: TaskRows, outcome: RecoveryOutcome) -> Decision:
    facts = facts_of(rows.task)
    return _off_the_robot(work, rows, outcome) if facts.left_on_board else settled(facts, outcome)


def _off_the_robot(work: Work, rows: TaskRows, outcome: RecoveryOutcome) -> Decision:
    """Nothing, for a copy that somebody has come by since then. Raises IllegalTransition."""
    task, request = rows.task, rows.request
    if request is not None and request.copy_id != task.copy_id:
        if outcome is RecoveryOutcome.WITH_RECIPIENT:
            raise as_answer(machines.TASK.refusal(state_of(task), COMPLETED))
        request = None
    if task.copy_id is not None and task.book_id is not None:
        repository.lock_open_loan_of_copy(work.session, task.copy_id)
        work.waiting_list().lock(task.book_id)
        if books.lock_copy(work.session, task.copy_id).status_reason is not StatusReason.MISSING:
            return Decision()
    return taken_off(facts_of(task), outcome, RequestStatus(request.status) if request else None)


def _refuse(task: DeliveryTask, verdict: Verdict, wanted: TaskState) -> None:
    if verdict is Verdict.ROBOT_SILENT:
        raise RobotUnheard(details={"reason": task.reason})
    if verdict is Verdict.HANDOVER_PENDING:
        raise HandoverPending
    if verdict is Verdict.ILLEGAL:
        raise nothing_to_recover(state_of(task), wanted)
