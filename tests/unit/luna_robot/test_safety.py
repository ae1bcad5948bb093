"""The latch on the disk, and what the supervisor watches."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_robot.delivery.model import Error, Verdict
from luna_robot.faults import Fault, FaultLog, Severity
from luna_robot.safety.latch import UNREADABLE, Latch, Stop, engage, engage_anew, load_latch, release, save_latch
from luna_robot.safety.power import ANSWER_WITHIN, REMIND_AFTER, Order, PowerSwitch
from luna_robot.safety.view import SafetyView
from luna_robot.safety.watch import Watch, WatchLimits

E1, E2 = Stop("e1", "smoke", "staff", 1), Stop("e2", "child", "staff", 2)


class TestLatch:
    def test_engaging_is_always_taken(self):
        answer = engage(Latch(), E1)
        assert (answer.verdict, answer.latch.engaged, answer.latch.estop_id) == (Verdict.ACCEPTED, True, "e1")

    def test_engaging_twice_is_already_so(self):
        assert engage(Latch((E1,)), E1).verdict is Verdict.ALREADY

    def test_releasing_frees_only_the_stop_that_it_names(self):
        latch = engage(engage(Latch(), E1).latch, E2).latch
        answer = release(latch, "e1")
        assert (answer.verdict, answer.latch.engaged, answer.latch.estop_id) == (Verdict.ACCEPTED, True, "e2")
        assert not release(answer.latch, "e2").latch.engaged

    def test_releasing_another_stop_is_refused(self):
        answer = release(Latch((E1,)), "e2")
        assert (answer.verdict, answer.error, answer.latch.engaged) == (Verdict.REFUSED, Error.WRONG_ESTOP, True)

    def test_releasing_what_is_not_engaged_is_already_so(self):
        assert release(Latch(), "e1").verdict is Verdict.ALREADY

    def test_the_stop_released_last_is_remembered(self):
        assert release(Latch((E1,)), "e1").latch.estop_id == "e1"

    def test_two_stops_of_one_id_are_told_apart_by_when_they_were_engaged(self):
        first = release(Latch((E1,)), "e1").latch
        again = release(engage(first, Stop("e1", "smoke", "staff", 7)).latch, "e1").latch
        assert (first.estop_id, first.since) == ("e1", 1)
        assert (again.estop_id, again.since) == ("e1", 7)

    def test_it_survives_a_restart(self, tmp_path):
        latch = Latch((E2, E1), "e0", kidnapped=True, power_taken=True)
        save_latch(tmp_path / "robot" / "safety.json", latch)
        assert load_latch(tmp_path / "robot" / "safety.json", 9) == latch

    def test_no_file_means_that_nothing_is_latched(self, tmp_path):
        assert load_latch(tmp_path / "safety.json", 9) == Latch()

    @pytest.mark.parametrize(
        "content", ["", "{", "[]", "{}", "[" * 100_000, '{"stops": []}', '{"latch": {}, "digest": ""}']
    )
    def test_a_file_that_cannot_be_read_holds_the_robot(self, tmp_path, content):
        (tmp_path / "safety.json").write_text(content)
        latch = load_latch(tmp_path / "safety.json", 9)
        assert (latch.engaged, latch.estop_id) == (True, UNREADABLE)

    @given(st.data())
    def test_no_file_that_was_altered_frees_the_robot(self, data):
        """Whatever is lost or changed: either the stop is still there, or nobody knows, which holds as well."""
        with TemporaryDirectory() as folder:
            path = Path(folder, "safety.json")
            save_latch(path, Latch((E1,)))
            content = path.read_bytes()
            start, end = (data.draw(st.integers(0, len(content))) for _ in range(2))
            path.write_bytes(content[:start] + data.draw(st.binary(max_size=4)) + content[end:])
            assert load_latch(path, 9).engaged
            save_latch(path, Latch())
            assert load_latch(path, 9) == Latch()

    def test_a_stop_that_is_engaged_anew_takes_the_place_of_the_old_one(self):
        answer = engage_anew(Latch((E2, E1)), Stop("e1", "again", "reader", 7))
        assert (answer.verdict, answer.latch.stops) == (Verdict.ACCEPTED, (Stop("e1", "again", "reader", 7), E2))

    def test_a_failed_save_leaves_the_old_file(self, tmp_path):
        path = tmp_path / "safety.json"
        save_latch(path, Latch((E1,)))
        (tmp_path / "safety.new").mkdir()
        with pytest.raises(OSError, match=r"safety\.new"):
            save_latch(path, Latch())
        assert load_latch(path, 9) == Latch((E1,))


class Base:
    """A base that may be away, deaf, or slow to answer; the last order that it heard holds."""

    def __init__(self) -> None:
        self.cut = False
        self.unanswered: list[Order] = []


def told(switch: PowerSwitch, base: Base, cut: bool, now: float) -> None:
    if order := switch.order(cut, now):
        base.cut = order.cut
        base.unanswered.append(order)


def answers(switch: PowerSwitch, base: Base) -> None:
    for order in base.unanswered:
        switch.answered(order, True)
    base.unanswered.clear()


class TestPower:
    def test_it_follows_the_latch_and_says_each_thing_once(self):
        switch, base = PowerSwitch(False), Base()
        assert switch.order(False, 0.0) is None
        told(switch, base, True, 0.0)
        answers(switch, base)
        assert (base.cut, switch.taken, switch.order(True, REMIND_AFTER / 2)) == (True, True, None)
        told(switch, base, False, 9.0)
        answers(switch, base)
        assert (base.cut, switch.taken, switch.order(False, 99.0)) == (False, False, None)

    def test_power_that_somebody_gives_back_during_a_stop_is_taken_again(self):
        """As a TurtleBot 4's own menu does."""
        switch, base = PowerSwitch(False), Base()
        told(switch, base, True, 0.0)
        answers(switch, base)
        base.cut = False
        told(switch, base, True, REMIND_AFTER)
        assert base.cut

    def test_an_order_without_an_answer_is_given_again(self):
        switch = PowerSwitch(False)
        first = switch.order(True, 0.0)
        assert first is not None
        assert switch.order(True, ANSWER_WITHIN / 2) is None
        again = switch.order(True, ANSWER_WITHIN)
        assert again is not None
        switch.answered(first, True)
        assert switch.order(True, 2 * ANSWER_WITHIN) is not None, "only the last order's answer counts"

    def test_one_that_failed_is_given_again(self):
        switch = PowerSwitch(False)
        switch.answered(switch.order(True, 0.0), False)
        assert switch.order(True, ANSWER_WITHIN) is not None

    def test_power_that_another_process_took_is_given_back(self):
        """Killed while a stop was engaged; released before the base was found again."""
        switch, base = PowerSwitch(True), Base()
        base.cut = True
        switch.away()
        told(switch, base, False, 0.0)
        answers(switch, base)
        assert (base.cut, switch.taken) == (False, False)

    def test_power_that_somebody_else_took_is_left_alone(self):
        assert PowerSwitch(False).order(False, 0.0) is None

    def test_it_counts_as_taken_until_the_base_says_that_it_gave_it_back(self):
        switch = PowerSwitch(False)
        switch.answered(switch.order(True, 0.0), True)
        order = switch.order(False, 1.0)
        assert switch.taken
        switch.answered(order, True)
        assert not switch.taken

    def test_a_base_that_comes_back_is_told_again(self):
        switch, base = PowerSwitch(False), Base()
        told(switch, base, True, 0.0)
        answers(switch, base)
        switch.away()
        base.cut = False
        told(switch, base, True, 1.0)
        assert base.cut

    @given(
        st.lists(
            st.one_of(st.booleans(), st.sampled_from(["answer", "lose", "restart", "reboot", "wait"])), max_size=40
        )
    )
    def test_whatever_happens_it_comes_out_as_the_latch_has_it(self, happenings):
        switch, base, engaged, now = PowerSwitch(False), Base(), False, 0.0
        for happening in happenings:
            now += 0.1
            if isinstance(happening, bool):
                engaged = happening
            elif happening == "answer":
                answers(switch, base)
            elif happening == "lose":
                base.unanswered.clear()
            elif happening == "restart":
                switch, base.unanswered = PowerSwitch(switch.taken), []
            elif happening == "reboot":
                base.cut, base.unanswered = False, []
                switch.away()
            else:
                now += ANSWER_WITHIN
            told(switch, base, engaged, now)
        now += ANSWER_WITHIN
        told(switch, base, engaged, now)
        assert base.cut == engaged


