"""How far robots drive, and which quarters of hours their time belongs to."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_web.robot.ports import Pose
from luna_web.robot.seen import SILENT_SECONDS, SeenRobot
from luna_web.robot.usage import QUARTER, by_quarter, moved, quarter_of
from tests.unit.web.robot.examples import robot

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def driving(x: float, stamp: float, **changes: object) -> SeenRobot:
    return robot(pose=Pose(x, 0.0, 0.0), stamp=stamp, linear_velocity=0.4, **changes)


def test_a_robot_that_drives_covers_ground() -> None:
    assert moved(driving(1.0, 10.0), driving(1.4, 11.0)) == pytest.approx(0.4)


@pytest.mark.parametrize(
    "after",
    [
        driving(9.0, 11.0),
        driving(1.4, 9.0),
        driving(1.4, 11.0, localized=False),
        driving(1.4, 11.0, boot_id="another"),
        driving(1.4, 11.0, map_id="another"),
    ],
    ids=["lifted", "clock set back", "lost", "restarted", "another floor"],
)
def test_what_is_no_driving_counts_for_nothing(after: SeenRobot) -> None:
    assert moved(driving(1.0, 10.0), after) == 0.0


def test_a_pose_that_wanders_while_the_robot_stands_counts_for_nothing() -> None:
    still, wandered = robot(stamp=1.0), robot(pose=Pose(1.02, 1.0, 0.0), stamp=2.0)
    assert moved(still, wandered) == 0.0


def test_time_across_a_border_is_split_there() -> None:
    assert by_quarter(NOON - timedelta(seconds=1), NOON + timedelta(seconds=2)) == {NOON - QUARTER: 1.0, NOON: 2.0}


def test_time_in_which_the_robot_was_silent_is_nobodys() -> None:
    assert by_quarter(NOON, NOON + timedelta(seconds=SILENT_SECONDS + 1)) == {NOON: 0.0}
    assert by_quarter(None, NOON) == {NOON: 0.0}
    assert by_quarter(NOON + timedelta(seconds=1), NOON) == {NOON: 0.0}


@given(st.integers(0, 86_400_000), st.floats(0.001, SILENT_SECONDS))
def test_nothing_is_lost_and_nothing_counted_twice(milliseconds: int, seconds: float) -> None:
    since = NOON + timedelta(milliseconds=milliseconds)
    until = since + timedelta(seconds=seconds)
    shares = by_quarter(since, until)
    assert sum(shares.values()) == pytest.approx((until - since).total_seconds())
    assert all(quarter_of(quarter) == quarter for quarter in shares)
