"""The driver of legs, against a navigator whose every answer the test gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from luna_robot.delivery.events import LegEnded, LegResult
from luna_robot.delivery.machine import Leg
from luna_robot.delivery.model import Arrival
from luna_robot.geometry import Pose
from luna_robot.navigation.driver import NOT_READY_TRIES, Doing, LegDriver, RetryPolicy, Situation
from luna_robot.navigation.port import DriveResult, DriveStatus, OnDone, Progress

HERE = Pose(0.0, 0.0, 0.0)
DESK = Leg(1, "DESK-1", Pose(5.0, 0.0, 0.0), Arrival.NONE)
TABLE = Leg(2, "STUDY-1", Pose(9.0, 0.0, 0.0), Arrival.NONE)
DOCK = Leg(3, "DOCK-1", Pose(0.2, 0.0, 0.0), Arrival.DOCK)


class FakeDrive:
    def __init__(self, what: str, pose: Pose | None, on_done: OnDone) -> None:
        self.what, self.pose, self.on_done = what, pose, on_done
        self.progress = Progress()
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True

    def end(self, status: DriveStatus, message: str = "") -> None:
        self.on_done(DriveResult(status, 0, message))


class FakeNavigator:
    def __init__(self) -> None:
        self.drives: list[FakeDrive] = []
        self.clearings: list[Callable[[], None]] = []
        self.answers = True
        self.callings_off: list[Callable[[bool], None]] = []

    def missing(self) -> tuple[str, ...]:
        return ()

    def go_to(self, pose: Pose, on_done: OnDone) -> FakeDrive:
        return self._drive("go_to", pose, on_done)

    def dock(self, pose: Pose, on_done: OnDone) -> FakeDrive:
        return self._drive("dock", pose, on_done)

    def undock(self, on_done: OnDone) -> FakeDrive:
        return self._drive("undock", None, on_done)

    def path_length(self, goal: Pose, on_done: Callable[[float | None], None]) -> None:
        on_done(None)

    def clear_costmaps(self, on_done: Callable[[], None]) -> None:
        self.clearings.append(on_done)

    def cancel_all(self, on_done: Callable[[bool], None]) -> None:
        if self.answers:
            on_done(True)
        else:
            self.callings_off.append(on_done)

    def poll(self, now: float) -> None:
        """No deadlines here."""

    def _drive(self, what: str, pose: Pose | None, on_done: OnDone) -> FakeDrive:
        self.drives.append(FakeDrive(what, pose, on_done))
        return self.drives[-1]


class Rig:
    def __init__(self, docked: bool = False) -> None:
        self.navigator = FakeNavigator()
        self.ended: list[LegEnded] = []
        self.driver = LegDriver(self.navigator, RetryPolicy(3, 2.0, 60.0, 0.3), self.ended.append)
        self.now = 0.0
        self.docked = docked
        self.at(HERE)

    def at(self, pose: Pose | None, after: float = 0.0) -> None:
        self.now += after
        self.driver.observe(Situation(self.now, pose, self.docked))

    @property
    def drive(self) -> FakeDrive:
        return self.navigator.drives[-1]

    @property
    def asked(self) -> list[str]:
        return [drive.what for drive in self.navigator.drives]

    def fail_once(self) -> None:
        self.drive.end(DriveStatus.FAILED, "no path")
        if self.navigator.clearings:
            self.navigator.clearings.pop()()
            self.at(HERE, after=2.0)


def test_it_drives_to_the_place_and_says_when_it_is_there():
    rig = Rig()
    rig.driver.want(DESK)
    assert (rig.asked, rig.drive.pose) == (["go_to"], DESK.pose)
    rig.drive.end(DriveStatus.SUCCEEDED)
    assert rig.ended == [LegEnded(1, LegResult.ARRIVED)]


def test_a_leg_that_has_ended_is_not_driven_again():
    rig = Rig()
    rig.driver.want(DESK)
    rig.drive.end(DriveStatus.SUCCEEDED)
    rig.driver.want(DESK)
    assert rig.asked == ["go_to"]


def test_a_leg_of_another_executor_is_another_leg_whatever_its_number():
    rig = Rig()
    before, after = replace(DESK, boot_id="before"), replace(DESK, boot_id="after", pose=TABLE.pose)
    rig.driver.want(before)
    rig.driver.want(None)
    rig.driver.want(after)
    rig.drive.end(DriveStatus.SUCCEEDED)
    assert rig.ended == [LegEnded(1, LegResult.ARRIVED, boot_id="before")]
    assert rig.drive.pose == TABLE.pose
    rig.drive.end(DriveStatus.SUCCEEDED)
    assert rig.ended[-1] == LegEnded(1, LegResult.ARRIVED, boot_id="after")


def test_wanting_the_same_again_changes_nothing():
    rig = Rig()
    rig.driver.want(DESK)
    rig.driver.want(DESK)
    assert rig.asked == ["go_to"]


def test_standing_on_the_dock_it_undocks_first():
    rig = Rig(docked=True)
    rig.driver.want(DESK)
    assert rig.asked == ["undock"]
    rig.drive.end(DriveStatus.SUCCEEDED)
    assert rig.asked == ["undock", "go_to"]


def test_wanted_elsewhere_while_undocking_it_goes_there():
    rig = Rig(docked=True)
    rig.driver.want(DESK)
    rig.driver.want(TABLE)
    rig.drive.end(DriveStatus.SUCCEEDED)
    assert rig.drive.pose == TABLE.pose


def test_docking_is_an_arrival():
    rig = Rig()
    rig.driver.want(DOCK)
    assert rig.asked == ["dock"]
    rig.drive.end(DriveStatus.SUCCEEDED)
    assert rig.ended == [LegEnded(3, LegResult.ARRIVED)]


def test_docked_there_already_it_has_arrived():
    rig = Rig(docked=True)
    rig.driver.want(DOCK)
    assert (rig.asked, rig.ended) == ([], [LegEnded(3, LegResult.ARRIVED)])


def test_stopped_it_cancels_and_starts_again_when_wanted():
    rig = Rig()
    rig.driver.want(DESK)
    rig.driver.want(None)
    assert rig.drive.cancelled and rig.driver.doing is Doing.HALTING
    rig.driver.want(DESK)
    assert rig.asked == ["go_to"]
    rig.drive.end(DriveStatus.CANCELED)
    assert rig.asked == ["go_to", "go_to"]
    assert rig.ended == []


def test_an_arrival_that_beats_the_cancel_counts():
    rig = Rig()
    rig.driver.want(DESK)
    rig.driver.want(None)
    rig.drive.end(DriveStatus.SUCCEEDED)
    assert rig.ended == [LegEnded(1, LegResult.ARRIVED)]


def test_another_place_replaces_the_one_driven_to_at_once():
    rig = Rig()
    rig.driver.want(DESK)
    first = rig.drive
    rig.driver.want(TABLE)
    assert rig.drive.pose == TABLE.pose
    first.end(DriveStatus.PREEMPTED)
    assert rig.ended == []


def test_from_docking_it_halts_before_it_goes_elsewhere():
    rig = Rig()
    rig.driver.want(DOCK)
    rig.driver.want(DESK)
    assert rig.drive.cancelled and rig.asked == ["dock"]
    rig.drive.end(DriveStatus.CANCELED)
    assert rig.asked == ["dock", "go_to"]


def test_another_policy_holds_from_the_next_leg_on():
    rig = Rig()
    rig.driver.want(DESK)
    rig.driver.adopt(RetryPolicy(1, 2.0, 60.0, 0.3))
    rig.fail_once()
    assert (rig.asked, rig.ended) == (["go_to"] * 2, [])
    rig.drive.end(DriveStatus.SUCCEEDED)
    rig.driver.want(TABLE)
    rig.fail_once()
    assert rig.ended[-1] == LegEnded(TABLE.number, LegResult.FAILED, "no path")


def test_it_tries_again_with_clean_costmaps_and_gives_up_in_the_end():
    rig = Rig()
    rig.driver.want(DESK)
    rig.fail_once()
    rig.fail_once()
    assert rig.asked == ["go_to"] * 3
    rig.fail_once()
    assert rig.ended == [LegEnded(1, LegResult.FAILED, "no path")]


def test_every_leg_has_its_own_attempts():
    rig = Rig()
    rig.driver.want(DESK)
    rig.fail_once()
    rig.fail_once()
    rig.driver.want(TABLE)
    rig.fail_once()
    assert rig.ended == []


def test_a_drive_that_was_lost_counts_as_failed():
    rig = Rig()
    rig.driver.want(DESK)
    rig.drive.end(DriveStatus.LOST)
    assert rig.driver.doing is Doing.CLEARING


def test_a_halt_that_nobody_confirms_is_asked_for_until_somebody_does():
    rig = Rig()
    rig.navigator.answers = False
    rig.driver.want(DESK)
    rig.driver.want(None)
    rig.drive.end(DriveStatus.LOST)
    rig.navigator.callings_off.pop()(False)
    rig.driver.want(TABLE)
    assert (rig.asked, rig.driver.doing) == (["go_to"], Doing.CALLING_OFF)
    rig.navigator.callings_off.pop()(True)
    assert (rig.asked, rig.drive.pose) == (["go_to", "go_to"], TABLE.pose)
    assert rig.navigator.callings_off == []


def test_a_drive_that_was_lost_is_not_tried_again_before_everything_is_called_off():
    rig = Rig()
    rig.navigator.answers = False
    rig.driver.want(DESK)
    rig.drive.end(DriveStatus.LOST)
    assert rig.navigator.clearings == []
    rig.navigator.callings_off.pop()(True)
    assert rig.driver.doing is Doing.CLEARING


def test_an_undocking_that_does_not_get_away_is_tried_again():
    rig = Rig(docked=True)
    rig.driver.want(DESK)
    rig.at(Pose(0.1, 0.0, 0.0), after=60.0)
    assert rig.drive.cancelled
    rig.drive.end(DriveStatus.CANCELED)
    assert rig.driver.doing is Doing.CLEARING


def test_stopped_while_the_costmaps_are_cleared_it_stays():
    rig = Rig()
    rig.driver.want(DESK)
    rig.drive.end(DriveStatus.FAILED)
    rig.driver.want(None)
    rig.navigator.clearings.pop()()
    rig.at(HERE, after=10.0)
    assert rig.asked == ["go_to"]
    rig.driver.want(DESK)
    assert rig.asked == ["go_to", "go_to"]


def test_a_failure_after_it_was_stopped_is_no_attempt():
    rig = Rig()
    rig.driver.want(DESK)
    rig.at(HERE, after=60.0)
    rig.driver.want(None)
    rig.drive.end(DriveStatus.FAILED)
    assert rig.driver.doing is Doing.NOTHING


def test_wanted_elsewhere_while_pausing_it_goes_at_once():
    rig = Rig()
    rig.driver.want(DESK)
    rig.drive.end(DriveStatus.FAILED)
    rig.navigator.clearings.pop()()
    rig.driver.want(TABLE)
    assert rig.drive.pose == TABLE.pose


@pytest.mark.parametrize("status", [DriveStatus.PREEMPTED, DriveStatus.CANCELED])
def test_another_client_took_over(status):
    rig = Rig()
    rig.driver.want(DESK)
    rig.drive.end(status)
    assert rig.ended[0].result is LegResult.PREEMPTED


def test_without_displacement_for_a_minute_it_tries_again():
    rig = Rig()
    rig.driver.want(DESK)
    rig.at(Pose(0.2, 0.0, 0.0), after=59.0)
    assert not rig.drive.cancelled
    rig.at(Pose(0.2, 0.1, 0.0), after=1.0)
    assert rig.drive.cancelled
    rig.drive.end(DriveStatus.CANCELED)
    assert rig.driver.doing is Doing.CLEARING


def test_stuck_on_every_attempt_it_says_so():
    rig = Rig()
    rig.driver.want(DESK)
    for _ in range(3):
        rig.at(HERE, after=60.0)
        rig.drive.end(DriveStatus.CANCELED)
        if rig.navigator.clearings:
            rig.navigator.clearings.pop()()
            rig.at(HERE, after=2.0)
    assert rig.ended[0].result is LegResult.NO_PROGRESS


def test_displacement_keeps_the_watchdog_quiet():
    rig = Rig()
    rig.driver.want(DESK)
    for step in range(1, 10):
        rig.at(Pose(0.3 * step, 0.0, 0.0), after=50.0)
    assert not rig.drive.cancelled


def test_without_a_pose_the_watchdog_runs_on():
    rig = Rig()
    rig.driver.want(DESK)
    rig.at(None, after=60.0)
    assert rig.drive.cancelled


def test_a_clock_that_is_set_back_does_not_upset_the_watchdog():
    rig = Rig()
    rig.at(HERE, after=1000.0)
    rig.driver.want(DESK)
    rig.at(HERE, after=-900.0)
    rig.at(HERE, after=59.0)
    assert not rig.drive.cancelled


def test_progress_is_the_navigators_else_the_straight_line():
    rig = Rig()
    assert rig.driver.progress == Progress()
    rig.driver.want(DESK)
    assert rig.driver.progress.distance_remaining == 5.0
    rig.drive.progress = Progress(7.5, 30.0, 1)
    assert rig.driver.progress == Progress(7.5, 30.0, 1)


def test_a_stop_calls_off_what_others_have_sent_before_anything_is_driven_again():
    rig = Rig()
    rig.navigator.answers = False
    rig.driver.call_off_all()
    rig.driver.want(DESK)
    assert rig.asked == []
    rig.navigator.callings_off.pop()(False)
    rig.navigator.callings_off.pop()(True)
    assert rig.asked == ["go_to"]


def test_a_stop_calls_off_the_others_when_the_own_drive_has_ended():
    rig = Rig()
    rig.navigator.answers = False
    rig.driver.want(DESK)
    rig.driver.call_off_all()
    rig.driver.want(None)
    assert rig.drive.cancelled and not rig.navigator.callings_off
    rig.drive.end(DriveStatus.CANCELED)
    rig.driver.want(DESK)
    assert rig.asked == ["go_to"]
    rig.navigator.callings_off.pop()(True)
    assert rig.asked == ["go_to", "go_to"]


def test_a_stop_while_it_waits_to_try_again_calls_off_the_others_too():
    rig = Rig()
    rig.navigator.answers = False
    rig.driver.want(DESK)
    rig.drive.end(DriveStatus.FAILED, "no path")
    rig.driver.call_off_all()
    rig.navigator.clearings.pop()()
    assert rig.driver.doing is Doing.CALLING_OFF
    rig.navigator.callings_off.pop()(True)
    assert rig.asked == ["go_to", "go_to"]


def test_a_server_that_is_not_active_costs_no_try():
    rig = Rig()
    rig.driver.want(DESK)
    for _ in range(5):
        rig.drive.end(DriveStatus.NOT_READY)
        rig.driver.want(None)
        rig.driver.want(DESK)
    rig.drive.end(DriveStatus.NOT_READY)
    assert (rig.driver.doing, rig.ended, rig.navigator.clearings) == (Doing.PAUSING, [], [])
    rig.at(HERE, after=2.0)
    for _ in range(2):
        rig.fail_once()
    assert rig.ended == []
    rig.fail_once()
    assert rig.ended == [LegEnded(1, LegResult.FAILED, "no path")]


def test_a_server_that_never_becomes_active_is_a_failure_in_the_end():
    rig = Rig()
    rig.driver.want(DESK)
    for _ in range(NOT_READY_TRIES):
        rig.drive.end(DriveStatus.NOT_READY, "not active")
        rig.at(HERE, after=2.0)
    for _ in range(3):
        rig.drive.end(DriveStatus.NOT_READY, "not active")
        for cleared in rig.navigator.clearings[-1:]:
            cleared()
        rig.at(HERE, after=2.0)
    assert rig.ended == [LegEnded(1, LegResult.FAILED, "not active")]
