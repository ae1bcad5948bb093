"""What a robot did, from its status log, in so many points as a chart can show. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from luna_web.robot.incidents import LogKind

LONGEST = timedelta(days=93)
DEFAULT = timedelta(days=1)

_COLUMNS = "at, kinds, mode, x, y, yaw, battery_level, current_location, delivery_id, estop_id, faults"
_OF_SPAN = "robot_id = :robot_id AND at >= :since AND at < :until"
_KIND = " AND (:kind)::text = ANY (kinds)"
_ALL = f"SELECT {_COLUMNS} FROM robot_status_logs WHERE {_OF_SPAN}%s ORDER BY at LIMIT :limit"  # noqa: S608
# Of each step the last change, else the last sample: each is one look into an index, however long the span.
_STEPS = f"""
SELECT picked.* FROM generate_series(0, :points - 1) AS step
CROSS JOIN LATERAL (
  SELECT (:since)::timestamptz + step * (:step)::interval AS low,
         least((:since)::timestamptz + (step + 1) * (:step)::interval, (:until)::timestamptz) AS high
) AS bounds
CROSS JOIN LATERAL (
  (SELECT {_COLUMNS}, 0 AS rank FROM robot_status_logs
   WHERE {_OF_SPAN} AND at >= bounds.low AND at < bounds.high AND kinds <> ARRAY['SAMPLE']%s ORDER BY at DESC LIMIT 1)
  UNION ALL
  (SELECT {_COLUMNS}, 1 AS rank FROM robot_status_logs
   WHERE {_OF_SPAN} AND at >= bounds.low AND at < bounds.high%s ORDER BY at DESC LIMIT 1)
  ORDER BY rank LIMIT 1
) AS picked
ORDER BY picked.at
"""  # noqa: S608 - the pieces are constants of this module


@dataclass(frozen=True, slots=True)
class Span:
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class History:
    """`step` None = every row of the log; else one row of each step."""

    span: Span
    step: timedelta | None
    rows: Sequence[Row[Any]]


def history(session: Session, robot_id: UUID, span: Span, kind: LogKind | None, points: int) -> History:
    """The rows of a span, oldest first, at most `points` of them."""
    narrowed = _KIND if kind else ""
    values = {"robot_id": robot_id, "since": span.since, "until": span.until, "kind": kind.value if kind else None}
    rows = session.execute(text(_ALL % narrowed), {**values, "limit": points + 1}).all()
    if len(rows) <= points:
        return History(span, None, rows)
    step = (span.until - span.since) / points
    # Rounded up to whole microseconds, or the last ones would be in no step.
    step += timedelta(microseconds=1)
    # What is no sample is a change, which the first of the two looks finds.
    samples = narrowed if kind in (None, LogKind.SAMPLE) else " AND false"
    statement = text(_STEPS % (narrowed, samples))
    return History(span, step, session.execute(statement, {**values, "points": points, "step": step}).all())
