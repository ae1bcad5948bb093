"""Cancelling, and what people settle."""

from __future__ import annotations

import pytest

from luna_robot.delivery.events import BatteryLevel, LegResult, MaintenanceSet, WaypointsSet
from luna_robot.delivery.machine import moving_allowed
from luna_robot.delivery.model import Cargo, Error, Handover, Outcome, Phase, Resolution, Verdict
from luna_robot.waypoints import WaypointTable
from tests.unit.luna_robot.bench import Bench, bench_at, park, return_pickup, student_delivery


class TestCancel:
    def test_on_the_way_to_the_pickup_it_ends_at_once(self):
        bench = bench_at(Phase.TO_PICKUP)
        assert bench.cancel().verdict is Verdict.ACCEPTED
        assert (bench.last.outcome, bench.leg) == (Outcome.CANCELLED, None)

    def test_twice_is_already_so(self):
        bench = bench_at(Phase.TO_PICKUP)
        bench.cancel()
        assert bench.cancel().verdict is Verdict.ALREADY

    def test_while_somebody_may_be_loading_the_robot_stands_a_little_longer(self):
        bench = bench_at(Phase.AWAITING_LOAD)
        bench.cancel()
        assert bench.phase is Phase.CLEARING
        bench.pass_time(30.0)
        assert bench.last.outcome is Outcome.CANCELLED

    def test_loading_after_a_cancel_is_answered_take_it_off_and_gets_time_for_it_once(self):
        bench = bench_at(Phase.AWAITING_LOAD)
        bench.cancel()
        bench.pass_time(29.0)
        answer = bench.load()
        assert (answer.verdict, answer.error) == (Verdict.REFUSED, Error.WRONG_PHASE)
        assert "off again" in answer.message
        assert bench.active.timer == 30.0
        bench.pass_time(20.0)
        bench.load()
        assert bench.active.timer == 10.0

    def test_a_cancel_while_clearing_after_a_timeout_makes_it_a_cancel(self):
        bench = bench_at(Phase.AWAITING_LOAD)
        bench.pass_time(600.0)
        bench.cancel()
        bench.pass_time(30.0)
        assert bench.last.outcome is Outcome.CANCELLED

    @pytest.mark.parametrize("phase", [Phase.TO_DROPOFF, Phase.AWAITING_UNLOAD])
    def test_with_the_item_on_board_it_goes_to_the_fallback_first(self, phase):
        bench = bench_at(phase)
        assert bench.cancel().verdict is Verdict.ACCEPTED
        assert bench.phase is Phase.TO_FALLBACK
        bench.arrive()
        bench.unload()
        assert bench.last.outcome is Outcome.CANCELLED

    def test_on_its_way_to_the_fallback_the_reason_it_goes_there_stays(self):
        bench = bench_at(Phase.TO_FALLBACK)
        bench.cancel()
        bench.arrive()
        bench.unload()
        assert (bench.last.outcome, bench.last.error) == (Outcome.FAILED, Error.NOT_UNLOADED)

    def test_an_item_that_has_nowhere_to_go_back_to_cannot_be_cancelled(self):
        bench = Bench()
        bench.offer(return_pickup())
        bench.arrive()
        bench.load()
        assert bench.cancel("r1").error is Error.WRONG_PHASE
        assert bench.phase is Phase.TO_DROPOFF

    def test_what_has_succeeded_cannot_be_cancelled(self):
        bench = bench_at(Phase.AWAITING_UNLOAD)
        bench.unload()
        assert bench.cancel().error is Error.WRONG_PHASE

    def test_an_unknown_delivery_leaves_a_tombstone(self):
        bench = Bench()
        assert bench.cancel("later").verdict is Verdict.ACCEPTED
        answer = bench.offer(student_delivery("later"))
        assert answer.delivery is not None
        assert (answer.delivery.outcome, answer.delivery.error) == (Outcome.CANCELLED, Error.TOMBSTONE)
        assert bench.state.active is None

    def test_a_later_attempt_cancelled_twice_is_buried_once(self):
        bench = bench_at(Phase.TO_DROPOFF)
        delivery_id, attempt = bench.active.delivery_id, bench.active.attempt + 1
        bench.cancel(delivery_id, attempt=attempt)
        bench.cancel(delivery_id, attempt=attempt)
        assert bench.events.count("TOMBSTONE") == 1

    def test_a_tombstone_does_not_bury_a_later_attempt(self):
        bench = Bench()
        bench.cancel("later")
        assert bench.offer(student_delivery("later", attempt=2)).verdict is Verdict.ACCEPTED

    def test_cancelling_a_later_attempt_ends_the_one_in_hand_and_buries_the_later_one(self):
        bench = bench_at(Phase.TO_PICKUP)
        bench.cancel(attempt=2)
        assert bench.state.active is None
        answer = bench.offer(student_delivery(attempt=2))
        assert answer.delivery is not None and answer.delivery.outcome is Outcome.CANCELLED

    def test_cancelling_an_earlier_attempt_does_not_touch_the_one_in_hand(self):
        bench = Bench()
        bench.offer(student_delivery(attempt=2))
        assert bench.cancel(attempt=1).error is Error.LOWER_ATTEMPT
        assert bench.phase is Phase.TO_PICKUP

    def test_nonsense_is_refused(self):
        assert Bench().cancel("").error is Error.MALFORMED

    def test_an_old_controller_cancels_nothing(self):
        assert bench_at(Phase.TO_PICKUP).cancel(epoch=0).error is Error.STALE_EPOCH


