"""The one next action of a controller."""

from dataclasses import fields, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from luna_web.robot.ports import (
    Arrival,
    CancelWanted,
    Cargo,
    Confirmation,
    DeliveryKind,
    Handover,
    Outcome,
    Phase,
    Pose,
    RecoveryAction,
    RecoveryWanted,
    Settlement,
)
from luna_web.robot.reconcile import (
    Action,
    Cancel,
    Confirm,
    EngageStop,
    JournalLost,
    Nothing,
    Park,
    Recover,
    ReleaseStop,
    Resume,
    SendGoal,
    SetMaintenance,
    SetPaused,
    Settle,
    SetWaypoints,
    Undock,
    reconcile,
    why_not_free,
)
from luna_web.robot.seen import RobotMode, Seen, SeenFault, SeenRobot, Severity
from luna_web.robot.wanted import StopState, WantedResume, WantedRobot, WantedStop
from tests.unit.web.robot.examples import (
    HOME,
    NOW,
    TASK,
    deliveries,
    delivery,
    robot,
    seen,
    sent,
    task,
    wanted,
)

STOP = WantedStop(StopState.ENGAGE, "stop-1", "a child", "librarian")
RELEASE = WantedStop(StopState.RELEASE, "stop-1", "", "librarian")
WORD = Confirmation(Handover.LOAD, 7, Cargo.UNKNOWN, "librarian")
WAITING = delivery(phase=Phase.AWAITING_LOAD, handover_seq=7)


def act(want: WantedRobot, see: Seen | None, held: frozenset[Any] = frozenset()) -> Action:
    return reconcile(want, see, NOW, held)


class TestSilence:
    def test_nothing_is_sent_on_a_status_older_than_two_seconds(self) -> None:
        assert isinstance(act(wanted(stop=STOP), seen(age=2.1)), Nothing)
        assert isinstance(act(wanted(stop=STOP), seen(age=1.9)), EngageStop)

    def test_a_robot_that_was_never_heard_gets_nothing(self) -> None:
        assert act(wanted(delivery=task()), None) == Nothing("never heard")

    def test_a_robot_of_another_name_gets_nothing(self) -> None:
        assert isinstance(act(wanted(stop=STOP), seen(robot(robot_name="luna2"))), Nothing)


class TestStops:
    def test_a_wanted_stop_is_engaged_before_anything_else(self) -> None:
        want = wanted(stop=STOP, paused=True, delivery=task(confirmations=(WORD,)), goal_sent=sent())
        assert act(want, seen(told=deliveries(WAITING))) == EngageStop("stop-1", "a child", "librarian")

    def test_a_robot_that_is_stopped_already_is_left_so(self) -> None:
        stopped = robot(estopped=True, suspended=True, estop_id="another", mode=RobotMode.ESTOPPED)
        assert isinstance(act(wanted(stop=STOP), seen(stopped)), Nothing)

    def test_a_release_names_the_stop_that_holds(self) -> None:
        held = robot(estopped=True, suspended=True, estop_id="stop-1")
        assert act(wanted(stop=RELEASE), seen(held)) == ReleaseStop("stop-1", "librarian")
        assert isinstance(act(wanted(stop=RELEASE), seen(replace(held, estop_id="stop-2"))), Nothing)

    def test_only_a_released_stop_can_be_resumed(self) -> None:
        resume = WantedResume("stop-1", "librarian")
        released = robot(suspended=True, estop_id="stop-1", mode=RobotMode.SUSPENDED)
        assert act(wanted(resume=resume), seen(released)) == Resume("stop-1", "librarian")
        assert isinstance(act(wanted(resume=resume), seen(replace(released, estopped=True))), Nothing)
        assert isinstance(act(wanted(resume=resume), seen(replace(released, estop_id="stop-2"))), Nothing)


