"""Timelines as clients see them."""

from collections.abc import Sequence
from uuid import UUID

from luna_web.auth import service as accounts
from luna_web.delivery.domain.states import TaskType
from luna_web.delivery.models import TaskStatusHistory
from luna_web.delivery.schemas import ActivityOut
from luna_web.delivery.service.work import Work
from luna_web.delivery.views import Timeline
from luna_web.robot import service as robots


def timeline(
    work: Work, task_type: TaskType, reader_id: UUID | None, rows: Sequence[TaskStatusHistory]
) -> list[ActivityOut]:
    """The steps with the names of robots and persons; readers are told no names of staff."""
    shown = Timeline(
        reader_id=reader_id,
        for_staff=work.is_staff,
        task_type=task_type,
        robots=robots.names(work.session, {row.robot_id for row in rows if row.robot_id}),
        persons=accounts.names(work.session, {row.actor_id for row in rows if row.actor_id}),
    )
    return [shown.show(row) for row in rows]
