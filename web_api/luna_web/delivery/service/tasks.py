"""Delivery tasks by their own id, and how soon they are taken."""

from uuid import UUID

from luna_web.delivery import events, repository
from luna_web.delivery.domain import machines
from luna_web.delivery.domain.queueing import queue_key
from luna_web.delivery.domain.states import QUEUED, Priority
from luna_web.delivery.errors import as_answer
from luna_web.delivery.models import DeliveryTask
from luna_web.delivery.repository import TaskRows
from luna_web.delivery.rows import facts_of, state_of
from luna_web.delivery.service.work import Work
from luna_web.shared.errors import NotFound


def locked(work: Work, task_id: UUID) -> TaskRows:
    """The task with what it serves, locked. Raises NotFound."""
    rows = repository.lock_task(work.session, task_id)
    if rows is None:
        raise NotFound("There is no such delivery")
    return rows


def get(work: Work, task_id: UUID) -> DeliveryTask:
    """Raises NotFound."""
    task = work.session.get(DeliveryTask, task_id)
    if task is None:
        raise NotFound("There is no such delivery")
    return task


def set_priority(work: Work, task_id: UUID, priority: Priority) -> None:
    """How soon a task is taken, now and whenever it is queued again; its request follows.

    Raises NotFound, IllegalTransition for a task that is over.
    """
    rows = locked(work, task_id)
    task = rows.task
    if task.priority == priority:
        return
    if facts_of(task).finished:
        raise as_answer(machines.TASK.refusal(state_of(task), QUEUED))
    work.audit("delivery.priority", "delivery", task.id, {"from": task.priority, "to": priority})
    task.priority, task.priority_rank = priority, priority.rank
    if task.queued_at is not None:
        task.queue_key = queue_key(task.queued_at, priority, work.policy)
    if rows.request is not None:
        rows.request.priority = priority
        rows.request.version += 1
        events.request_event(work.session, rows.request, "priority_changed", trace_id=task.trace_id)
    work.ledger(task.trace_id).told(rows, "priority_changed")
    events.wake_controller(work.session, None)
    work.session.flush()
