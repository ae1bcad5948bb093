"""Stops of each task type and the order of the queue."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_web.delivery.domain.facts import GivenBack, Policy
from luna_web.delivery.domain.queueing import queue_key, waits
from luna_web.delivery.domain.states import Priority
from luna_web.delivery.domain.stops import PlacedAt, return_pickup, stop_from_json, stop_to_json, student_delivery
from luna_web.robot.ports import Handover, OnTimeout, Pose
from tests.unit.web.delivery.values import NOW

POLICY = Policy()
DESK = PlacedAt("DESK-1", Pose(1.0, 2.0, 0.5))
READER = PlacedAt("STUDY-3", Pose(7.0, 8.0, -1.5))


def test_a_student_delivery_loads_at_the_desk_and_falls_back_to_it() -> None:
    plan = student_delivery(DESK, READER, POLICY)
    load, unload = plan.stops
    assert (load.waypoint, load.handover, load.timeout, load.on_timeout) == (
        "DESK-1",
        Handover.LOAD,
        600.0,
        OnTimeout.RELEASE,
    )
    assert (unload.waypoint, unload.handover, unload.timeout, unload.on_timeout) == (
        "STUDY-3",
        Handover.UNLOAD,
        300.0,
        OnTimeout.FALLBACK,
    )
    assert plan.fallback is not None
    assert (plan.fallback.waypoint, plan.fallback.handover, plan.fallback.timeout) == ("DESK-1", Handover.UNLOAD, None)


def test_a_return_waits_at_the_workstation_as_long_as_it_takes() -> None:
    plan = return_pickup(READER, PlacedAt("RETURN-1", Pose(0.0, 0.0, 0.0)), POLICY)
    assert [(stop.waypoint, stop.handover) for stop in plan.stops] == [
        ("STUDY-3", Handover.LOAD),
        ("RETURN-1", Handover.UNLOAD),
    ]
    assert plan.stops[-1].timeout is None and plan.fallback is None


@pytest.mark.parametrize(
    "stop", [*student_delivery(DESK, READER, POLICY).stops, *return_pickup(READER, DESK, POLICY).stops]
)
def test_a_stop_survives_the_database(stop: object) -> None:
    assert stop_from_json(stop_to_json(stop)) == stop  # type: ignore[arg-type]


@given(st.sampled_from(Priority), st.sampled_from(Priority))
def test_a_quarter_of_an_hour_is_worth_one_step_of_priority(one: Priority, other: Priority) -> None:
    earlier = NOW - timedelta(minutes=15) * (other.rank - one.rank)
    assert queue_key(earlier, one, POLICY) == queue_key(NOW, other, POLICY)


def test_first_come_first_served_among_equals() -> None:
    assert queue_key(NOW, Priority.HIGH, POLICY) < queue_key(NOW + timedelta(seconds=1), Priority.HIGH, POLICY)


def test_a_fault_is_not_retried_in_a_loop() -> None:
    assert waits(GivenBack.REJECTED, 1, POLICY) < waits(GivenBack.REJECTED, 3, POLICY) <= timedelta(minutes=2)
    assert waits(GivenBack.REJECTED, 1000, POLICY) == timedelta(minutes=2)
    assert waits(GivenBack.UNREACHED, 2, POLICY) > timedelta()
    assert waits(GivenBack.NOT_LOADED, 1, POLICY) == waits(GivenBack.ROBOT_LOST, 1, POLICY) == timedelta()