class TestRecovery:
    def test_a_restart_without_a_pose_awaits_recovery_and_stands_still(self):
        bench = bench_at(Phase.TO_DROPOFF)
        bench.lose_pose_at_start()
        assert (bench.phase, bench.active.error) == (Phase.AWAITING_RECOVERY, Error.NOT_LOCALIZED)
        assert not moving_allowed(bench.state, bench.facts)
        bench.lose_pose_at_start()
        assert bench.active.interrupted is Phase.TO_DROPOFF

    def test_it_resumes_once_the_pose_is_given(self):
        bench = bench_at(Phase.TO_DROPOFF)
        bench.lose_pose_at_start()
        assert bench.resolve(Resolution.RESUME).error is Error.NOT_LOCALIZED
        bench.world(localized=True)
        assert bench.resolve(Resolution.RESUME).verdict is Verdict.ACCEPTED
        assert (bench.phase, bench.active.error, bench.active.stop_index) == (Phase.TO_DROPOFF, Error.NONE, 1)
        assert bench.resolve(Resolution.RESUME).verdict is Verdict.ALREADY

    def test_a_hand_over_that_was_interrupted_takes_place_at_its_stop(self):
        bench = bench_at(Phase.AWAITING_UNLOAD)
        seq = bench.active.handover_seq
        bench.lose_pose_at_start()
        assert bench.confirm(Handover.UNLOAD, handover_seq=seq).error is Error.WRONG_HANDOVER
        bench.world(localized=True)
        bench.resolve(Resolution.RESUME)
        assert (bench.phase, bench.active.stop_index) == (Phase.TO_DROPOFF, 1)
        bench.arrive()
        assert bench.active.handover_seq == seq + 1

    def test_to_the_fallback(self):
        bench = bench_at(Phase.TO_DROPOFF)
        bench.end_leg(LegResult.PREEMPTED, "another client")
        assert bench.resolve(Resolution.TO_FALLBACK).verdict is Verdict.ACCEPTED
        bench.arrive()
        bench.unload()
        assert (bench.last.outcome, bench.last.error) == (Outcome.FAILED, Error.NAVIGATION_PREEMPTED)

    def test_to_the_fallback_again(self):
        bench = bench_at(Phase.TO_FALLBACK)
        bench.end_leg(LegResult.FAILED, "blocked")
        bench.resolve(Resolution.RESUME)
        assert bench.phase is Phase.TO_FALLBACK
        bench.arrive()
        bench.lose_pose_at_start()
        bench.world(localized=True)
        bench.resolve(Resolution.RESUME)
        assert bench.phase is Phase.TO_FALLBACK
        assert bench.active.ending is not None and bench.active.ending.error is Error.NOT_UNLOADED

    def test_without_an_item_there_is_nothing_to_bring_to_the_fallback(self):
        bench = bench_at(Phase.TO_PICKUP)
        bench.end_leg(LegResult.PREEMPTED)
        assert bench.resolve(Resolution.TO_FALLBACK).error is Error.WRONG_PHASE

    def test_a_person_took_the_item(self):
        bench = bench_at(Phase.TO_FALLBACK)
        bench.end_leg(LegResult.FAILED)
        bench.resolve(Resolution.CARGO_REMOVED)
        assert (bench.last.outcome, bench.last.error) == (Outcome.FAILED, Error.NAVIGATION)
        assert bench.state.cargo is Cargo.ABSENT

    def test_abandoned_with_the_item_still_on_board(self):
        bench = bench_at(Phase.TO_DROPOFF)
        bench.lose_pose_at_start()
        bench.resolve(Resolution.ABANDON)
        assert (bench.last.error, bench.last.cargo) == (Error.ABANDONED, Cargo.PRESENT)
        assert bench.resolve(Resolution.ABANDON).verdict is Verdict.ALREADY

    def test_cancelled_while_awaiting_recovery_with_the_item_it_goes_to_the_fallback_on_resume(self):
        bench = bench_at(Phase.TO_DROPOFF)
        bench.lose_pose_at_start()
        bench.cancel()
        assert bench.phase is Phase.AWAITING_RECOVERY
        bench.world(localized=True)
        bench.resolve(Resolution.RESUME)
        bench.arrive()
        bench.unload()
        assert bench.last.outcome is Outcome.CANCELLED

    def test_cancelled_and_removed_by_hand(self):
        bench = bench_at(Phase.TO_DROPOFF)
        bench.lose_pose_at_start()
        bench.cancel()
        bench.resolve(Resolution.CARGO_REMOVED)
        assert bench.last.outcome is Outcome.CANCELLED

    def test_cancelled_while_awaiting_recovery_without_the_item_it_ends(self):
        bench = bench_at(Phase.TO_PICKUP)
        bench.lose_pose_at_start()
        bench.cancel()
        assert bench.last.outcome is Outcome.CANCELLED

    @pytest.mark.parametrize(
        ("cancelled", "outcome"), [(True, Outcome.CANCELLED), (False, Outcome.FAILED)]
    )  # fmt: skip
    def test_clearing_that_was_interrupted_is_over(self, cancelled, outcome):
        bench = bench_at(Phase.AWAITING_LOAD)
        bench.pass_time(600.0)
        if cancelled:
            bench.cancel()
        bench.lose_pose_at_start()
        bench.world(localized=True)
        bench.resolve(Resolution.RESUME)
        assert bench.last.outcome is outcome

    def test_a_delivery_that_is_not_awaiting_recovery_is_not_settled(self):
        assert bench_at(Phase.TO_PICKUP).resolve(Resolution.ABANDON).error is Error.WRONG_PHASE

    @pytest.mark.parametrize(
        "phase",
        [Phase.TO_PICKUP, Phase.AWAITING_LOAD, Phase.TO_DROPOFF, Phase.AWAITING_UNLOAD, Phase.AWAITING_FALLBACK_UNLOAD],
    )
    def test_that_the_item_was_taken_off_ends_it_whatever_the_robot_does(self, phase):
        bench = bench_at(phase)
        assert bench.resolve(Resolution.CARGO_REMOVED).verdict is Verdict.ACCEPTED
        assert (bench.last.outcome, bench.last.cargo, bench.leg) == (Outcome.FAILED, Cargo.ABSENT, None)
        assert bench.resolve(Resolution.CARGO_REMOVED).verdict is Verdict.ALREADY

    def test_an_unknown_delivery_is_not_settled(self):
        assert Bench().resolve(Resolution.ABANDON).error is Error.UNKNOWN_DELIVERY

    def test_a_robot_going_home_without_a_pose_just_stops(self):
        bench = Bench()
        bench.offer(park())
        bench.lose_pose_at_start()
        assert (bench.last.outcome, bench.last.error) == (Outcome.FAILED, Error.NOT_LOCALIZED)

    def test_a_robot_going_home_that_is_taken_over_just_stops(self):
        bench = Bench()
        bench.offer(park())
        bench.end_leg(LegResult.PREEMPTED)
        assert bench.last.error is Error.NAVIGATION_PREEMPTED


