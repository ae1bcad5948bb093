"""rosbridge's JSON and ours."""

import math
from typing import Any

import pytest

from luna_web.robot import messages
from luna_web.robot.messages import BadMessage, Verdict
from luna_web.robot.ports import Cargo, DeliveryKind, Handover, OnTimeout, Outcome, Phase, Pose, RobotError, Stop
from luna_web.robot.seen import RobotMode, Severity

TIME = {"sec": 12, "nanosec": 500_000_000}


def state(**changes: Any) -> dict[str, Any]:
    told = {
        "delivery_id": "d", "attempt": 2, "kind": 0, "phase": 2, "outcome": 0, "error_code": 0, "message": "",
        "stop_index": 0, "handover_seq": 4, "cargo": 2, "cancel_requested": False, "distance_remaining": 1.5,
        "estimated_time_remaining": None, "timeout_remaining": None, "changed_at": TIME,
    }  # fmt: skip
    return told | changes


def status(**changes: Any) -> dict[str, Any]:
    told = {
        "header": {"stamp": TIME, "frame_id": "map"}, "robot_name": "luna1", "boot_id": "b", "journal_id": "j",
        "journal_seq": 9, "epoch": 3, "mode": 13, "x": 1.0, "y": 2.0, "yaw": 0.5, "linear_velocity": 0.0,
        "angular_velocity": 0.0, "nearest_waypoint": "DOCK-1", "map_id": "library", "waypoints_version": 1,
        "battery_percentage": 0.5, "charging": False, "docked": True, "estopped": False, "estop_id": "",
        "estop_reason": "", "estop_by": "", "suspended": False, "paused": False, "maintenance": False,
        "localized": True, "link_up": True, "cargo": 2, "faults": [], "delivery_id": "", "attempt": 0, "kind": 0,
        "phase": 0, "handover_seq": 0, "destination": "", "distance_remaining": None,
        "estimated_time_remaining": None, "software_version": "1", "a_field_of_tomorrow": 1,
    }  # fmt: skip
    return told | changes


class TestStatus:
    def test_it_becomes_a_value_of_ours(self) -> None:
        seen = messages.read_status(status())
        assert (seen.mode, seen.cargo, seen.pose, seen.stamp) == (RobotMode.IDLE, Cargo.ABSENT, Pose(1, 2, 0.5), 12.5)

    @pytest.mark.parametrize("unknown", [None, math.nan, math.inf])
    def test_what_is_not_a_number_is_unknown(self, unknown: float | None) -> None:
        seen = messages.read_status(status(battery_percentage=unknown, x=unknown))
        assert (seen.battery, seen.pose.x) == (None, 0.0)

    def test_faults_keep_their_severity(self) -> None:
        fault = {"code": "BUMPER", "severity": 3, "text": "", "since": TIME}
        seen = messages.read_status(status(faults=[fault]))
        assert seen.faults[0].severity is Severity.CRITICAL
        assert seen.takes_nothing_new

    @pytest.mark.parametrize(
        "changes",
        [{"mode": 14}, {"mode": -1}, {"cargo": 3}, {"journal_seq": 2**63}, {"robot_name": "x" * 600}, {"x": "1m"}],
    )
    def test_what_the_interface_does_not_allow_is_refused(self, changes: dict[str, Any]) -> None:
        with pytest.raises(BadMessage):
            messages.read_status(status(**changes))

    def test_a_missing_field_is_named(self) -> None:
        told = status()
        del told["boot_id"]
        with pytest.raises(BadMessage, match="boot_id"):
            messages.read_status(told)


class TestDeliveries:
    def deliveries(self, active: dict[str, Any], *recent: dict[str, Any]) -> dict[str, Any]:
        own = {"robot_name": "luna1", "boot_id": "b", "journal_id": "j", "journal_seq": 9}
        return own | {"active": active, "recent": list(recent)}

    def test_an_empty_id_is_no_delivery(self) -> None:
        seen = messages.read_deliveries(self.deliveries(state(delivery_id="")))
        assert (seen.active, seen.recent) == (None, ())

    def test_what_is_in_hand_and_what_is_done(self) -> None:
        done = state(phase=10, outcome=3, error_code=203)
        seen = messages.read_deliveries(self.deliveries(state(), done))
        assert seen.active is not None
        assert (seen.active.phase, seen.active.journal_seq) == (Phase.AWAITING_LOAD, 9)
        assert (seen.recent[0].outcome, seen.recent[0].error) == (Outcome.FAILED, RobotError.NOT_LOADED)

    @pytest.mark.parametrize(
        ("number", "error"),
        [(0, "NONE"), (100, "STALE_EPOCH"), (112, "TOMBSTONE"), (119, "NAVIGATION_NOT_READY"), (200, "NAVIGATION"),
         (205, "ABANDONED"), (777, "OTHER")],
    )  # fmt: skip
    def test_error_codes_have_names(self, number: int, error: str) -> None:
        seen = messages.read_delivery(state(error_code=number), "j", 1)
        assert seen is not None
        assert seen.error is RobotError(error)


class TestAnswers:
    def test_a_refusal_says_why(self) -> None:
        answer = messages.read_answer({"verdict": 2, "error_code": 114, "message": "no", "state": state()})
        assert (answer.verdict, answer.error, answer.taken) == (Verdict.REFUSED, RobotError.WRONG_HANDOVER, False)

    def test_already_counts_as_taken(self) -> None:
        assert messages.read_answer({"verdict": 1, "estop_id": "s"}).taken

    def test_nonsense_is_refused(self) -> None:
        with pytest.raises(BadMessage):
            messages.read_answer({"verdict": 9})


class TestGoal:
    def test_a_goal_says_all_of_a_stop(self) -> None:
        stop = Stop("DESK-1", Pose(1, 2, math.pi), Handover.LOAD, timeout=600.25, on_timeout=OnTimeout.RELEASE)
        goal = messages.goal(
            epoch=7, boot_id="b", trace_id="t", delivery_id="d", attempt=1, kind=DeliveryKind.DELIVERY, stops=(stop,),
            fallback=None,
        )  # fmt: skip
        told = goal["stops"][0]
        assert (goal["epoch"], goal["kind"], goal["has_fallback"], "fallback" in goal) == (7, 0, False, False)
        assert (told["handover"], told["arrival"], told["on_timeout"]) == (1, 0, 0)
        assert told["handover_timeout"] == {"sec": 600, "nanosec": 250_000_000}
        assert told["pose"]["header"]["frame_id"] == "map"
        assert told["pose"]["pose"]["orientation"]["z"] == pytest.approx(1.0)

    def test_no_limit_is_a_timeout_of_nothing(self) -> None:
        goal = messages.goal(
            epoch=1, boot_id="", trace_id="", delivery_id="d", attempt=1, kind=DeliveryKind.PARK,
            stops=(Stop("DOCK-1", Pose(0, 0, 0)),), fallback=Stop("DESK-1", Pose(0, 0, 0)),
        )  # fmt: skip
        assert goal["stops"][0]["handover_timeout"] == {"sec": 0, "nanosec": 0}
        assert (goal["has_fallback"], goal["kind"]) == (True, 1)
