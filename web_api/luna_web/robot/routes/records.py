"""What robots did: the log of one, and figures of all."""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request
from pydantic import AwareDatetime
from starlette.responses import Response

from luna_web.robot import repository
from luna_web.robot.days import MOST, Days, today
from luna_web.robot.errors import RobotNotFound
from luna_web.robot.figures import csv_of, put_together, robots_in
from luna_web.robot.history import DEFAULT, LONGEST, Span, history
from luna_web.robot.incidents import LogKind
from luna_web.robot.ports import DELIVERIES
from luna_web.robot.routes.calling import PREFIX, runtime_of
from luna_web.robot.schemas import FiguresOut, HistoryOut, LogEntryOut
from luna_web.shared.envelope import ok
from luna_web.shared.errors import ValidationFailed
from luna_web.shared.library_settings import library_rules
from luna_web.shared.principal import staff
from luna_web.shared.routing import LunaRouter
from luna_web.shared.transactions import DbSession

router = LunaRouter(prefix=PREFIX, tags=["robot"])
From = Annotated[AwareDatetime | None, Query(alias="from", description="A day before `to` unless given")]
To = Annotated[AwareDatetime | None, Query(alias="to", description="Now unless given")]
FirstDay = Annotated[date | None, Query(alias="from", description="The first day; 29 days before `to` unless given")]
LastDay = Annotated[date | None, Query(alias="to", description="The last day; today unless given")]
DEFAULT_DAYS = timedelta(days=29)


class Format(StrEnum):
    JSON = "json"
    CSV = "csv"


EITHER: dict[int | str, dict[str, Any]] = {
    200: {"description": "The figures", "content": {"text/csv": {"schema": {"type": "string"}}}}
}


@router.get("/analytics", rule=staff, data=FiguresOut, errors=(RobotNotFound,), answers=EITHER)
def get_analytics(
    request: Request,
    session: DbSession,
    first: FirstDay = None,
    last: LastDay = None,
    robot_id: UUID | None = None,
    form: Annotated[Format, Query(alias="format")] = Format.JSON,
) -> Response:
    """Deliveries that ended on these days, by day, type and outcome; how long they took and why they failed.

    Also how far robots drove and how busy they were. Days begin and end as in the setting
    `opening_hours.timezone`. As CSV one figure a line; cells that a spreadsheet would take for formulas begin with an
    apostrophe.
    """
    runtime = runtime_of(request)
    days = _days(first, last, runtime.clock.now(), library_rules(runtime).now(session).opening_hours.timezone)
    if robot_id is not None and not repository.was_robot(session, robot_id):
        raise RobotNotFound()
    borders = days.borders
    counted = runtime.get(DELIVERIES).figures(session, borders, robot_id)
    used = repository.usage(session, borders, robot_id)
    names = repository.names_of(session, robots_in(counted, used))
    figures = put_together(days, robot_id, counted, used, names)
    if form is Format.JSON:
        return ok(figures, request=request)
    headers = {
        "Content-Disposition": f'attachment; filename="robots-{days.first}-{days.last}.csv"',
        "Cache-Control": "no-store",
    }
    return Response(csv_of(figures).encode(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/{robot_id}/history", rule=staff, data=HistoryOut, errors=(RobotNotFound,))
def get_history(
    robot_id: UUID,
    request: Request,
    session: DbSession,
    since: From = None,
    until: To = None,
    kind: LogKind | None = None,
    points: Annotated[int, Query(ge=1, le=2000, description="Entries at most")] = 500,
) -> Response:
    """The status log of a robot, also of one that was taken out; of a long time only so many entries as asked for."""
    if not repository.was_robot(session, robot_id):
        raise RobotNotFound()
    span = _span(since, until, runtime_of(request).clock.now())
    found = history(session, robot_id, span, kind, points)
    shown = HistoryOut(
        robot_id=robot_id,
        since=span.since,
        until=span.until,
        kind=kind,
        step_seconds=found.step.total_seconds() if found.step else None,
        entries=[LogEntryOut.model_validate(row) for row in found.rows],
    )
    return ok(shown, request=request)


def _span(since: datetime | None, until: datetime | None, now: datetime) -> Span:
    try:
        end = (until or now).astimezone(UTC)
        span = Span((since or end - DEFAULT).astimezone(UTC), end)
    except OverflowError:
        raise ValidationFailed({"from": ["must be a time of this age"]}) from None
    if not timedelta(0) < span.until - span.since <= LONGEST:
        raise ValidationFailed({"from": [f"must be before `to`, by {LONGEST.days} days at most"]})
    return span


def _days(first: date | None, last: date | None, now: datetime, time_zone: str) -> Days:
    try:
        end = last or today(now, time_zone)
        begin = first or end - DEFAULT_DAYS
    except OverflowError:
        begin, end = date.max, date.min
    if begin.year < 2000 or end.year >= 2200 or not 0 <= (end - begin).days < MOST:
        raise ValidationFailed({"from": [f"must not be after `to`, and begin {MOST} days before its end at most"]})
    return Days(begin, end, time_zone)
