"""Figures of robots and their deliveries over some days, put together; and the same as a CSV file. Pure."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from luna_web.robot.days import Days
from luna_web.robot.ports import DeliveryFigures, Quantiles
from luna_web.robot.schemas import (
    DayOut,
    DurationsOut,
    FiguresOut,
    OutcomeCountOut,
    QuantilesOut,
    ReasonCountOut,
    RobotFiguresOut,
    TotalsOut,
    UsageOut,
)
from luna_web.shared.csv_cells import defused

COLUMNS = ("table", "day", "robot", "task_type", "outcome", "reason", "figure", "value")
BYTE_ORDER_MARK = "\ufeff"
COMPLETED = "COMPLETED"


@dataclass(frozen=True, slots=True)
class Used:
    """Metres and seconds."""

    distance: float = 0.0
    online_seconds: float = 0.0
    busy_seconds: float = 0.0

    def __add__(self, other: "Used") -> "Used":
        return Used(
            self.distance + other.distance,
            self.online_seconds + other.online_seconds,
            self.busy_seconds + other.busy_seconds,
        )

    def out(self) -> UsageOut:
        utilisation = self.busy_seconds / self.online_seconds if self.online_seconds else None
        return UsageOut(
            distance=round(self.distance, 2),
            online_seconds=round(self.online_seconds, 1),
            busy_seconds=round(self.busy_seconds, 1),
            utilisation=None if utilisation is None else round(utilisation, 4),
        )


def put_together(
    days: Days, robot_id: UUID | None, counted: DeliveryFigures, used: Iterable[Any], names: Mapping[UUID, str]
) -> FiguresOut:
    """`used`: rows of `repository.usage`; `names`: of every robot in them and in what was counted."""
    of_day: defaultdict[int, Used] = defaultdict(Used)
    of_robot: defaultdict[UUID, Used] = defaultdict(Used)
    for row in used:
        share = Used(row.distance, row.online_seconds, row.busy_seconds)
        of_day[row.day] += share
        of_robot[row.robot_id] += share
    outcomes: defaultdict[str, int] = defaultdict(int)
    deliveries: defaultdict[int, list[OutcomeCountOut]] = defaultdict(list)
    for one in counted.by_day:
        outcomes[one.outcome] += one.count
        deliveries[one.day].append(OutcomeCountOut(task_type=one.task_type, outcome=one.outcome, count=one.count))
    robots = sorted(names, key=lambda robot: names[robot])
    return FiguresOut(
        first_day=days.first,
        last_day=days.last,
        time_zone=days.time_zone,
        robot_id=robot_id,
        totals=TotalsOut(
            deliveries=sum(outcomes.values()),
            outcomes=dict(sorted(outcomes.items())),
            usage=sum(of_day.values(), Used()).out(),
        ),
        by_day=[
            DayOut(day=day, deliveries=deliveries[number], usage=of_day[number].out())
            for number, day in enumerate(days.dates)
        ],
        durations=[
            DurationsOut(
                task_type=one.task_type,
                count=one.count,
                total=_seconds(one.total),
                waiting=_seconds(one.waiting),
                carried_out=_seconds(one.carried_out),
            )
            for one in counted.durations
        ],
        reasons=[ReasonCountOut(outcome=r.outcome, reason=r.reason, count=r.count) for r in counted.reasons],
        robots=[
            RobotFiguresOut(
                robot_id=robot,
                robot_name=names[robot],
                completed=counted.by_robot.get(robot, 0),
                usage=of_robot[robot].out(),
            )
            for robot in robots
        ],
    )


def csv_of(figures: FiguresOut) -> str:
    """One figure a line (RFC 4180), after a byte order mark, without which Excel does not take UTF-8 for UTF-8.

    No cell is a formula.
    """
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerow(COLUMNS)
    writer.writerows([_cell(line.get(name)) for name in COLUMNS] for line in _lines(figures))
    return BYTE_ORDER_MARK + sink.getvalue()


def _lines(figures: FiguresOut) -> Iterator[Mapping[str, object]]:
    for day in figures.by_day:
        for one in day.deliveries:
            of = {"table": "deliveries", "day": day.day, "task_type": one.task_type, "outcome": one.outcome}
            yield {**of, "figure": "count", "value": one.count}
        yield from _used({"table": "usage", "day": day.day}, day.usage)
    for durations in figures.durations:
        for span in ("total", "waiting", "carried_out"):
            for quantile, seconds in getattr(durations, span):
                of = {"table": "durations", "task_type": durations.task_type or "ALL", "outcome": COMPLETED}
                yield {**of, "figure": f"{span}_{quantile}_seconds", "value": seconds}
    for reason in figures.reasons:
        of = {"table": "reasons", "outcome": reason.outcome, "reason": reason.reason}
        yield {**of, "figure": "count", "value": reason.count}
    for robot in figures.robots:
        of = {"table": "robots", "robot": robot.robot_name}
        yield {**of, "outcome": COMPLETED, "figure": "count", "value": robot.completed}
        yield from _used(of, robot.usage)


def _used(of: Mapping[str, object], usage: UsageOut) -> Iterator[Mapping[str, object]]:
    for name, value in usage:
        yield {**of, "figure": f"{name}_m" if name == "distance" else name, "value": value}


def _cell(value: object) -> str:
    return "" if value is None else defused(str(value))


def _seconds(pair: Quantiles) -> QuantilesOut:
    return QuantilesOut(p50=_rounded(pair.p50), p95=_rounded(pair.p95))


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def robots_in(counted: DeliveryFigures, used: Sequence[Any]) -> set[UUID]:
    return set(counted.by_robot) | {row.robot_id for row in used}
