"""The status log of robots: written on every change and every ten seconds, kept in monthly partitions."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select, tuple_
from sqlalchemy.orm import Session

from luna_web.robot.incidents import LogKind
from luna_web.robot.models import Robot, RobotStatusLog, RobotUsage

EVERY = timedelta(seconds=10)
MONTHS_AHEAD = 3
KEPT = timedelta(days=90)
FORGOTTEN_AT_ONCE = 1000


def log_status(session: Session, robot: Robot, at: datetime, kinds: Sequence[LogKind]) -> None:
    """Write down what the robot's row says now, if anything changed or the last row is ten seconds old."""
    due = robot.logged_at is None or at - robot.logged_at >= EVERY
    if not kinds and not due:
        return
    observed = robot.observed or {}
    robot.logged_at = at
    session.execute(
        insert(RobotStatusLog).values(
            robot_id=robot.id,
            at=at,
            kinds=[kind.value for kind in kinds or (LogKind.SAMPLE,)],
            mode=robot.mode,
            x=robot.x,
            y=robot.y,
            yaw=robot.yaw,
            battery_level=robot.battery_level,
            current_location=robot.current_location,
            delivery_id=observed.get("delivery_id") or None,
            estop_id=(observed.get("estop_id") or None) if observed.get("estopped") else None,
            faults=[fault["code"] for fault in observed.get("faults", ())],
        )
    )


def make_partitions(session: Session, now: datetime) -> int:
    """A periodic job: partitions for this month and the next two; how many were made."""
    return session.scalar(select(func.robot_status_logs_ahead(now.date(), MONTHS_AHEAD))) or 0


def forget_old(session: Session, now: datetime, kept: timedelta = KEPT) -> int:
    """A periodic job: drop the months that were over `kept` (a day at least) ago; how many."""
    return session.scalar(select(func.robot_status_logs_forget(now - max(kept, timedelta(days=2))))) or 0


def forget_usage(session: Session, before: datetime) -> int:
    """A periodic job: delete what robots did in quarters of hours before that, a bounded number; how many."""
    key = (RobotUsage.robot_id, RobotUsage.at)
    old = select(*key).where(RobotUsage.at < before).limit(FORGOTTEN_AT_ONCE).with_for_update(skip_locked=True)
    gone = session.execute(delete(RobotUsage).where(tuple_(*key).in_(old)).returning(RobotUsage.at))
    return len(gone.all())
