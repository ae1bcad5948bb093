"""Which free robot takes which task: the first of the queue, with the least travel to their pickups in all.

Every robot's controller asks for its own robot alone, one after the other, and comes to the same assignment as long
as they see the same; what is left to another robot that does not come for it is taken all the same.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from luna_web.delivery.domain.facts import Policy
from luna_web.robot.ports import FreeRobot, Pose

HANDING_OVER = timedelta(minutes=2)
"""What the hand-overs of a trip cost a battery, as time of driving."""
FULL_ENOUGH = 0.9
"""No trip asks for more charge than this, or the longest would never be driven."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A queued task: the poses of its stops in order, and since when it has been left to another robot."""

    task_id: UUID
    stops: tuple[Pose, ...]
    left_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Assigned:
    """The task of the robot that asks, and which robots the others are for, by task."""

    mine: UUID | None = None
    others: Mapping[UUID, UUID] = field(default_factory=dict)


def assign(
    offers: Sequence[Offer], robot: FreeRobot, others: Sequence[FreeRobot], now: datetime, policy: Policy
) -> Assigned:
    """`offers` in the order of the queue; `others` are free as well and ask for themselves."""
    robots = [robot, *sorted(others, key=lambda one: one.robot_id)]
    seconds = [[_seconds_to_pickup(one, offer, policy) for one in robots] for offer in offers]
    taken = cheapest(seconds, len(robots))
    mine = next((offers[row].task_id for row, column in taken.items() if column == 0), None)
    left = {offers[row].task_id: robots[column].robot_id for row, column in taken.items() if column != 0}
    if mine is None:
        stays = (offer for offer, row in zip(offers, seconds, strict=True) if _stays(offer, row[0], now, policy))
        mine = next((offer.task_id for offer in stays), None)
    return Assigned(mine, {task: one for task, one in left.items() if task != mine})


def _stays(offer: Offer, seconds: float, now: datetime, policy: Policy) -> bool:
    """Whether the robot that it was left to has not come for it, and this one can."""
    waited = offer.left_since is not None and now - offer.left_since >= policy.offer_patience
    return waited and math.isfinite(seconds)


def charge_needed(robot: FreeRobot, stops: Sequence[Pose], policy: Policy) -> float:
    """Of the battery (0…1), for the whole trip and the way home, with the reserve."""
    way = [robot.pose, *stops, *([robot.home] if robot.home else [])]
    driving = sum(_seconds(a, b, policy) for a, b in pairwise(way)) + HANDING_OVER.total_seconds()
    return min(FULL_ENOUGH, policy.reserve + driving / policy.endurance.total_seconds())


def _seconds_to_pickup(robot: FreeRobot, offer: Offer, policy: Policy) -> float:
    """Infinite where the robot's charge is not enough."""
    if robot.battery is None or robot.battery < charge_needed(robot, offer.stops, policy):
        return math.inf
    return _seconds(robot.pose, offer.stops[0], policy)


def _seconds(start: Pose, end: Pose, policy: Policy) -> float:
    return math.hypot(start.x - end.x, start.y - end.y) * policy.detour / policy.speed


def cheapest(costs: Sequence[Sequence[float]], columns: int) -> dict[int, int]:
    """Rows to columns, one each, for the least sum of costs; earlier rows go before later ones, whatever they cost.

    Row by row along the shortest augmenting path (Kuhn 1955, Munkres 1957; with potentials: Jonker and Volgenant
    1987), which is what lets the queue's order decide who is served at all: a row that finds no column that can take
    it (infinite cost) is passed over. Columns are few, and this is the only need of numbers here.
    """
    row_price, column_price = [0.0] * len(costs), [0.0] * columns
    row_of: list[int | None] = [None] * columns
    for row in range(len(costs)):
        if None not in row_of:
            break
        _add_row(costs, row, row_price, column_price, row_of)
    return {row: column for column, row in enumerate(row_of) if row is not None}


def _add_row(
    costs: Sequence[Sequence[float]],
    added: int,
    row_price: list[float],
    column_price: list[float],
    row_of: list[int | None],
) -> None:
    columns = range(len(row_of))
    shortest, before = [math.inf] * len(row_of), [-1] * len(row_of)
    reached: list[int] = []
    row, at, way = added, -1, 0.0
    while True:
        for column in columns:
            length = way + costs[row][column] - row_price[row] - column_price[column]
            if column not in reached and length < shortest[column]:
                shortest[column], before[column] = length, at
        open_columns = [column for column in columns if column not in reached and math.isfinite(shortest[column])]
        if not open_columns:
            return
        at = min(open_columns, key=lambda column: shortest[column])
        way = shortest[at]
        held_by = row_of[at]
        if held_by is None:
            break
        reached.append(at)
        row = held_by
    row_price[added] += way
    for column in reached:
        held = row_of[column]
        if held is not None:
            row_price[held] += way - shortest[column]
        column_price[column] -= way - shortest[column]
    while at != -1:
        row_of[at], at = (row_of[before[at]] if before[at] != -1 else added), before[at]
