"""The base under watch: whether its senses are heard, who moved it, and what a lock asks of it again and again."""

from __future__ import annotations

import math

import pytest

from luna_robot.geometry import Pose
from luna_robot.safety.hold import CALL_OFF_AFTER, CALL_OFF_AGAIN, ZEROES, Due, Hold
from luna_robot.safety.kidnapping import NEAR, Kidnapping
from luna_robot.safety.senses import TOLD_ON_CHANGE, SenseLimits, Senses

LIMITS = SenseLimits()
HERE = Pose(6.8, 7.2, 1.0)


def codes(senses: Senses, now: float) -> list[str]:
    return [fault.code for fault in senses.faults(now)]


class TestSenses:
    def test_what_was_never_there_stops_the_robot(self):
        senses = Senses(LIMITS)
        assert codes(senses, 0.0) == ["ODOM_UNHEARD", "HAZARD_DETECTION_UNHEARD", "KIDNAP_STATUS_UNHEARD"]
        senses.observe_odometry(0.0)
        senses.observe_publishers(["kidnap_status"], 0.0)
        assert codes(senses, 0.0) == ["HAZARD_DETECTION_UNHEARD"]

    def test_odometry_that_falls_silent_stops_the_robot(self):
        senses = Senses(LIMITS)
        senses.observe_publishers(TOLD_ON_CHANGE, 0.0)
        senses.observe_odometry(0.0)
        assert codes(senses, LIMITS.odometry) == []
        assert codes(senses, LIMITS.odometry + 0.1) == ["ODOM_UNHEARD"]
        senses.observe_odometry(LIMITS.odometry + 0.1)
        assert codes(senses, LIMITS.odometry + 0.1) == []

    def test_hazards_and_hands_may_have_nothing_to_tell_while_somebody_is_there_who_would(self):
        senses = Senses(LIMITS)
        senses.observe_publishers(TOLD_ON_CHANGE, 0.0)
        senses.observe_odometry(LIMITS.absence)
        assert codes(senses, LIMITS.absence) == []
        senses.observe_odometry(LIMITS.absence + 0.1)
        senses.observe_publishers(["hazard_detection"], LIMITS.absence + 0.1)
        assert codes(senses, LIMITS.absence + 0.1) == ["KIDNAP_STATUS_UNHEARD"]


class TestKidnapping:
    @pytest.mark.parametrize(
        ("frame", "pose", "why"),
        [
            ("odom", HERE, "frame 'odom' must be 'map'"),
            ("", HERE, "frame '' must be 'map'"),
            ("map", Pose(math.nan, 7.2, 1.0), "every number must be finite"),
            ("map", Pose(6.8, 7.2, math.inf), "every number must be finite"),
        ],
    )
    def test_what_localisation_would_pass_over_is_no_pose(self, frame: str, pose: Pose, why: str):
        kidnapping = Kidnapping()
        kidnapping.observe_estimate(HERE)
        assert kidnapping.observe_given(frame, pose) == why
        assert not kidnapping.over

    @pytest.mark.parametrize("estimate_first", [False, True])
    def test_it_is_over_when_a_person_gave_the_pose_and_localisation_has_it(self, estimate_first: bool):
        kidnapping = Kidnapping()
        kidnapping.observe_estimate(Pose(20.0, 3.0, 0.0))
        near = Pose(HERE.x + NEAR / 2, HERE.y, HERE.yaw - 0.3)
        if estimate_first:
            kidnapping.observe_estimate(near)
        assert not kidnapping.over
        assert kidnapping.observe_given("map", HERE) == ""
        assert kidnapping.over is estimate_first
        kidnapping.observe_estimate(near)
        assert kidnapping.over

    @pytest.mark.parametrize("elsewhere", [Pose(6.8, 9.0, 1.0), Pose(6.8, 7.2, -2.0), Pose(math.nan, 7.2, 1.0)])
    def test_an_estimate_elsewhere_is_not_the_pose_that_was_given(self, elsewhere: Pose):
        kidnapping = Kidnapping()
        kidnapping.observe_given("map", HERE)
        kidnapping.observe_estimate(elsewhere)
        assert not kidnapping.over

    def test_in_the_air_and_before_it_was_lifted_no_pose_counts(self):
        kidnapping = Kidnapping()
        kidnapping.observe_given("map", HERE)
        kidnapping.observe_estimate(HERE)
        kidnapping.observe_lifted(True)
        assert not kidnapping.over
        assert "still lifted" in kidnapping.observe_given("map", HERE)
        kidnapping.observe_lifted(False)
        assert not kidnapping.over
        assert kidnapping.observe_given("map", HERE) == "" and kidnapping.over


class TestHold:
    def test_the_zero_velocity_is_told_again_for_a_second(self):
        hold = Hold()
        assert hold.due(False, 0.0) == Due()
        assert [hold.due(True, at).zero for at in (5.0, 5.1, 5.0 + ZEROES, 5.1 + ZEROES)] == [True, True, True, False]
        assert not hold.due(False, 9.0).zero
        assert hold.due(True, 10.0).zero

    def test_what_the_base_drives_is_called_off_when_the_navigation_had_its_time_and_again_while_the_lock_lasts(self):
        hold = Hold()
        times = [5.0 + tenth / 10 for tenth in range(25)]
        called_off = [round(at - 5.0, 1) for at in times if hold.due(True, at).call_off]
        assert called_off == [pytest.approx(CALL_OFF_AFTER + n * CALL_OFF_AGAIN) for n in range(3)]
        assert CALL_OFF_AFTER < 1.0, "the robot must stand within a second"
        assert not hold.due(False, 8.0).call_off
        assert not hold.due(True, 9.0).call_off