class TestDeliveries:
    def test_a_new_task_is_sent_to_this_boot(self) -> None:
        want = wanted(delivery=task(), goal_sent=sent())
        assert act(want, seen()) == SendGoal(task(), "boot", "journal")

    def test_it_is_not_sent_before_it_is_written_down(self) -> None:
        assert isinstance(act(wanted(delivery=task()), seen()), Nothing)
        assert isinstance(act(wanted(delivery=task(attempt=2)), seen()), Nothing)

    def test_what_the_robot_knows_is_not_sent_again(self) -> None:
        want = wanted(delivery=task(), goal_sent=sent())
        done = delivery(phase=Phase.DONE, outcome=Outcome.SUCCEEDED)
        assert isinstance(act(want, seen(told=deliveries(delivery()))), Nothing)
        assert isinstance(act(want, seen(told=deliveries(None, done))), Nothing)

    def test_a_higher_attempt_replaces_a_lower_one(self) -> None:
        want = wanted(delivery=task(attempt=2), goal_sent=sent(attempt=2))
        assert isinstance(act(want, seen(told=deliveries(delivery(attempt=1)))), SendGoal)

    def test_a_robot_on_its_way_home_turns_round_for_it(self) -> None:
        parking = delivery(delivery_id="park-1", kind=DeliveryKind.PARK, phase=Phase.PARKING)
        assert isinstance(act(wanted(delivery=task(), goal_sent=sent()), seen(told=deliveries(parking))), SendGoal)

    def test_a_robot_with_another_delivery_is_told_that_it_counts_no_longer(self) -> None:
        other = delivery(delivery_id="01890000-0000-7000-8000-000000000099")
        assert isinstance(act(wanted(delivery=task(), goal_sent=sent()), seen(told=deliveries(other))), Cancel)

    def test_a_new_journal_is_told_and_nothing_sent(self) -> None:
        see = seen(robot(journal_id="new"), deliveries(journal_id="new"))
        assert act(wanted(delivery=task(), goal_sent=sent()), see) == JournalLost(str(TASK))

    def test_deliveries_of_an_earlier_run_prove_nothing(self) -> None:
        see = seen(robot(boot_id="new"), deliveries())
        assert isinstance(act(wanted(delivery=task(), goal_sent=sent()), see), Nothing)

    def test_a_confirmation_counts_for_its_own_hand_over_only(self) -> None:
        want = wanted(delivery=task(confirmations=(WORD,)), goal_sent=sent())
        assert act(want, seen(told=deliveries(WAITING))) == Confirm(str(TASK), 1, WORD, "trace-1")
        later = replace(WAITING, phase=Phase.AWAITING_UNLOAD, handover_seq=8)
        assert isinstance(act(want, seen(told=deliveries(later))), Nothing)

    def test_a_confirmation_is_taken_while_suspended(self) -> None:
        want = wanted(delivery=task(confirmations=(WORD,)), goal_sent=sent())
        suspended = robot(suspended=True, estop_id="stop-1")
        assert isinstance(act(want, seen(suspended, deliveries(WAITING))), Confirm)

    def test_a_cancel_goes_out_once_and_before_a_confirmation(self) -> None:
        cancelled = task(cancel=CancelWanted("no more", "reader"), confirmations=(WORD,))
        want = wanted(delivery=cancelled, goal_sent=sent())
        assert act(want, seen(told=deliveries(WAITING))) == Cancel(str(TASK), 1, "no more", "trace-1")
        taken = replace(WAITING, cancel_requested=True)
        assert not isinstance(act(want, seen(told=deliveries(taken))), Cancel)

    def test_a_cancelled_task_that_the_robot_never_saw_leaves_a_tombstone(self) -> None:
        want = wanted(delivery=task(cancel=CancelWanted("no more", "reader")))
        assert isinstance(act(want, seen()), Cancel)


