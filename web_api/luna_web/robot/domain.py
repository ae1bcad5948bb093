"""Decisions about robots that need neither database nor robot."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import cos, hypot, sin

from luna_web.robot.ports import Arrival, Outcome, Pose, RobotError, SeenDelivery, Stop
from luna_web.robot.seen import SILENT_SECONDS, RobotMode, SeenRobot
from luna_web.robot.wanted import StopState, WantedResume, WantedStop


class RobotStatus(StrEnum):
    """The coarse state that clients filter by; `RobotMode` refines it."""

    IDLE = "IDLE"
    BUSY = "BUSY"
    NAVIGATING = "NAVIGATING"
    ERROR = "ERROR"
    MAINTENANCE = "MAINTENANCE"


_STATUS_OF_MODE = {
    RobotMode.STARTING: RobotStatus.BUSY,
    RobotMode.ESTOPPED: RobotStatus.ERROR,
    RobotMode.RECOVERY: RobotStatus.ERROR,
    RobotMode.ERROR: RobotStatus.ERROR,
    RobotMode.MAINTENANCE: RobotStatus.MAINTENANCE,
    RobotMode.SUSPENDED: RobotStatus.BUSY,
    RobotMode.PAUSED: RobotStatus.BUSY,
    RobotMode.WAITING_LOAD: RobotStatus.BUSY,
    RobotMode.WAITING_UNLOAD: RobotStatus.BUSY,
    RobotMode.NAVIGATING: RobotStatus.NAVIGATING,
    RobotMode.CLEARING: RobotStatus.BUSY,
    RobotMode.CHARGING: RobotStatus.IDLE,
    RobotMode.DOCKED: RobotStatus.IDLE,
    RobotMode.IDLE: RobotStatus.IDLE,
    RobotMode.OFFLINE: RobotStatus.ERROR,
}


def status_of(mode: RobotMode) -> RobotStatus:
    return _STATUS_OF_MODE[mode]


def is_online(last_heartbeat: datetime | None, now: datetime) -> bool:
    """Whether the robot was heard lately, whatever its sockets say."""
    return last_heartbeat is not None and now - last_heartbeat <= timedelta(seconds=SILENT_SECONDS)


@dataclass(frozen=True, slots=True)
class StopWish:
    """What is wanted of a robot's emergency stop, and who may let it go on afterwards."""

    stop: WantedStop
    resume: WantedResume | None


HOME_WITHIN = 0.5
"""Metres from a home that is no dock within which a robot is there."""


BATTERY_FOR_NEW_DELIVERY = 0.20
"""The robot refuses below this; asking it would only waste the attempt."""


def needs_charge(robot: SeenRobot) -> bool:
    """Whether the robot should be on its dock, whatever else is wanted of it."""
    return robot.battery is not None and robot.battery < BATTERY_FOR_NEW_DELIVERY


OFF_DOCK = 1.0
"""Metres behind where it is docked that a robot waits when it shall stand off its dock."""


def off_dock(docked: Pose) -> Pose:
    """Where a robot that is docked here stands when it has backed off."""
    return Pose(docked.x - OFF_DOCK * cos(docked.yaw), docked.y - OFF_DOCK * sin(docked.yaw), docked.yaw)


def at_home(home: Stop | None, robot: SeenRobot) -> bool:
    """Whether there is nowhere to send this robot: it is docked, stands at its home, or has none."""
    if home is None or robot.docked:
        return True
    near = hypot(robot.pose.x - home.pose.x, robot.pose.y - home.pose.y) <= HOME_WITHIN
    return home.arrival is Arrival.NONE and near


def tells_of(asked_at: datetime | None, heard_at: datetime) -> bool:
    """Whether a status heard then can say anything of what a person asked for; an older one is overtaken."""
    return asked_at is None or heard_at > asked_at


def settle_stop(wish: StopWish, robot: SeenRobot) -> StopWish:
    """What is still wanted now that the robot shows this.

    A stop that is latched at the robot is taken over, whoever engaged it, so that what people see and release is the
    stop that holds. A release that has happened, and a resume that has, are done with.
    """
    if robot.estopped:
        return _settle_engaged(wish, robot)
    stop = WantedStop() if wish.stop.state is StopState.RELEASE else wish.stop
    return StopWish(stop, _still_wanted(wish.resume, robot))


def _settle_engaged(wish: StopWish, robot: SeenRobot) -> StopWish:
    stop = wish.stop
    if not robot.estop_id:  # held by a stop that it cannot name yet: nothing is settled by that
        return wish
    if stop.state is not StopState.NONE and stop.stop_id == robot.estop_id:
        return wish if stop.state is StopState.RELEASE else replace(wish, resume=None)
    latched = WantedStop(StopState.ENGAGE, robot.estop_id, robot.estop_reason, robot.estop_by)
    return StopWish(latched, None)


def _still_wanted(resume: WantedResume | None, robot: SeenRobot) -> WantedResume | None:
    if resume is None or not robot.suspended or robot.estop_id != resume.stop_id:
        return None
    return resume


_PASSING_REFUSALS = frozenset(
    {
        RobotError.STALE_EPOCH,
        RobotError.WRONG_BOOT,
        RobotError.BUSY,
        RobotError.SUSPENDED,
        RobotError.MAINTENANCE,
        RobotError.PAUSED,
        RobotError.NOT_LOCALIZED,
        RobotError.LINK_DOWN,
        RobotError.NAVIGATION_NOT_READY,
        RobotError.JOURNAL,
    }
)


def refused_for_good(seen: SeenDelivery) -> bool:
    """Whether the robot refused this goal for a reason that does not pass by itself while it is this robot's task."""
    return seen.outcome is Outcome.REJECTED and seen.error not in _PASSING_REFUSALS
