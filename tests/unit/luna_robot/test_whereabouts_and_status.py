"""Frames, localisation, battery, waypoints, deadlines, and the mode that the robot tells."""

from __future__ import annotations

import json
import math
import socket
from dataclasses import replace
from typing import Any

import pytest

from luna_robot.battery import Battery, BatteryLimits
from luna_robot.calibration import NotThere, Standing, as_json, place_at
from luna_robot.delivery.codec import decode
from luna_robot.delivery.events import BatteryLevel
from luna_robot.delivery.model import Cargo, ExecutorState, Phase
from luna_robot.faults import Fault, Severity
from luna_robot.geometry import Pose, quaternion_of_yaw, wrap, yaw_of_quaternion
from luna_robot.navigation.deadlines import Deadlines
from luna_robot.navigation.localization import Localization, LocalizationLimits
from luna_robot.navigation.transforms import Transform, TransformTree
from luna_robot.notify import notify
from luna_robot.status import Mode, mode_of, own_faults
from luna_robot.stopwatch import Stopwatch
from luna_robot.waypoints import Waypoint, WaypointTable
from tests.unit.luna_robot.bench import WELL, bench_at


class TestGeometry:
    @pytest.mark.parametrize(
        ("angle", "same"), [(3 * math.pi, math.pi), (-math.pi, math.pi), (math.pi, math.pi), (-7.0, -7.0 + 2 * math.pi)]
    )
    def test_an_angle_is_wrapped(self, angle, same):
        assert wrap(angle) == pytest.approx(same)

    def test_a_heading_survives_its_quaternion(self):
        assert yaw_of_quaternion(*quaternion_of_yaw(2.5)) == pytest.approx(2.5)

    def test_a_pose_is_composed_with_a_step_in_its_own_frame(self):
        there = Pose(1.0, 2.0, math.pi / 2).then(Pose(3.0, 0.0, math.pi))
        assert (there.x, there.y, there.yaw) == pytest.approx((1.0, 5.0, -math.pi / 2))


class TestTransforms:
    def test_the_robot_is_found_through_the_chain(self):
        tree = TransformTree()
        tree.put(Transform("base_footprint", "base_link", Pose(0.0, 0.0, 0.0)))
        tree.put(Transform("odom", "base_footprint", Pose(1.0, 0.0, 0.0)))
        assert tree.pose_of("base_link", "map") is None
        tree.put(Transform("map", "odom", Pose(5.0, 5.0, math.pi / 2)))
        found = tree.pose_of("base_link", "map")
        assert found is not None and (found.x, found.y) == pytest.approx((5.0, 6.0))

    def test_the_newest_transform_counts(self):
        tree = TransformTree()
        tree.put(Transform("map", "odom", Pose(1.0, 0.0, 0.0)))
        tree.put(Transform("map", "odom", Pose(2.0, 0.0, 0.0)))
        assert tree.pose_of("odom", "map") == Pose(2.0, 0.0, 0.0)

    def test_a_loop_leads_nowhere(self):
        tree = TransformTree()
        tree.put(Transform("a", "b", Pose(0.0, 0.0, 0.0)))
        tree.put(Transform("b", "a", Pose(0.0, 0.0, 0.0)))
        assert tree.pose_of("a", "map") is None


class TestLocalization:
    def localized(self) -> Localization:
        localization = Localization(LocalizationLimits())
        localization.observe_covariance(0.01, 0.01, 0.01)
        localization.observe_transform(1, 0.0)
        return localization

    def test_it_needs_a_transform_and_a_small_covariance(self):
        localization = Localization(LocalizationLimits())
        assert not localization.localized(0.0)
        localization.observe_transform(1, 0.0)
        assert not localization.localized(0.0)
        localization.observe_covariance(0.01, 0.01, 0.01)
        assert localization.localized(0.0)

    def test_silence_ends_it(self):
        assert not self.localized().localized(1.6)

    def test_a_transform_that_repeats_itself_is_no_news(self):
        localization = self.localized()
        localization.observe_transform(1, 1.0)
        assert not localization.localized(1.6)
        localization.observe_transform(2, 1.6)
        assert localization.localized(1.6)

    def test_a_pose_that_was_just_given_counts_once_a_scan_has_confirmed_it(self):
        """The variances are those of RViz's 2D Pose Estimate, and of AMCL where it was told none."""
        given = 0.5**2, 0.5**2, (math.pi / 12.0) ** 2
        for limits in (LocalizationLimits(), LocalizationLimits(position_variance=given[0])):
            localization = Localization(limits)
            localization.observe_transform(1, 0.0)
            localization.observe_covariance(*given)
            assert not localization.localized(0.0)
            localization.observe_covariance(0.06, 0.06, 0.02)
            assert localization.localized(0.0)

    @pytest.mark.parametrize("variances", [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (math.nan, 0.0, 0.0)])
    def test_an_uncertain_pose_is_not_trusted(self, variances):
        localization = self.localized()
        localization.observe_covariance(*variances)
        assert not localization.localized(0.0)


