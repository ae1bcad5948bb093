"""Ending a delivery before its time."""

from luna_web.delivery import events, repository
from luna_web.delivery.domain import machines
from luna_web.delivery.domain.facts import CancelAsked
from luna_web.delivery.domain.following import cancelled_empty
from luna_web.delivery.domain.handover import Verdict, cancelling
from luna_web.delivery.domain.states import CANCELLED, OPEN_REQUEST, Reason, RequestStatus
from luna_web.delivery.errors import HandoverPending, as_answer
from luna_web.delivery.models import BookRequest, BookReturn, DeliveryTask
from luna_web.delivery.repository import TaskRows
from luna_web.delivery.rows import cancel_to_json, facts_of, state_of
from luna_web.delivery.service.work import Work
from luna_web.shared.errors import IllegalTransition


def cancel(
    work: Work, rows: TaskRows, reason: Reason, note: str | None, served: BookRequest | BookReturn | None = None
) -> bool:
    """End the task and what it serves: at once without a robot, else when the robot has. True while it has not yet.

    `served` is what the caller named, and what the audit trail has it under; without, that is the task.
    Raises HandoverPending, IllegalTransition.
    """
    facts = facts_of(rows.task)
    verdict = cancelling(facts)
    if verdict is Verdict.HANDOVER_PENDING:
        raise HandoverPending
    if verdict is Verdict.ILLEGAL:
        raise as_answer(machines.TASK.refusal(state_of(rows.task), CANCELLED))
    if verdict in (Verdict.AT_ONCE, Verdict.RECORD):
        _audit(work, served or rows.task, reason, note)
    if verdict is Verdict.AT_ONCE:
        work.ledger(rows.task.trace_id).carry_out(rows, cancelled_empty(facts, reason))
    if verdict is Verdict.RECORD:
        who = work.principal
        asked = CancelAsked(reason, str(who.user_id), who.email, work.now, note)
        rows.task.cancel_asked = cancel_to_json(asked)
        work.ledger(rows.task.trace_id).told(rows, "cancel_asked")
        events.wake_controller(work.session, rows.task.assigned_robot_id)
    work.session.flush()
    return verdict in (Verdict.RECORD, Verdict.ASKED)


def cancel_request(work: Work, rows: TaskRows, reason: Reason, note: str | None) -> bool:
    """As `cancel`; a request whose delivery has failed and that waits for a person is ended here and now."""
    if rows.request is not None and rows.request.status == RequestStatus.CANCELLED:
        return False
    if rows.request is not None and facts_of(rows.task).finished and rows.request.status in OPEN_REQUEST:
        _end_waiting(work, rows, rows.request, reason, note)
        return False
    if rows.request is not None and rows.request.status == RequestStatus.COMPLETED:
        raise IllegalTransition("request", RequestStatus.COMPLETED, RequestStatus.CANCELLED, ())
    return cancel(work, rows, reason, note, rows.request)


def cancel_return(work: Work, rows: TaskRows, reason: Reason, note: str | None) -> bool:
    """As `cancel`."""
    return cancel(work, rows, reason, note, rows.book_return)


def cancel_delivery(work: Work, rows: TaskRows, note: str | None) -> bool:
    """As `cancel`, by staff. By a delivery that has failed, the request that waits for a person since then is ended."""
    request = rows.request
    if request is not None and request.needs_attention and request.status == RequestStatus.APPROVED:
        newest = repository.latest_task_of_request(work.session, request.id)
        if newest is rows.task and facts_of(rows.task).finished:
            _end_waiting(work, rows, rows.task, Reason.CANCELLED_BY_STAFF, note)
            return False
    return cancel(work, rows, Reason.CANCELLED_BY_STAFF, note)


def _end_waiting(
    work: Work, rows: TaskRows, named: BookRequest | DeliveryTask, reason: Reason, note: str | None
) -> None:
    work.ledger(rows.task.trace_id).end_waiting(rows, reason)
    _audit(work, named, reason, note)
    work.session.flush()


def _audit(work: Work, named: BookRequest | BookReturn | DeliveryTask, reason: Reason, note: str | None) -> None:
    kind = _KINDS[type(named)]
    work.audit(f"{kind}.cancel", kind, named.id, {"reason": reason, "note": note})


_KINDS = {BookRequest: "request", BookReturn: "return", DeliveryTask: "delivery"}