class TestWhatCountsNoLonger:
    def test_a_delivery_that_was_given_to_another_robot_is_cancelled_on_this_one(self) -> None:
        assert act(wanted(), seen(told=deliveries(WAITING))) == Cancel(str(TASK), 1, "no longer wanted", str(TASK))

    def test_an_earlier_attempt_gives_way_to_the_goal_of_the_later_one(self) -> None:
        later = wanted(delivery=task(attempt=2), goal_sent=sent(attempt=2))
        under_way = delivery(phase=Phase.TO_PICKUP)
        assert isinstance(act(later, seen(told=deliveries(under_way))), SendGoal)
        laden = delivery(phase=Phase.TO_DROPOFF, cargo=Cargo.PRESENT)
        assert isinstance(act(later, seen(told=deliveries(laden))), Nothing)

    def test_where_somebody_may_be_loading_an_earlier_attempt_is_cancelled_first(self) -> None:
        later = wanted(delivery=task(attempt=2), goal_sent=sent(attempt=2))
        for phase in (Phase.AWAITING_LOAD, Phase.CLEARING):
            standing = replace(WAITING, phase=phase)
            assert act(later, seen(told=deliveries(standing))) == Cancel(str(TASK), 1, "no longer wanted", str(TASK))
            asked = deliveries(replace(standing, cancel_requested=True))
            assert isinstance(act(later, seen(told=asked)), Nothing)

    def test_one_that_is_being_cancelled_or_over_is_left_alone(self) -> None:
        for over in (replace(WAITING, cancel_requested=True), replace(WAITING, phase=Phase.DONE)):
            assert not isinstance(act(wanted(), seen(told=deliveries(over))), Cancel)


class TestHousekeeping:
    def test_settings_are_brought_to_the_robot(self) -> None:
        assert act(wanted(paused=True, by="a"), seen()) == SetPaused(True, "a")
        assert act(wanted(by="a"), seen(robot(maintenance=True))) == SetMaintenance(False, "a")

    def test_maintenance_waits_for_the_delivery_in_hand(self) -> None:
        busy = robot(delivery_id=str(TASK))
        assert isinstance(act(wanted(maintenance=True), seen(busy)), Nothing)

    def test_newer_places_are_sent_and_older_ones_are_not(self) -> None:
        assert act(wanted(waypoints_version=2), seen()) == SetWaypoints("library", 2)
        assert isinstance(act(wanted(), seen(robot(waypoints_version=5))), Nothing)
        assert isinstance(act(wanted(), seen(robot(map_id="attic", waypoints_version=5))), SetWaypoints)

    def test_an_idle_robot_goes_home_after_a_while(self) -> None:
        away = robot(docked=False, mode=RobotMode.IDLE)
        assert isinstance(act(wanted(), seen(away, idle=19)), Nothing)
        assert act(wanted(), seen(away, idle=20)) == Park(HOME, "boot")
        assert act(wanted(send_home=True), seen(away, idle=0)) == Park(HOME, "boot")

    def test_a_robot_whose_home_is_no_dock_is_not_sent_there_again_and_again(self) -> None:
        home = replace(HOME, arrival=Arrival.NONE)
        there, away = robot(docked=False), robot(docked=False, pose=Pose(4.0, 1.0, 0.0))
        assert isinstance(act(wanted(home=home), seen(there, idle=60)), Nothing)
        assert act(wanted(home=home), seen(away, idle=60)) == Park(home, "boot")

    def test_what_was_sent_a_moment_ago_does_not_hold_up_the_rest(self) -> None:
        want = wanted(waypoints_version=2, delivery=task(), goal_sent=sent())
        first = act(want, seen())
        assert isinstance(first, SetWaypoints)
        assert isinstance(act(want, seen(), frozenset({first})), SendGoal)


