"""What is deleted once it is old enough, so many rows at a time."""

from datetime import datetime

from sqlalchemy import CursorResult, Delete, delete, func, select
from sqlalchemy.orm import Session, aliased

from luna_web.delivery.models import DeliveryTask, Hold, TaskStatusHistory


def delete_history(session: Session, before: datetime, most: int) -> int:
    """History from before then of tasks that had ended by then. The database refuses anything younger than 30 days."""
    return session.scalar(select(func.purge_task_history(before, most))) or 0


def delete_finished_tasks(session: Session, before: datetime, most: int) -> int:
    """Tasks that ended before then, whose history is gone and that no other task is the retry of."""
    retry = aliased(DeliveryTask)
    kept = select(TaskStatusHistory.id).where(TaskStatusHistory.task_id == DeliveryTask.id).exists()
    tried_again = select(retry.id).where(retry.retry_of == DeliveryTask.id).exists()
    old = select(DeliveryTask.id).where(DeliveryTask.completed_at < before, ~kept, ~tried_again)
    return _deleted(
        session, delete(DeliveryTask).where(DeliveryTask.id.in_(old.limit(most).with_for_update(skip_locked=True)))
    )


def delete_ended_holds(session: Session, before: datetime, most: int) -> int:
    """Holds that ended before then: nobody need know for how long who waited for what."""
    old = select(Hold.id).where(Hold.ended_at < before).limit(most).with_for_update(skip_locked=True)
    return _deleted(session, delete(Hold).where(Hold.id.in_(old)))


def _deleted(session: Session, statement: Delete) -> int:
    gone = session.execute(statement.execution_options(synchronize_session=False))
    return gone.rowcount if isinstance(gone, CursorResult) else 0
