"""An emergency stop, as the executor lives through it."""

from __future__ import annotations

from dataclasses import replace

from luna_robot.delivery.events import PauseSet, ResumeAsked
from luna_robot.delivery.machine import moving_allowed
from luna_robot.delivery.model import Error, Phase, Verdict
from tests.unit.luna_robot.bench import Bench, bench_at


def stopped(phase: Phase = Phase.TO_DROPOFF) -> Bench:
    bench = bench_at(phase)
    bench.world(estopped=True, estop_id="e1", motion_locked=True)
    return bench


def released(bench: Bench) -> Bench:
    bench.world(estopped=False, motion_locked=False)
    return bench


def test_it_suspends_and_nothing_is_driven():
    bench = stopped()
    assert bench.state.suspended and bench.leg is None
    assert not moving_allowed(bench.state, bench.facts)
    assert "ESTOP_ENGAGED" in bench.events


def test_released_it_still_does_not_move():
    bench = released(stopped())
    assert bench.state.suspended and bench.leg is None
    assert "ESTOP_RELEASED" in bench.events


def test_resumed_by_the_name_of_the_stop_it_drives_the_same_leg_on():
    bench = stopped()
    leg = bench.active.leg
    released(bench)
    assert bench.resume("e1").verdict is Verdict.ACCEPTED
    assert bench.leg is not None and bench.leg.number == leg


def test_it_cannot_be_resumed_before_it_is_released():
    assert stopped().resume("e1").error is Error.SUSPENDED


def test_it_cannot_be_resumed_while_the_supervisor_is_silent():
    bench = released(stopped())
    bench.world(safety_known=False)
    assert bench.resume("e1").error is Error.SUSPENDED


def test_it_cannot_be_resumed_by_another_name():
    assert released(stopped()).resume("e2").error is Error.WRONG_ESTOP


def test_resuming_twice_is_already_so():
    bench = released(stopped())
    bench.resume("e1")
    assert bench.resume("e1").verdict is Verdict.ALREADY


def test_an_old_controller_resumes_nothing():
    bench = released(stopped())
    assert bench.do(ResumeAsked(0, "e1", "staff")).error is Error.STALE_EPOCH


def test_a_confirmation_is_taken_without_motion():
    bench = stopped(Phase.AWAITING_LOAD)
    assert bench.load().verdict is Verdict.ACCEPTED
    assert (bench.phase, bench.leg) == (Phase.TO_DROPOFF, None)
    released(bench)
    assert bench.leg is None
    bench.resume("e1")
    assert bench.leg is not None


def test_timers_stand_still():
    bench = stopped(Phase.AWAITING_LOAD)
    bench.pass_time(1000.0)
    released(bench)
    bench.pass_time(1000.0)
    assert (bench.phase, bench.active.timer) == (Phase.AWAITING_LOAD, 600.0)


def test_an_arrival_in_the_same_moment_counts_and_the_robot_stays():
    bench = stopped()
    bench.arrive()
    assert bench.phase is Phase.AWAITING_UNLOAD


def test_a_stop_that_came_and_went_unheard_suspends_too():
    bench = bench_at(Phase.TO_DROPOFF)
    bench.world(estop_id="e1")
    assert bench.state.suspended
    assert bench.resume("e1").verdict is Verdict.ACCEPTED


def test_a_stop_of_an_id_used_before_that_came_and_went_unheard_suspends_too():
    bench = bench_at(Phase.TO_DROPOFF)
    bench.world(estopped=True, estop_id="e1", estop_since=5, motion_locked=True)
    released(bench)
    bench.resume("e1")
    assert bench.leg is not None
    assert not moving_allowed(bench.state, replace(bench.facts, estop_since=9))
    bench.world(estop_id="e1", estop_since=9)
    assert bench.state.suspended and bench.leg is None
    assert bench.events[-1] == "ESTOP_MISSED"
    assert bench.resume("e1").verdict is Verdict.ACCEPTED


def test_a_second_stop_is_another_one():
    bench = stopped()
    bench.world(estop_id="e2")
    released(bench)
    assert bench.resume("e1").error is Error.WRONG_ESTOP
    assert bench.resume("e2").verdict is Verdict.ACCEPTED


def test_a_new_journal_is_not_suspended_by_a_stop_of_the_past():
    bench = Bench()
    bench.world(estop_id="long ago")
    assert not bench.state.suspended
    assert bench.state.estop_id == "long ago"


def test_a_silent_supervisor_locks_without_suspending():
    bench = bench_at(Phase.TO_DROPOFF)
    bench.world(safety_known=False, motion_locked=True)
    assert bench.leg is None and not bench.state.suspended
    bench.world(safety_known=True, motion_locked=False)
    assert bench.leg is not None


def test_faults_of_the_supervisor_are_in_the_journal():
    bench = Bench()
    bench.world(safety_faults=("BUMP",))
    bench.world(safety_faults=())
    assert bench.events == ["FAULT_RAISED", "FAULT_CLEARED"]


def test_a_stop_while_paused_keeps_the_pause():
    bench = bench_at(Phase.TO_DROPOFF)
    bench.do(PauseSet(1, True, "staff"))
    bench.world(estopped=True, estop_id="e1", motion_locked=True)
    released(bench)
    bench.resume("e1")
    assert bench.state.paused and bench.leg is not None


def test_before_the_supervisor_was_heard_it_demands_standstill():
    bench = bench_at(Phase.TO_DROPOFF)
    assert moving_allowed(bench.state, bench.facts)
    assert not moving_allowed(bench.state, replace(bench.facts, safety_known=False))
    assert not moving_allowed(bench.state, replace(bench.facts, estop_id="missed"))


def test_a_supervisor_that_has_lost_its_latch_frees_nobody():
    bench = stopped()
    bench.world(estopped=False, estop_id="", motion_locked=False)
    assert bench.state.suspended and bench.leg is None
    assert not moving_allowed(bench.state, bench.facts)
    assert bench.resume("e1").verdict is Verdict.ACCEPTED
    assert moving_allowed(bench.state, bench.facts)
