"""The latch on the disk, and what the supervisor watches."""

from __future__ import annotations

import pytest

from luna_robot.delivery.model import Error, Verdict
from luna_robot.faults import Fault, FaultLog, Severity
from luna_robot.safety.latch import UNREADABLE, Latch, Stop, engage, load_latch, release, save_latch
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

    def test_it_survives_a_restart(self, tmp_path):
        latch = Latch((E2, E1), "e0", kidnapped=True)
        save_latch(tmp_path / "robot" / "safety.json", latch)
        assert load_latch(tmp_path / "robot" / "safety.json", 9) == latch

    def test_no_file_means_that_nothing_is_latched(self, tmp_path):
        assert load_latch(tmp_path / "safety.json", 9) == Latch()

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"stops": 3}', '{"stops": [{"estop_id": 3}]}', '{"x": 1}'])
    def test_a_file_that_cannot_be_read_holds_the_robot(self, tmp_path, content):
        (tmp_path / "safety.json").write_text(content)
        latch = load_latch(tmp_path / "safety.json", 9)
        assert (latch.engaged, latch.estop_id) == (True, UNREADABLE)

    def test_a_failed_save_leaves_the_old_file(self, tmp_path):
        path = tmp_path / "safety.json"
        save_latch(path, Latch((E1,)))
        (tmp_path / "safety.new").mkdir()
        with pytest.raises(OSError, match=r"safety\.new"):
            save_latch(path, Latch())
        assert load_latch(path, 9) == Latch((E1,))


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