def watch() -> Watch:
    watched = Watch(["a", "b"], WatchLimits())
    for node in ("a", "b"):
        watched.observe_heartbeat(node, True, 0.0)
    return watched


def codes(watched: Watch, now: float = 0.0) -> list[str]:
    return [fault.code for fault in watched.faults(now)]


class TestWatch:
    def test_a_node_that_was_never_heard_stops_the_robot(self):
        assert codes(Watch(["a"], WatchLimits())) == ["A_SILENT"]

    def test_a_node_that_falls_silent_stops_the_robot(self):
        watched = watch()
        assert codes(watched, 0.6) == []
        watched.observe_heartbeat("a", True, 0.5)
        assert codes(watched, 0.7) == ["B_SILENT"]

    def test_a_node_may_demand_standstill(self):
        watched = watch()
        assert not watched.standstill_demanded()
        watched.observe_heartbeat("a", False, 0.1)
        assert watched.standstill_demanded()

    def test_hazards_stop_the_robot_while_they_last(self):
        watched = watch()
        watched.observe_hazards([1, 5, 4, 77])
        assert sorted(codes(watched)) == ["BUMP", "WHEEL_DROP"]
        watched.observe_hazards([])
        assert codes(watched) == []

    def test_losing_the_pose_while_moving_stops_the_robot_until_it_is_back(self):
        watched = watch()
        watched.observe_localized(True)
        watched.observe_velocity(0.3, 0.0)
        watched.observe_localized(False)
        assert codes(watched) == ["POSE_LOST"]
        watched.observe_velocity(0.0, 0.0)
        watched.observe_localized(False)
        assert codes(watched) == ["POSE_LOST"]
        watched.observe_localized(True)
        assert codes(watched) == []

    def test_a_robot_that_is_driven_to_find_its_pose_is_not_stopped(self):
        watched = watch()
        watched.observe_velocity(0.0, 0.4)
        watched.observe_localized(False)
        assert codes(watched) == []

    def test_a_pose_lost_while_standing_stops_the_robot_when_it_moves(self):
        watched = watch()
        watched.observe_localized(True)
        watched.observe_localized(False)
        assert codes(watched) == []
        watched.observe_velocity(0.3, 0.0)
        watched.observe_localized(False)
        assert codes(watched) == ["POSE_LOST"]

    def test_a_stop_that_was_released_before_the_executor_heard_of_it_holds_until_it_has(self):
        watched = Watch(["task_executor", "b"], WatchLimits())
        watched.observe_heartbeat("task_executor", True, 0.0)
        assert not watched.standstill_demanded()
        watched.observe_stop()
        watched.observe_heartbeat("task_executor", True, 0.2)
        watched.observe_heartbeat("b", False, 0.2)
        watched.observe_heartbeat("b", True, 0.3)
        assert watched.standstill_demanded()
        watched.observe_heartbeat("task_executor", False, 0.4)
        watched.observe_heartbeat("task_executor", True, 0.6)
        assert not watched.standstill_demanded()

    def test_without_an_executor_to_watch_nobody_has_to_hear_of_a_stop(self):
        watched = Watch(["b"], WatchLimits())
        watched.observe_heartbeat("b", True, 0.0)
        watched.observe_stop()
        assert not watched.standstill_demanded()


class TestFaults:
    def test_they_are_dated_when_they_appear_and_forgotten_when_they_go(self):
        log = FaultLog()
        bump = Fault("BUMP", Severity.CRITICAL, "bump")
        assert log.date([bump], 5)[0].since == 5
        assert log.date([bump], 6)[0].since == 5
        assert log.date([], 7) == ()
        assert log.date([bump], 8)[0].since == 8

    def test_the_gravest_come_first_and_only_so_many(self):
        faults = [Fault(f"F{n}", Severity.WARNING, "x" * 200) for n in range(9)]
        dated = FaultLog().date([*faults, Fault("Z", Severity.FATAL, "z")], 1)
        assert (len(dated), dated[0].code, len(dated[1].text)) == (8, "Z", 128)

    def test_only_grave_ones_demand_standstill(self):
        grave, light = Fault("B", Severity.CRITICAL, ""), Fault("A", Severity.WARNING, "")
        assert SafetyView(False, "", "", "", 0, True, (grave, light)).standstill_codes == ("B",)
