"""Delivery tasks by their own id."""

from uuid import UUID

from luna_web.delivery import repository
from luna_web.delivery.models import DeliveryTask
from luna_web.delivery.repository import TaskRows
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
