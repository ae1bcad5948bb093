"""A goal comes in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from luna_robot.delivery.events import BatteryLevel, MaintenanceSet, PauseSet
from luna_robot.delivery.model import (
    Arrival,
    Cargo,
    Error,
    Handover,
    OnTimeout,
    Outcome,
    Phase,
    Resolution,
    Stop,
    Verdict,
)
from luna_robot.geometry import Pose
from tests.unit.luna_robot.bench import DESK, TABLE, Bench, bench_at, park, return_pickup, student_delivery


def rejection(bench: Bench, goal=None, **fields) -> Error:
    answer = bench.offer(goal or student_delivery(), **fields)
    assert answer.delivery is not None
    assert (answer.delivery.phase, answer.delivery.outcome) == (Phase.DONE, Outcome.REJECTED)
    assert answer.delivery.message
    return answer.delivery.error


def test_a_goal_starts_with_the_leg_to_its_first_stop():
    bench = Bench()
    answer = bench.offer(student_delivery())
    assert answer.verdict is Verdict.ACCEPTED
    assert bench.phase is Phase.TO_PICKUP
    assert bench.leg is not None and bench.leg.pose == DESK
    assert bench.events == ["GOAL_ACCEPTED", "PHASE", "LEG_STARTED"]


def test_a_delivery_goes_from_stop_to_stop_and_succeeds():
    bench = bench_at(Phase.AWAITING_UNLOAD)
    bench.unload()
    assert bench.state.active is None
    assert (bench.last.outcome, bench.last.cargo) == (Outcome.SUCCEEDED, Cargo.ABSENT)


def test_a_second_goal_for_a_running_delivery_attaches_to_it():
    bench = bench_at(Phase.AWAITING_LOAD)
    answer = bench.offer(student_delivery())
    assert answer.delivery == bench.active
    assert bench.steps[-1].entries == ()


def test_attaching_works_after_a_restart_too():
    bench = bench_at(Phase.AWAITING_LOAD)
    assert bench.offer(student_delivery(), boot_id="the boot before").delivery == bench.active


def test_a_goal_for_a_finished_delivery_gets_the_recorded_result():
    bench = bench_at(Phase.AWAITING_UNLOAD)
    bench.unload()
    answer = bench.offer(student_delivery())
    assert answer.delivery == bench.last
    assert bench.state.active is None


def test_a_rejected_goal_may_come_again():
    bench = Bench()
    bench.world(link_up=False)
    assert rejection(bench) is Error.LINK_DOWN
    bench.world(link_up=True)
    assert bench.offer(student_delivery()).verdict is Verdict.ACCEPTED


def test_a_lower_attempt_is_rejected():
    bench = Bench()
    bench.offer(student_delivery(attempt=2))
    assert rejection(bench, student_delivery(attempt=1)) is Error.LOWER_ATTEMPT
    bench.cancel(attempt=2)
    assert rejection(bench, student_delivery(attempt=1)) is Error.LOWER_ATTEMPT


def test_a_higher_attempt_replaces_one_without_the_item():
    bench = bench_at(Phase.TO_PICKUP)
    bench.offer(student_delivery(attempt=2))
    assert bench.active.attempt == 2
    assert (bench.last.attempt, bench.last.outcome) == (1, Outcome.CANCELLED)


def test_a_higher_attempt_does_not_replace_one_with_the_item_on_board():
    bench = bench_at(Phase.TO_DROPOFF)
    assert rejection(bench, student_delivery(attempt=2)) is Error.BUSY


def test_a_higher_attempt_does_not_take_the_robot_away_from_whoever_loads_it():
    bench = bench_at(Phase.AWAITING_LOAD)
    assert rejection(bench, student_delivery(attempt=2)) is Error.BUSY
    bench.cancel()
    assert bench.phase is Phase.CLEARING
    assert rejection(bench, student_delivery(attempt=2)) is Error.BUSY
    bench.pass_time(30.0)
    assert bench.last.outcome is Outcome.CANCELLED
    assert bench.offer(student_delivery(attempt=2)).verdict is Verdict.ACCEPTED


def test_another_delivery_is_rejected_while_one_is_in_hand():
    assert rejection(bench_at(Phase.TO_PICKUP), return_pickup()) is Error.BUSY


def test_a_park_goal_gives_way_to_a_delivery():
    bench = Bench()
    bench.offer(park())
    assert bench.phase is Phase.PARKING
    bench.offer(student_delivery())
    assert bench.active.delivery_id == "d1"
    assert (bench.last.delivery_id, bench.last.outcome) == ("p1", Outcome.CANCELLED)


def test_a_delivery_does_not_give_way_to_a_park_goal():
    assert rejection(bench_at(Phase.AWAITING_LOAD), park()) is Error.BUSY


def test_a_park_goal_ends_when_it_has_arrived():
    bench = Bench()
    bench.offer(park())
    assert bench.leg is not None and bench.leg.arrival is Arrival.DOCK
    bench.arrive()
    assert bench.last.outcome is Outcome.SUCCEEDED


def test_a_goal_of_an_old_controller_is_rejected_and_changes_nothing():
    bench = Bench()
    bench.offer(park(), epoch=7)
    bench.cancel("p1", epoch=7)
    assert rejection(bench, epoch=6) is Error.STALE_EPOCH
    assert bench.state.epoch == 7


def test_a_goal_for_another_boot_is_rejected():
    assert rejection(Bench(), boot_id="another") is Error.WRONG_BOOT


@pytest.mark.parametrize(
    ("facts", "error"),
    [
        ({"estopped": True, "estop_id": "e1"}, Error.SUSPENDED),
        ({"safety_known": False}, Error.SUSPENDED),
        ({"link_up": False}, Error.LINK_DOWN),
        ({"localized": False}, Error.NOT_LOCALIZED),
        ({"navigation_ready": False}, Error.NAVIGATION_NOT_READY),
        ({"battery": BatteryLevel.LOW}, Error.BATTERY_LOW),
        ({"battery": BatteryLevel.UNKNOWN}, Error.BATTERY_LOW),
    ],
)
def test_a_robot_that_is_not_fit_says_why(facts, error):
    bench = Bench()
    bench.world(**facts)
    assert rejection(bench) is error


def test_a_robot_with_little_charge_may_go_home():
    bench = Bench()
    bench.world(battery=BatteryLevel.RESERVE)
    assert bench.offer(park()).verdict is Verdict.ACCEPTED


def test_an_empty_robot_goes_nowhere():
    bench = Bench()
    bench.world(battery=BatteryLevel.EMPTY)
    assert rejection(bench, park()) is Error.BATTERY_LOW


def test_paused_and_in_maintenance_it_takes_no_goal():
    bench = Bench()
    bench.do(PauseSet(1, True, "staff"))
    assert rejection(bench) is Error.PAUSED
    bench.do(MaintenanceSet(1, True, "staff"))
    assert rejection(bench) is Error.MAINTENANCE


def test_an_item_left_on_board_is_in_the_way_until_it_is_accounted_for():
    bench = bench_at(Phase.TO_DROPOFF)
    bench.lose_pose_at_start()
    bench.resolve(Resolution.ABANDON)
    bench.world(localized=True)
    assert bench.state.cargo is Cargo.PRESENT
    assert rejection(bench, return_pickup()) is Error.CARGO_ON_BOARD
    bench.resolve(Resolution.CARGO_REMOVED)
    assert bench.offer(return_pickup()).verdict is Verdict.ACCEPTED


def test_an_item_left_on_board_may_be_brought_away():
    bench = bench_at(Phase.TO_DROPOFF)
    bench.lose_pose_at_start()
    bench.resolve(Resolution.ABANDON)
    bench.world(localized=True)
    away = replace(return_pickup("away"), stops=(Stop("DESK-1", DESK, Handover.UNLOAD),))
    bench.offer(away)
    assert bench.phase is Phase.TO_DROPOFF


LOAD, UNLOAD = student_delivery().stops


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"delivery_id": ""}, "delivery_id"),
        ({"delivery_id": "x" * 65}, "delivery_id"),
        ({"attempt": 0}, "attempt"),
        ({"stops": ()}, "stops"),
        ({"stops": (LOAD, UNLOAD) * 5}, "stops"),
        ({"stops": (replace(LOAD, pose=Pose(float("nan"), 0.0, 0.0)), UNLOAD)}, "stops[0].pose"),
        ({"stops": (replace(LOAD, waypoint="x" * 65), UNLOAD)}, "stops[0].waypoint"),
        ({"stops": (replace(LOAD, timeout=-1.0), UNLOAD)}, "stops[0].handover_timeout"),
        ({"stops": (replace(LOAD, on_timeout=OnTimeout.FALLBACK), UNLOAD)}, "stops[0].on_timeout"),
        ({"stops": (LOAD, replace(UNLOAD, on_timeout=OnTimeout.RELEASE))}, "stops[1].on_timeout"),
        ({"stops": (replace(LOAD, arrival=Arrival.DOCK), UNLOAD)}, "stops[0].arrival"),
        ({"fallback": None}, "stops[1].on_timeout"),
        ({"fallback": Stop("X", TABLE)}, "fallback.handover"),
        ({"fallback": Stop("X", Pose(float("inf"), 0.0, 0.0), Handover.UNLOAD)}, "fallback.pose"),
        ({"stops": (LOAD,)}, "stops"),
        ({"stops": (LOAD, LOAD, UNLOAD)}, "stops"),
        ({"stops": (UNLOAD,)}, "stops"),
    ],
)
def test_a_malformed_goal_is_rejected_with_the_name_of_the_field(changes, field):
    bench = Bench()
    answer = bench.offer(replace(student_delivery(), **changes))
    assert answer.delivery is not None
    assert answer.delivery.error is Error.MALFORMED
    assert answer.delivery.message.startswith(field)


def test_a_park_goal_with_a_hand_over_is_malformed():
    assert rejection(Bench(), replace(park(), stops=(LOAD, UNLOAD), fallback=LOAD)) is Error.MALFORMED


def test_what_the_translation_found_wrong_is_told():
    assert rejection(Bench(), defect="kind: 7 is not one of [0, 1]") is Error.MALFORMED
    assert rejection(Bench(), unknown_waypoint="NOWHERE") is Error.UNKNOWN_WAYPOINT


def test_only_the_last_sixteen_are_shown():
    bench = Bench()
    for number in range(20):
        bench.cancel(f"gone{number}")
    assert [d.delivery_id for d in bench.state.recent] == [f"gone{n}" for n in range(19, 3, -1)]


def test_a_stop_without_a_hand_over_is_driven_through():
    bench = Bench()
    via = Stop("SHELF-1", Pose(5.0, 5.0, 0.0))
    bench.offer(replace(student_delivery(), stops=(via, LOAD, via, UNLOAD)))
    bench.arrive()
    assert (bench.phase, bench.active.stop_index) == (Phase.TO_PICKUP, 1)
    bench.arrive()
    bench.load()
    assert bench.phase is Phase.TO_DROPOFF
    bench.arrive()
    assert (bench.phase, bench.active.stop_index) == (Phase.TO_DROPOFF, 3)