class TestBattery:
    def test_below_the_reserve_an_empty_robot_gives_up_the_pickup(self):
        bench = bench_at(Phase.TO_PICKUP)
        bench.world(battery=BatteryLevel.RESERVE)
        assert (bench.last.outcome, bench.last.error) == (Outcome.FAILED, Error.BATTERY_LOW)

    def test_below_the_reserve_the_hand_over_is_completed_and_the_item_goes_to_the_fallback(self):
        bench = bench_at(Phase.AWAITING_LOAD)
        bench.world(battery=BatteryLevel.RESERVE)
        assert bench.phase is Phase.AWAITING_LOAD
        bench.load()
        assert (bench.phase, bench.active.error) == (Phase.TO_FALLBACK, Error.BATTERY_LOW)

    def test_below_the_reserve_the_leg_in_hand_is_finished(self):
        bench = bench_at(Phase.TO_DROPOFF)
        bench.world(battery=BatteryLevel.RESERVE)
        assert bench.phase is Phase.TO_DROPOFF

    def test_empty_it_stops_and_awaits_recovery(self):
        bench = bench_at(Phase.TO_DROPOFF)
        bench.world(battery=BatteryLevel.EMPTY)
        assert (bench.phase, bench.active.error, bench.leg) == (Phase.AWAITING_RECOVERY, Error.BATTERY_LOW, None)

    def test_empty_on_the_way_home_it_stops(self):
        bench = Bench()
        bench.offer(park())
        bench.world(battery=BatteryLevel.EMPTY)
        assert bench.last.error is Error.BATTERY_LOW

    def test_on_the_dock_an_empty_battery_is_being_charged(self):
        bench = bench_at(Phase.TO_DROPOFF)
        bench.world(battery=BatteryLevel.EMPTY, docked=True)
        assert bench.phase is Phase.TO_DROPOFF