class TestBattery:
    def level(self, *percentages: float) -> BatteryLevel:
        battery = Battery(BatteryLimits(), 0.0)
        for percentage in percentages:
            battery.observe(percentage, False, 0.0)
        return battery.level(0.0)

    @pytest.mark.parametrize(
        ("percentage", "level"),
        [
            (1.0, BatteryLevel.GOOD),
            (0.2, BatteryLevel.GOOD),
            (0.19, BatteryLevel.LOW),
            (0.11, BatteryLevel.RESERVE),
            (0.05, BatteryLevel.EMPTY),
        ],
    )
    def test_levels(self, percentage, level):
        assert self.level(percentage) is level

    def test_a_level_is_left_upwards_only_with_a_margin(self):
        assert self.level(0.19, 0.21) is BatteryLevel.LOW
        assert self.level(0.19, 0.23) is BatteryLevel.GOOD

    def test_unknown_before_the_first_reading(self):
        assert self.level() is BatteryLevel.UNKNOWN
        assert self.level(math.nan) is BatteryLevel.UNKNOWN

    def test_a_good_battery_that_is_not_heard_of_any_more_is_unknown_and_a_bad_one_stays_bad(self):
        battery = Battery(BatteryLimits(), 0.0)
        battery.observe(0.9, True, 0.0)
        assert (battery.level(30.0), battery.level(31.0)) == (BatteryLevel.GOOD, BatteryLevel.UNKNOWN)
        battery.observe(0.01, False, 31.0)
        assert battery.level(99.0) is BatteryLevel.EMPTY


class TestStopwatch:
    def test_it_counts_what_the_clock_moves_on(self):
        watch = Stopwatch()
        assert [watch.look(now) for now in (5.0, 6.0, 6.5)] == [0.0, 1.0, 0.5]
        assert watch.total == 1.5

    def test_a_clock_that_is_not_there_yet_tells_nothing(self):
        watch = Stopwatch()
        assert [watch.look(now) for now in (0.0, 0.0, 1.8e9, 1.8e9 + 1.0)] == [0.0, 0.0, 0.0, 1.0]

    def test_jumps_and_steps_back_do_not_count(self):
        watch = Stopwatch()
        assert [watch.look(now) for now in (10.0, 500.0, 400.0, 401.0)] == [0.0, 0.0, 0.0, 1.0]


class TestWaypoints:
    table = WaypointTable("m", 1, (Waypoint("A", "a", Pose(0, 0, 0)), Waypoint("B", "b", Pose(5, 0, 0))))

    def test_found_by_code(self):
        found = self.table.find("b")
        assert found is not None and found.name == "b"
        assert self.table.find("c") is None

    def test_the_nearest(self):
        nearest = self.table.nearest(Pose(4, 1, 0))
        assert nearest is not None and nearest.location_code == "B"
        assert WaypointTable().nearest(Pose(0, 0, 0)) is None


class FakeCall:
    def __init__(self) -> None:
        self.callbacks: list[Any] = []

    def add_done_callback(self, callback: Any) -> None:
        self.callbacks.append(callback)

    def answer(self) -> None:
        for callback in self.callbacks:
            callback(self)


class TestDeadlines:
    def test_they_come_when_due_and_not_when_dropped(self):
        deadlines, came = Deadlines(), []
        deadlines.poll(10.0)
        deadlines.after(5.0, lambda: came.append("a"))
        dropped = deadlines.after(5.0, lambda: came.append("b"))
        deadlines.drop(dropped)
        deadlines.drop(dropped)
        deadlines.poll(14.9)
        assert came == []
        deadlines.poll(15.0)
        deadlines.poll(99.0)
        assert came == ["a"]

    def test_all_answers_or_the_end_of_the_time_once(self):
        deadlines, came = Deadlines(), []
        first, second = FakeCall(), FakeCall()
        deadlines.gather([first, second], 5.0, came.append)
        first.answer()
        first.answer()
        assert came == []
        second.answer()
        deadlines.poll(9.0)
        assert came == [True]

    def test_an_answer_after_the_end_of_the_time_is_past(self):
        deadlines, came = Deadlines(), []
        call = FakeCall()
        deadlines.gather([call], 5.0, came.append)
        deadlines.poll(5.0)
        call.answer()
        assert came == [False]

    def test_nothing_to_wait_for_is_done(self):
        came: list[bool] = []
        Deadlines().gather([], 5.0, came.append)
        assert came == [True]


GRAVE = Fault("X", Severity.CRITICAL, "x")