class TestFreedom:
    def test_an_idle_robot_is_free(self) -> None:
        assert why_not_free(wanted(), seen(), NOW) is None

    def test_a_robot_that_would_refuse_is_not(self) -> None:
        fault = SeenFault("BUMPER", Severity.CRITICAL, "", 0.0)
        unfit: list[dict[str, Any]] = [
            {"battery": 0.19}, {"battery": None}, {"cargo": Cargo.PRESENT}, {"faults": (fault,)}, {"suspended": True},
            {"localized": False}, {"link_up": False}, {"mode": RobotMode.RECOVERY}, {"maintenance": True},
        ]  # fmt: skip
        assert all(why_not_free(wanted(), seen(robot(**changes)), NOW) for changes in unfit)
        assert why_not_free(wanted(), seen(age=3), NOW)
        assert why_not_free(wanted(stop=STOP), seen(), NOW)
        assert why_not_free(wanted(delivery=task()), seen(), NOW)


BOOLS = [f.name for f in fields(SeenRobot) if f.type in (bool, "bool")]
seen_robots = st.builds(
    robot,
    **{name: st.booleans() for name in BOOLS},
    estop_id=st.sampled_from(["", "stop-1", "stop-2"]),
    journal_id=st.sampled_from(["journal", "new"]),
    mode=st.sampled_from(RobotMode),
    waypoints_version=st.integers(0, 3),
)
seen_deliveries = st.builds(
    delivery,
    delivery_id=st.sampled_from([str(TASK), "park-1"]),
    attempt=st.integers(1, 2),
    kind=st.sampled_from(DeliveryKind),
    phase=st.sampled_from(Phase),
    handover_seq=st.integers(0, 8),
    cancel_requested=st.booleans(),
)
told = st.builds(deliveries, st.none() | seen_deliveries, journal_id=st.sampled_from(["journal", "new"]))
worlds = st.builds(seen, seen_robots, told, age=st.floats(0, 4), idle=st.floats(0, 60))
wishes = st.builds(
    wanted,
    stop=st.sampled_from([WantedStop(), STOP, RELEASE]),
    resume=st.none() | st.builds(WantedResume, st.sampled_from(["stop-1", "stop-2"]), st.just("a")),
    paused=st.booleans(),
    send_home=st.booleans(),
    delivery=st.none()
    | st.builds(
        task,
        attempt=st.integers(1, 2),
        confirmations=st.sampled_from([(), (WORD,)]),
        cancel=st.none() | st.just(CancelWanted("", "")),
    ),
    goal_sent=st.none() | st.builds(sent, st.integers(1, 2), st.sampled_from(["journal", "new"])),
)


class TestAlways:
    @given(wishes, worlds)
    def test_nothing_moves_a_robot_that_is_stopped_or_not_resumed(self, want: WantedRobot, see: Seen) -> None:
        if see.robot.estopped or see.robot.suspended:
            assert not isinstance(act(want, see), SendGoal | Park)

    @given(wishes, worlds)
    def test_a_wanted_stop_outranks_all(self, want: WantedRobot, see: Seen) -> None:
        if see.fresh(NOW) and want.stop is STOP and not see.robot.estopped:
            assert isinstance(act(want, see), EngageStop)

    @given(wishes, worlds)
    def test_a_stop_is_never_released_unless_its_release_names_it(self, want: WantedRobot, see: Seen) -> None:
        action = act(want, see)
        if isinstance(action, ReleaseStop):
            assert want.stop.state is StopState.RELEASE
            assert action.stop_id == see.robot.estop_id

    @given(wishes, worlds)
    def test_a_goal_is_for_what_this_journal_does_not_know(self, want: WantedRobot, see: Seen) -> None:
        action = act(want, see)
        if isinstance(action, SendGoal):
            assert see.deliveries is not None
            assert want.goal_sent is not None
            assert see.deliveries.find(str(TASK), action.delivery.attempt) is None
            assert want.goal_sent.journal_id == see.robot.journal_id == see.deliveries.journal_id
            assert action.delivery.cancel is None

    @given(wishes, worlds)
    def test_holding_back_every_action_ends_in_nothing(self, want: WantedRobot, see: Seen) -> None:
        held: frozenset[Any] = frozenset()
        for _ in range(12):
            action = act(want, see, held)
            if isinstance(action, Nothing):
                return
            assert action not in held
            held |= {action}
        raise AssertionError("there is always something to do")