class TestSettings:
    def test_maintenance_is_refused_with_a_delivery_in_hand(self):
        bench = bench_at(Phase.TO_PICKUP)
        assert bench.do(MaintenanceSet(1, True, "staff")).error is Error.BUSY

    def test_maintenance_ends_the_way_home(self):
        bench = Bench()
        bench.offer(park())
        assert bench.do(MaintenanceSet(1, True, "staff")).verdict is Verdict.ACCEPTED
        assert (bench.state.maintenance, bench.last.outcome) == (True, Outcome.CANCELLED)
        assert bench.do(MaintenanceSet(1, True, "staff")).verdict is Verdict.ALREADY
        bench.do(MaintenanceSet(1, False, "staff"))
        assert not bench.state.maintenance

    def test_versions_of_waypoints_only_go_up(self):
        bench = Bench()
        assert bench.do(WaypointsSet(1, WaypointTable("library", 2))).verdict is Verdict.ACCEPTED
        assert bench.steps[-1].waypoints == WaypointTable("library", 2)
        assert bench.do(WaypointsSet(1, WaypointTable("library", 2))).verdict is Verdict.ALREADY
        assert bench.do(WaypointsSet(1, WaypointTable("library", 1))).verdict is Verdict.REFUSED
        assert bench.do(WaypointsSet(1, WaypointTable("annex", 1))).verdict is Verdict.ACCEPTED
        assert (bench.state.map_id, bench.state.waypoints_version) == ("annex", 1)
