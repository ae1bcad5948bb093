"""Which robot takes which task."""

import itertools
import math
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from luna_web.delivery.domain.assignment import Assigned, Offer, assign, charge_needed, cheapest
from luna_web.delivery.domain.facts import Policy
from luna_web.robot.ports import FreeRobot, Pose
from tests.unit.web.delivery.values import NOW

POLICY = Policy()
COSTS = st.sampled_from([0.0, 1.0, 2.0, 3.5, 7.0, 20.0, math.inf])


def robot(number: int, x: float, battery: float = 0.9) -> FreeRobot:
    return FreeRobot(UUID(int=number), f"luna{number}", Pose(x, 0.0, 0.0), battery, False, Pose(0.0, 0.0, 0.0))


def offer(number: int, x: float, **more: object) -> Offer:
    stops = (Pose(x, 0.0, 0.0), Pose(x + 5.0, 0.0, 0.0))
    return replace(Offer(UUID(int=100 + number), stops), **more)  # type: ignore[arg-type]


def task(number: int) -> UUID:
    return UUID(int=100 + number)


def test_the_nearer_robot_gets_it_and_the_other_leaves_it() -> None:
    near, far = robot(1, 1.0), robot(2, 9.0)
    assert assign([offer(1, 0.0)], near, [far], NOW, POLICY).mine == task(1)
    assert assign([offer(1, 0.0)], far, [near], NOW, POLICY) == Assigned(None, {task(1): near.robot_id})


def test_what_counts_is_the_sum_over_all_robots() -> None:
    left, right = robot(1, 0.0), robot(2, 4.0)
    offers = [offer(1, 3.0), offer(2, 20.0)]
    assert assign(offers, left, [right], NOW, POLICY).mine == task(1)
    assert assign(offers, right, [left], NOW, POLICY).mine == task(2)


def test_the_first_of_the_queue_go_first_however_far_they_are() -> None:
    assert assign([offer(1, 50.0), offer(2, 0.0)], robot(1, 0.0), [], NOW, POLICY).mine == task(1)


def test_a_robot_without_the_charge_for_the_whole_way_takes_what_it_can() -> None:
    low = robot(1, 0.0, battery=0.22)
    assert charge_needed(low, offer(1, 100.0).stops, POLICY) > 0.22 > charge_needed(low, offer(2, 1.0).stops, POLICY)
    assert assign([offer(1, 100.0), offer(2, 1.0)], low, [], NOW, POLICY).mine == task(2)
    assert assign([offer(1, 100.0)], low, [robot(2, 500.0)], NOW, POLICY) == Assigned(None, {task(1): UUID(int=2)})


def test_no_trip_is_too_long_for_a_full_battery() -> None:
    assert assign([offer(1, 10_000.0)], robot(1, 0.0, battery=1.0), [], NOW, POLICY).mine == task(1)


def test_what_nobody_came_for_is_taken_by_who_is_there() -> None:
    near, far = robot(1, 1.0), robot(2, 9.0)
    just = offer(1, 0.0, left_since=NOW - timedelta(seconds=2))
    assert assign([just], far, [near], NOW, POLICY).mine is None
    assert assign([replace(just, left_since=NOW - timedelta(seconds=3))], far, [near], NOW, POLICY).mine == task(1)


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(COSTS, min_size=n, max_size=n), max_size=5)))
def test_the_sum_is_the_least_there_is_for_the_rows_that_go_first(costs: list[list[float]]) -> None:
    columns = len(costs[0]) if costs else 1
    taken = cheapest(costs, columns)
    assert len(set(taken.values())) == len(taken)
    served: list[int] = []
    for row in range(len(costs)):
        if least(costs, [*served, row], columns) < math.inf:
            served.append(row)
    assert sorted(taken) == served
    assert math.isclose(sum(costs[row][column] for row, column in taken.items()), least(costs, served, columns))


def least(costs: list[list[float]], rows: list[int], columns: int) -> float:
    """By trying every way."""
    ways = itertools.permutations(range(columns), len(rows)) if len(rows) <= columns else ()
    sums = (sum(costs[row][column] for row, column in zip(rows, way, strict=True)) for way in ways)
    return min(sums, default=math.inf)


@given(
    st.lists(st.floats(-50, 50), min_size=1, max_size=4),
    st.lists(st.floats(-50, 50), min_size=1, max_size=5),
)
def test_robots_that_ask_in_turn_leave_nothing_undone(places: list[float], pickups: list[float]) -> None:
    free = [robot(number, x) for number, x in enumerate(places)]
    queue = [offer(number, x) for number, x in enumerate(pickups)]
    taken: set[UUID] = set()
    asked_in_vain = 0
    while free and queue and asked_in_vain <= len(free):
        asking, *others = free
        choice = assign(queue, asking, others, NOW, POLICY)
        if choice.mine is None:
            free, asked_in_vain = [*others, asking], asked_in_vain + 1
            continue
        assert choice.mine not in taken
        taken.add(choice.mine)
        free, queue, asked_in_vain = others, [one for one in queue if one.task_id != choice.mine], 0
    assert len(taken) == min(len(places), len(pickups))
