"""Loading, unloading, and what follows when nobody comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from luna_robot.delivery.events import BatteryLevel, LegEnded, LegResult, PauseSet
from luna_robot.delivery.machine import moving_allowed
from luna_robot.delivery.model import (
    FALLBACK_INDEX,
    Cargo,
    Error,
    Handover,
    OnTimeout,
    Outcome,
    Phase,
    Resolution,
    Verdict,
)
from tests.unit.luna_robot.bench import DESK, TABLE, Bench, bench_at, return_pickup, student_delivery


def test_loading_makes_the_robot_drive_on_with_the_item():
    bench = bench_at(Phase.AWAITING_LOAD)
    answer = bench.load()
    assert answer.verdict is Verdict.ACCEPTED
    assert (bench.phase, bench.state.cargo) == (Phase.TO_DROPOFF, Cargo.PRESENT)
    assert bench.leg is not None and bench.leg.pose == TABLE


def test_a_confirmation_that_comes_twice_is_already_so():
    bench = bench_at(Phase.AWAITING_LOAD)
    seq = bench.active.handover_seq
    bench.load()
    answer = bench.confirm(Handover.LOAD, handover_seq=seq)
    assert answer.verdict is Verdict.ALREADY
    assert bench.steps[-1].entries == ()


def test_a_confirmation_is_already_so_after_the_delivery_has_ended():
    bench = bench_at(Phase.AWAITING_UNLOAD)
    seq = bench.active.handover_seq
    bench.unload()
    assert bench.confirm(Handover.UNLOAD, handover_seq=seq).verdict is Verdict.ALREADY


def test_an_old_confirmation_does_not_count_for_another_stop():
    bench = bench_at(Phase.AWAITING_UNLOAD)
    answer = bench.confirm(Handover.UNLOAD, handover_seq=bench.active.handover_seq - 1)
    assert answer.error is Error.WRONG_HANDOVER
    assert bench.phase is Phase.AWAITING_UNLOAD


@pytest.mark.parametrize("phase", [Phase.TO_PICKUP, Phase.TO_DROPOFF, Phase.TO_FALLBACK])
def test_nothing_can_be_confirmed_on_the_way(phase):
    bench = bench_at(phase)
    answer = bench.confirm(Handover.UNLOAD, handover_seq=99)
    assert (answer.verdict, answer.error) == (Verdict.REFUSED, Error.WRONG_HANDOVER)


def test_the_wrong_kind_of_hand_over_is_refused():
    bench = bench_at(Phase.AWAITING_LOAD)
    assert bench.unload().error is Error.WRONG_HANDOVER


def test_a_confirmation_that_contradicts_itself_is_refused():
    bench = bench_at(Phase.AWAITING_LOAD)
    assert bench.confirm(Handover.LOAD, cargo=Cargo.ABSENT).error is Error.MALFORMED
    assert bench.phase is Phase.AWAITING_LOAD


def test_a_confirmation_for_an_unknown_delivery_is_refused():
    bench = bench_at(Phase.AWAITING_LOAD)
    assert bench.confirm(Handover.LOAD, delivery_id="other").error is Error.UNKNOWN_DELIVERY
    assert bench.confirm(Handover.LOAD, attempt=2).error is Error.UNKNOWN_DELIVERY


def test_an_old_controller_confirms_nothing():
    bench = bench_at(Phase.AWAITING_LOAD)
    assert bench.confirm(Handover.LOAD, epoch=0).error is Error.STALE_EPOCH


def test_nobody_loads_and_the_robot_stands_a_little_longer_before_it_goes():
    bench = bench_at(Phase.AWAITING_LOAD)
    bench.pass_time(599.0)
    assert bench.phase is Phase.AWAITING_LOAD
    bench.pass_time(1.0)
    assert bench.phase is Phase.CLEARING
    bench.pass_time(30.0)
    assert (bench.last.outcome, bench.last.error) == (Outcome.FAILED, Error.NOT_LOADED)


def test_loading_while_clearing_after_a_timeout_still_counts():
    bench = bench_at(Phase.AWAITING_LOAD)
    bench.pass_time(600.0)
    bench.pass_time(29.0)
    assert bench.load().verdict is Verdict.ACCEPTED
    assert bench.phase is Phase.TO_DROPOFF


def test_nobody_takes_the_item_and_it_goes_to_the_fallback():
    bench = bench_at(Phase.AWAITING_UNLOAD)
    bench.pass_time(300.0)
    assert (bench.phase, bench.active.stop_index) == (Phase.TO_FALLBACK, FALLBACK_INDEX)
    assert bench.leg is not None and bench.leg.pose == DESK
    bench.arrive()
    bench.unload()
    assert (bench.last.outcome, bench.last.error) == (Outcome.FAILED, Error.NOT_UNLOADED)
    assert bench.last.cargo is Cargo.ABSENT


def test_unloading_at_the_fallback_never_times_out():
    bench = bench_at(Phase.AWAITING_FALLBACK_UNLOAD)
    bench.pass_time(1e6)
    assert bench.phase is Phase.AWAITING_FALLBACK_UNLOAD
    assert bench.active.timer is None


def test_hold_waits_without_a_limit():
    bench = Bench()
    bench.offer(return_pickup())
    bench.arrive()
    bench.load()
    bench.arrive()
    bench.pass_time(301.0)
    assert (bench.phase, bench.active.timer) == (Phase.AWAITING_UNLOAD, None)
    assert "HANDOVER_HELD" in bench.events
    bench.unload()
    assert bench.last.outcome is Outcome.SUCCEEDED


def test_loading_may_be_held_too():
    bench = Bench()
    load, unload = student_delivery().stops
    bench.offer(student_delivery(stops=(replace(load, on_timeout=OnTimeout.HOLD), unload)))
    bench.arrive()
    bench.pass_time(601.0)
    assert (bench.phase, bench.active.timer) == (Phase.AWAITING_LOAD, None)


def test_timers_stand_still_without_a_link():
    bench = bench_at(Phase.AWAITING_LOAD)
    bench.pass_time(100.0)
    bench.world(link_up=False)
    bench.pass_time(1000.0)
    assert bench.active.timer == 500.0
    bench.world(link_up=True)
    bench.pass_time(1.0)
    assert bench.active.timer == 499.0


def test_after_half_an_hour_without_a_link_the_hand_over_is_held():
    bench = bench_at(Phase.AWAITING_UNLOAD)
    bench.world(link_up=False)
    bench.pass_time(1800.0)
    assert (bench.phase, bench.active.timer) == (Phase.AWAITING_UNLOAD, None)


def test_the_leg_in_hand_is_finished_without_a_link_but_no_new_one_starts():
    bench = Bench()
    via = student_delivery().stops[0]
    through = replace(via, handover=Handover.NONE)
    bench.offer(student_delivery(stops=(through, *student_delivery().stops)))
    bench.world(link_up=False)
    assert bench.leg is not None
    bench.arrive()
    assert (bench.phase, bench.leg) == (Phase.TO_PICKUP, None)
    bench.world(link_up=True)
    assert bench.leg is not None


def test_a_pause_lets_the_leg_finish_and_starts_no_other():
    bench = bench_at(Phase.TO_PICKUP)
    bench.do(PauseSet(1, True, "staff"))
    assert bench.leg is not None
    bench.arrive()
    bench.load()
    assert (bench.phase, bench.leg) == (Phase.TO_DROPOFF, None)
    bench.do(PauseSet(1, False, "staff"))
    assert bench.leg is not None
    assert bench.do(PauseSet(1, False, "staff")).verdict is Verdict.ALREADY


def test_the_end_of_an_old_leg_is_past():
    bench = bench_at(Phase.TO_DROPOFF)
    bench.do(LegEnded(bench.active.leg - 1, LegResult.ARRIVED))
    assert bench.phase is Phase.TO_DROPOFF


def test_a_place_that_cannot_be_reached_without_the_item_ends_the_delivery():
    bench = bench_at(Phase.TO_PICKUP)
    bench.end_leg(LegResult.FAILED, "no path")
    assert (bench.last.outcome, bench.last.error, bench.last.message) == (Outcome.FAILED, Error.NAVIGATION, "no path")


def test_a_place_that_cannot_be_reached_with_the_item_sends_it_to_the_fallback():
    bench = bench_at(Phase.TO_DROPOFF)
    bench.end_leg(LegResult.NO_PROGRESS, "stuck")
    assert (bench.phase, bench.active.error) == (Phase.TO_FALLBACK, Error.NO_PROGRESS)
    bench.arrive()
    bench.unload()
    assert (bench.last.outcome, bench.last.error) == (Outcome.FAILED, Error.NO_PROGRESS)


def test_a_fallback_that_cannot_be_reached_awaits_recovery():
    bench = bench_at(Phase.TO_FALLBACK)
    bench.end_leg(LegResult.FAILED)
    assert (bench.phase, bench.leg) == (Phase.AWAITING_RECOVERY, None)


def test_a_robot_that_was_taken_over_does_not_fight():
    bench = bench_at(Phase.TO_PICKUP)
    bench.end_leg(LegResult.PREEMPTED, "another client")
    assert (bench.phase, bench.active.error) == (Phase.AWAITING_RECOVERY, Error.NAVIGATION_PREEMPTED)
    assert bench.leg is None and moving_allowed(bench.state, bench.facts), "the other client's goal goes on"


@pytest.mark.parametrize(
    ("happens", "error"),
    [
        (lambda bench: bench.world(battery=BatteryLevel.EMPTY), Error.BATTERY_LOW),
        (Bench.lose_pose_at_start, Error.NOT_LOCALIZED),
    ],
)
def test_what_else_makes_it_stand_does_so_when_it_was_taken_over_as_well(
    happens: Callable[[Bench], object], error: Error
):
    bench = bench_at(Phase.TO_DROPOFF)
    bench.end_leg(LegResult.PREEMPTED, "another client")
    happens(bench)
    assert (bench.phase, bench.active.error) == (Phase.AWAITING_RECOVERY, error)
    assert not moving_allowed(bench.state, bench.facts)
    bench.world(battery=BatteryLevel.GOOD, localized=True)
    bench.resolve(Resolution.RESUME)
    assert bench.phase is Phase.TO_DROPOFF
