"""What robots do with their time, in quarters of hours: every time zone's days begin with one. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import hypot

from luna_web.robot.seen import SILENT_SECONDS, SeenRobot

QUARTER = timedelta(minutes=15)
FASTEST = 2.0
"""m/s; what moves faster was carried, or found out that it is elsewhere."""
STILL = 0.01
"""m/s, below which a pose that wanders is noise."""


def moved(before: SeenRobot, after: SeenRobot) -> float:
    """Metres driven between two statuses."""
    if before.boot_id != after.boot_id or before.map_id != after.map_id or not (before.localized and after.localized):
        return 0.0
    if max(abs(before.linear_velocity), abs(after.linear_velocity)) < STILL:
        return 0.0
    metres = hypot(after.pose.x - before.pose.x, after.pose.y - before.pose.y)
    return metres if metres <= FASTEST * max(after.stamp - before.stamp, 0.0) else 0.0


def quarter_of(at: datetime) -> datetime:
    return at - timedelta(
        minutes=at.minute % 15, seconds=at.second, microseconds=at.microsecond
    )  # zones are off UTC by whole quarters, so this is one in each


def by_quarter(since: datetime | None, until: datetime) -> Mapping[datetime, float]:
    """Seconds of this time in each quarter. Nothing of a time over which the robot was not heard."""
    first = quarter_of(until)
    if since is None or not timedelta(0) < until - since <= timedelta(seconds=SILENT_SECONDS):
        return {first: 0.0}
    if since >= first:
        return {first: (until - since).total_seconds()}
    return {quarter_of(since): (first - since).total_seconds(), first: (until - first).total_seconds()}
