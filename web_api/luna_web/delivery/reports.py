"""What the robot service asks about deliveries: `luna_web.robot.ports.Deliveries`."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from luna_web.delivery import figures
from luna_web.delivery.domain.queueing import served_now
from luna_web.delivery.domain.states import UNFINISHED_TASK, TaskStatus, TaskType
from luna_web.delivery.domain.stops import stop_from_json
from luna_web.delivery.models import DeliveryTask
from luna_web.delivery.policies import Policies
from luna_web.robot.ports import DeliveryFigures, QueuedTask
from luna_web.shared.clock import Clock
from luna_web.shared.paging import Page, PageParams, count_capped, pagination_of

MANY = 10


class DeliveryReports:
    def __init__(self, clock: Clock, policies: Policies) -> None:
        self._clock = clock
        self._policies = policies

    def queue(self, session: Session, paging: PageParams) -> Page[QueuedTask]:
        queued = select(DeliveryTask).where(DeliveryTask.status == TaskStatus.QUEUED)
        ordered = queued.order_by(DeliveryTask.queue_key, DeliveryTask.id)
        rows = session.scalars(ordered.offset(paging.offset).limit(paging.limit)).all()
        served = served_now(self._policies(session), self._clock.now())
        return Page([_queued(row, served) for row in rows], pagination_of(paging, count_capped(session, queued)))

    def unfinished_at(self, session: Session, location_code: str) -> Sequence[UUID]:
        code = location_code.lower()
        ends = (DeliveryTask.source_location, DeliveryTask.destination_location)
        named = [func.lower(column) == code for column in ends]
        at_stop = DeliveryTask.stops.contains(type_coerce([{"waypoint": location_code}], JSONB))
        at_fallback = DeliveryTask.fallback["waypoint"].astext == location_code
        tasks = select(DeliveryTask.id).where(DeliveryTask.status.in_(UNFINISHED_TASK))
        return session.scalars(tasks.where(or_(*named, at_stop, at_fallback)).limit(MANY)).all()

    def figures(self, session: Session, borders: Sequence[datetime], robot_id: UUID | None) -> DeliveryFigures:
        return figures.figures(session, borders, robot_id)


def _queued(row: DeliveryTask, served: Collection[TaskType]) -> QueuedTask:
    return QueuedTask(
        task_id=row.id,
        task_type=row.task_type,
        priority=row.priority,
        item_description=row.item_description,
        source_location=row.source_location,
        destination_location=row.destination_location,
        pickup=stop_from_json(row.stops[0]).pose if row.stops else None,
        attempt=row.attempt,
        waiting_since=row.queued_at or row.created_at,
        not_before=row.not_before,
        waits_for_opening=row.task_type not in served,
    )