class TestRecovery:
    WISH = RecoveryWanted(RecoveryAction.RESUME, 5.0, "librarian")
    STUCK = delivery(phase=Phase.AWAITING_RECOVERY, changed_at=5.0, cargo=Cargo.PRESENT)
    ENDED = Settlement(TASK, "librarian", "trace")

    def test_a_robot_that_waits_for_a_person_is_told_what_one_wants(self) -> None:
        want = wanted(delivery=task(recovery=self.WISH), goal_sent=sent())
        assert act(want, seen(told=deliveries(self.STUCK))) == Recover(str(TASK), self.WISH, "trace-1")

    def test_a_wish_counts_for_the_wait_that_somebody_looked_at(self) -> None:
        want = wanted(delivery=task(recovery=self.WISH), goal_sent=sent())
        assert isinstance(act(want, seen(told=deliveries(replace(self.STUCK, changed_at=6.0)))), Nothing)
        driving = replace(self.STUCK, phase=Phase.TO_DROPOFF)
        assert isinstance(act(want, seen(told=deliveries(driving))), Nothing)

    def test_a_settled_delivery_is_told_whatever_the_robot_does(self) -> None:
        want = wanted(settlements=(self.ENDED,))
        for told in (deliveries(), deliveries(self.STUCK), deliveries(replace(self.STUCK, phase=Phase.TO_DROPOFF))):
            assert act(want, seen(told=told)) == Settle(self.ENDED)

    def test_it_is_not_cancelled_while_that_is_under_way(self) -> None:
        want = wanted(settlements=(self.ENDED,))
        told = deliveries(replace(self.STUCK, phase=Phase.TO_DROPOFF))
        assert isinstance(act(want, seen(told=told), frozenset({Settle(self.ENDED)})), Nothing)

    def test_before_it_is_told_the_robot_gets_nothing_new(self) -> None:
        assert why_not_free(wanted(settlements=(self.ENDED,)), seen(), NOW) is not None
class TestUndocking:
    def test_a_docked_robot_backs_off_its_dock(self) -> None:
        action = act(wanted(undock=True), seen(robot(pose=Pose(0.65, 7.4, 3.141593))))
        assert isinstance(action, Undock)
        assert (round(action.off.pose.x, 3), round(action.off.pose.y, 3)) == (1.65, 7.4)
        assert action.off.arrival is Arrival.NONE

    def test_it_is_asked_once_however_its_pose_wanders(self) -> None:
        first = act(wanted(undock=True), seen(robot()))
        assert isinstance(first, Undock)
        again = act(wanted(undock=True), seen(robot(pose=Pose(1.01, 1.0, 0.0))), frozenset({first}))
        assert isinstance(again, Nothing)

    def test_it_stays_off_its_dock(self) -> None:
        off = robot(docked=False, mode=RobotMode.IDLE, pose=Pose(2.0, 1.0, 0.0))
        assert isinstance(act(wanted(undock=True), seen(off, idle=3600)), Nothing)
        assert isinstance(act(wanted(), seen(off, idle=3600)), Park)

    def test_not_while_it_may_not_move(self) -> None:
        for want in (wanted(undock=True, paused=True), wanted(undock=True, maintenance=True)):
            see = seen(robot(paused=want.paused, maintenance=want.maintenance))
            assert isinstance(act(want, see), Nothing)
        assert isinstance(act(wanted(undock=True), seen(robot(estopped=True, estop_id="s"))), Nothing)


def test_a_robot_that_needs_more_charge_than_others_waits_for_it() -> None:
    see = seen(robot(battery=0.5))
    assert why_not_free(wanted(), see, NOW) is None
    assert why_not_free(wanted(min_battery=0.6), see, NOW) == "battery low or unknown"