class TestMode:
    def mode(self, state: ExecutorState, faults: tuple[Fault, ...] = (), charging: bool = False, **facts: Any) -> Mode:
        return mode_of(state, replace(WELL, **facts), faults, False, charging)

    def test_starting_comes_first(self):
        assert mode_of(ExecutorState(), WELL, (), True, False) is Mode.STARTING

    @pytest.mark.parametrize(
        ("changes", "mode"),
        [
            ({}, Mode.IDLE),
            ({"paused": True}, Mode.PAUSED),
            ({"paused": True, "suspended": True}, Mode.SUSPENDED),
            ({"suspended": True, "maintenance": True}, Mode.MAINTENANCE),
            ({"maintenance": True, "estopped": True}, Mode.ESTOPPED),
        ],
    )
    def test_the_first_that_applies(self, changes, mode):
        assert self.mode(replace(ExecutorState(), **changes)) is mode

    @pytest.mark.parametrize(
        ("phase", "mode"),
        [
            (Phase.TO_PICKUP, Mode.NAVIGATING),
            (Phase.AWAITING_LOAD, Mode.WAITING_LOAD),
            (Phase.AWAITING_UNLOAD, Mode.WAITING_UNLOAD),
            (Phase.TO_FALLBACK, Mode.NAVIGATING),
            (Phase.AWAITING_FALLBACK_UNLOAD, Mode.WAITING_UNLOAD),
        ],
    )
    def test_a_delivery_in_hand(self, phase, mode):
        assert self.mode(bench_at(phase).state) is mode

    def test_recovery_goes_before_faults_and_faults_before_the_rest(self):
        bench = bench_at(Phase.TO_DROPOFF)
        assert self.mode(bench.state, (GRAVE,)) is Mode.ERROR
        bench.lose_pose_at_start()
        assert self.mode(bench.state, (GRAVE,)) is Mode.RECOVERY

    def test_at_home(self):
        assert self.mode(ExecutorState(), charging=True, docked=True) is Mode.CHARGING
        assert self.mode(ExecutorState(), docked=True) is Mode.DOCKED


NEW = ExecutorState()


class TestOwnFaults:
    def codes(self, state: ExecutorState = NEW, error: str = "", missing: tuple[str, ...] = (), **facts: Any):
        return {f.code: f.severity for f in own_faults(state, replace(WELL, **facts), error, missing)}

    def test_a_robot_that_is_well_has_none(self):
        assert self.codes() == {}

    @pytest.mark.parametrize(
        ("facts", "code"),
        [
            ({"safety_known": False}, "SAFETY_SILENT"),
            ({"localized": False}, "NOT_LOCALIZED"),
            ({"link_up": False}, "LINK_DOWN"),
            ({"battery": BatteryLevel.LOW}, "BATTERY_LOW"),
        ],
    )
    def test_what_is_wrong_is_said(self, facts, code):
        assert list(self.codes(**facts)) == [code]

    def test_journal_and_navigation(self):
        assert set(self.codes(error="disk full", missing=("navigate_to_pose",))) == {"JOURNAL", "NAVIGATION_NOT_READY"}

    def test_an_item_that_nobody_has_accounted_for(self):
        assert "CARGO_LEFT" in self.codes(ExecutorState(cargo=Cargo.PRESENT))

    def test_an_empty_battery_is_grave_unless_it_is_being_charged(self):
        assert self.codes(battery=BatteryLevel.EMPTY)["BATTERY_EMPTY"] is Severity.CRITICAL
        assert self.codes(battery=BatteryLevel.EMPTY, docked=True)["BATTERY_EMPTY"] is Severity.URGENT


class TestNotify:
    def test_nobody_listens(self, monkeypatch):
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
        assert not notify(READY="1")
        monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/at/all")
        assert not notify(READY="1")

    @pytest.mark.parametrize("abstract", [False, True])
    def test_somebody_listens(self, monkeypatch, tmp_path, abstract):

        name = f"@luna-test-{tmp_path.name}" if abstract else str(tmp_path / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
            server.bind("\0" + name[1:] if abstract else name)
            server.settimeout(2.0)
            monkeypatch.setenv("NOTIFY_SOCKET", name)
            assert notify(READY="1", STATUS="serving")
            assert server.recv(100) == b"READY=1\nSTATUS=serving"


class TestCodec:
    def test_a_wrong_type_is_an_error(self):
        with pytest.raises(TypeError):
            decode(Pose, {"x": "1", "y": 2.0, "yaw": 0.0})
        with pytest.raises(ValueError, match="77"):
            decode(ExecutorState, {"cargo": 77})

    def test_a_whole_number_is_a_float_where_one_is_meant(self):
        assert decode(Pose, {"x": 1, "y": 2.0, "yaw": 0.0}) == Pose(1.0, 2.0, 0.0)


class TestCalibration:
    STANDING = Standing(Pose(2.0, 3.0, 0.5), localized=True)

    def test_a_click_on_the_robot_is_where_it_stands(self):
        place = place_at("map", 2.2, 3.1, self.STANDING)
        assert json.loads(as_json("STUDY-11", place)) == {
            "location_code": "STUDY-11", "x_coordinate": 2.0, "y_coordinate": 3.0, "yaw": 0.5
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("frame", "x", "robot", "why"),
        [
            ("odom", 2.0, STANDING, "fixed frame"),
            ("map", 9.0, STANDING, "7.0 m from the robot"),
            ("map", math.nan, STANDING, "from the robot"),
            ("map", 2.0, None, "not been heard"),
            ("map", 2.0, replace(STANDING, localized=False), "initial pose"),
            ("map", 2.0, replace(STANDING, linear=0.2), "still moves"),
        ],
    )
    def test_any_other_click_is_refused_with_what_to_do(self, frame, x, robot, why):
        with pytest.raises(NotThere, match=why):
            place_at(frame, x, 3.0, robot)
