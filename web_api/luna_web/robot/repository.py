"""Every query of the robot service. Nothing here commits."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, insert, or_, select, text, update
from sqlalchemy.orm import Session, undefer

from luna_web.robot.models import Map, Robot, RobotLease, Waypoint
from luna_web.robot.wanted import GoalSent

LEASE_SECONDS = 4
"""By the database's clock; renewed every second."""


def robots(session: Session) -> Sequence[Robot]:
    """The living robots by name."""
    return session.scalars(_living_robots().order_by(Robot.robot_name)).all()


def robot(session: Session, robot_id: UUID) -> Robot | None:
    return session.scalars(_living_robots().where(Robot.id == robot_id)).one_or_none()


def other_led_robots(session: Session, robot_id: UUID, heard_since: datetime) -> Sequence[Robot]:
    """The other robots that somebody leads now and that were heard since then."""
    led = select(RobotLease.robot_id).where(
        RobotLease.holder.is_not(None), RobotLease.expires_at > func.clock_timestamp()
    )
    query = _living_robots().where(Robot.id != robot_id, Robot.id.in_(led), Robot.last_heartbeat >= heard_since)
    return session.scalars(query.order_by(Robot.id).execution_options(populate_existing=True)).all()


def robot_names(session: Session, robot_ids: Collection[UUID]) -> dict[UUID, str]:
    if not robot_ids:
        return {}
    query = select(Robot.id, Robot.robot_name).where(Robot.id.in_(robot_ids))
    return {row.id: row.robot_name for row in session.execute(query)}


def robots_of(session: Session, robot_ids: Collection[UUID]) -> Sequence[Robot]:
    """The living ones among these."""
    return session.scalars(_living_robots().where(Robot.id.in_(robot_ids))).all() if robot_ids else ()


def robot_for_update(session: Session, robot_id: UUID) -> Robot | None:
    """The robot's row, locked and read anew; waits for whoever holds it."""
    query = _living_robots().where(Robot.id == robot_id).with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def robots_for_update(session: Session) -> Sequence[Robot]:
    """All living robots, locked in the order of their ids, so that two who do this cannot block each other."""
    return session.scalars(
        _living_robots().order_by(Robot.id).with_for_update().execution_options(populate_existing=True)
    ).all()


def robot_by_name(session: Session, robot_name: str) -> Robot | None:
    return session.scalars(select(Robot).where(Robot.robot_name == robot_name)).one_or_none()


def insert_lease(session: Session, robot_id: UUID) -> None:
    session.execute(insert(RobotLease).values(robot_id=robot_id, epoch=0))


def acquire_lease(session: Session, robot_id: UUID, holder: UUID) -> int | None:
    """Lead this robot from now on if nobody does; the new epoch, or None."""
    statement = text(
        "UPDATE robot_leases SET holder = :holder, epoch = epoch + 1,"
        " expires_at = clock_timestamp() + make_interval(secs => :seconds)"
        " WHERE robot_id = :robot_id AND expires_at < clock_timestamp() RETURNING epoch"
    )
    values = {"holder": holder, "robot_id": robot_id, "seconds": LEASE_SECONDS}
    return session.execute(statement, values).scalar_one_or_none()


def renew_lease(session: Session, robot_id: UUID, holder: UUID, epoch: int) -> bool:
    """Keep leading. False = the lease is lost, and this transaction must not commit anything."""
    statement = text(
        "UPDATE robot_leases SET expires_at = clock_timestamp() + make_interval(secs => :seconds)"
        " WHERE robot_id = :robot_id AND holder = :holder AND epoch = :epoch"
        " AND expires_at > clock_timestamp() RETURNING true"
    )
    values = {"holder": holder, "robot_id": robot_id, "epoch": epoch, "seconds": LEASE_SECONDS}
    return session.execute(statement, values).scalar_one_or_none() is not None


def release_lease(session: Session, robot_id: UUID, holder: UUID, epoch: int) -> None:
    session.execute(
        update(RobotLease)
        .where(RobotLease.robot_id == robot_id, RobotLease.holder == holder, RobotLease.epoch == epoch)
        .values(holder=None, expires_at=func.clock_timestamp())
    )


def write_observed(session: Session, robot_id: UUID, values: dict[str, Any]) -> None:
    session.execute(update(Robot).where(Robot.id == robot_id).values(**values))


def write_goal_sent(session: Session, robot_id: UUID, goal: GoalSent) -> None:
    values = {
        "goal_task_id": UUID(goal.task_id),
        "goal_attempt": goal.attempt,
        "goal_journal_id": goal.journal_id,
    }
    session.execute(update(Robot).where(Robot.id == robot_id).values(**values))


def newest_map(session: Session, *, with_image: bool = False) -> Map | None:
    """The floor in use: the one whose waypoints changed last."""
    statement = select(Map).order_by(Map.updated_at.desc(), Map.id.desc()).limit(1)
    return session.scalars(statement.options(undefer(Map.image)) if with_image else statement).one_or_none()


def map_by_name(session: Session, map_id: str) -> Map | None:
    return session.scalars(select(Map).where(Map.map_id == map_id).with_for_update()).one_or_none()


def waypoint(session: Session, waypoint_id: UUID) -> Waypoint | None:
    return session.scalars(_living_waypoints().where(Waypoint.id == waypoint_id)).one_or_none()


def waypoints_by_text(session: Session, code_or_name: str) -> Sequence[Waypoint]:
    """The living waypoints whose code or name this is, case aside; the code comes first."""
    wanted = code_or_name.strip().lower()
    by_code = func.lower(Waypoint.location_code) == wanted
    statement = _living_waypoints().where(or_(by_code, func.lower(Waypoint.name) == wanted))
    return session.scalars(statement.order_by(by_code.desc(), Waypoint.is_active.desc(), Waypoint.id)).all()


def waypoints_of(session: Session, map_id: UUID) -> Sequence[Waypoint]:
    return session.scalars(_living_waypoints().where(Waypoint.map_id == map_id).order_by(Waypoint.location_code)).all()


def active_waypoints(session: Session, kinds: Collection[str] | None = None) -> Sequence[Waypoint]:
    statement = _living_waypoints().where(Waypoint.is_active)
    if kinds is not None:
        statement = statement.where(Waypoint.kind.in_(kinds))
    return session.scalars(statement.order_by(Waypoint.location_code)).all()


def select_waypoints(*, kinds: Collection[str] | None, active: bool | None) -> Select[Waypoint]:
    """For a paged list; None = whether or not."""
    statement = _living_waypoints()
    if kinds is not None:
        statement = statement.where(Waypoint.kind.in_(kinds))
    return statement if active is None else statement.where(Waypoint.is_active == active)


def select_robots() -> Select[Robot]:
    """For a paged list."""
    return _living_robots()


def _living_robots() -> Select[Robot]:
    return select(Robot).where(Robot.deleted_at.is_(None))


def _living_waypoints() -> Select[Waypoint]:
    return select(Waypoint).where(Waypoint.deleted_at.is_(None))
