"""Figures of the deliveries that ended in a span of days, counted where they lie.

All of it reads the index `delivery_tasks_ended_idx` and no row of the table.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from luna_web.robot.ports import DayCount, DeliveryFigures, Durations, Quantiles, ReasonCount

_ENDED = "completed_at >= :since AND completed_at < :until"
_OF_ROBOT = " AND assigned_robot_id = :robot_id"
_BY_DAY = """
SELECT width_bucket(completed_at, (:borders)::timestamptz[]) - 1 AS day, task_type, status, count(*) AS found
FROM delivery_tasks WHERE {ended} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_SECONDS = {
    "total": "completed_at - created_at",
    "waiting": "started_at - queued_at",
    "carried_out": "completed_at - started_at",
}
_QUANTILES = ", ".join(
    # A span whose beginning is not known is NULL and counts for nothing; clocks that were set back make none negative.
    f"percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP"
    f" (ORDER BY CASE WHEN {span} > interval '0' THEN extract(epoch FROM {span})"
    f" WHEN {span} IS NOT NULL THEN 0 END) AS {name}"
    for name, span in _SECONDS.items()
)
_DURATIONS = f"""
SELECT task_type, count(*) AS found, {_QUANTILES}
FROM delivery_tasks WHERE {{ended}} AND status = 'COMPLETED'
GROUP BY GROUPING SETS ((task_type), ()) ORDER BY task_type NULLS FIRST
"""  # noqa: S608 - the pieces are constants of this module
_REASONS = """
SELECT status, reason, count(*) AS found FROM delivery_tasks
WHERE {ended} AND status IN ('FAILED', 'CANCELLED') GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
"""
_BY_ROBOT = """
SELECT assigned_robot_id, count(*) AS found FROM delivery_tasks
WHERE {ended} AND status = 'COMPLETED' AND assigned_robot_id IS NOT NULL GROUP BY 1
"""


def figures(session: Session, borders: Sequence[datetime], robot_id: UUID | None) -> DeliveryFigures:
    """Figures of what ended between the first border and the last; each two borders enclose a day."""
    values = {"since": borders[0], "until": borders[-1], "borders": list(borders), "robot_id": robot_id}
    ended = _ENDED + (_OF_ROBOT if robot_id else "")

    def rows(query: str) -> Sequence[Row[Any]]:
        return session.execute(text(query.format(ended=ended)), _named(query + ended, values)).all()

    return DeliveryFigures(
        by_day=[DayCount(row.day, row.task_type, row.status, row.found) for row in rows(_BY_DAY)],
        durations=[_durations(row) for row in rows(_DURATIONS) if row.found],
        reasons=[ReasonCount(row.status, row.reason, row.found) for row in rows(_REASONS)],
        by_robot={row.assigned_robot_id: row.found for row in rows(_BY_ROBOT)},
    )


def _named(query: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if f":{name}" in query}


def _durations(row: Row[Any]) -> Durations:
    return Durations(
        task_type=row.task_type,
        count=row.found,
        total=_quantiles(row.total),
        waiting=_quantiles(row.waiting),
        carried_out=_quantiles(row.carried_out),
    )


def _quantiles(pair: Sequence[float] | None) -> Quantiles:
    p50, p95 = pair or (None, None)
    return Quantiles(p50, p95)
