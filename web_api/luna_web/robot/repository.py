"""Every query of the robot service. Nothing here commits."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Row, Select, Text, bindparam, func, literal, or_, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session, undefer

from luna_web.robot.models import Map, Robot, RobotLease, RobotUsage, Waypoint
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
    """The living ones among these, by name."""
    found = _living_robots().where(Robot.id.in_(robot_ids)).order_by(Robot.robot_name)
    return session.scalars(found).all() if robot_ids else ()


def robot_for_update(session: Session, robot_id: UUID) -> Robot | None:
    """The robot's row, locked and read anew; waits for whoever holds it."""
    query = _living_robots().where(Robot.id == robot_id).with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def robots_for_update(session: Session) -> Sequence[Robot]:
    """All living robots, locked in the order of their ids, so that two who do this cannot block each other."""
    return session.scalars(
        _living_robots().order_by(Robot.id).with_for_update().execution_options(populate_existing=True)
    ).all()


def robot_by_name_for_update(session: Session, robot_name: str) -> Robot | None:
    """The robot of this name, also one that was taken out, locked."""
    query = select(Robot).where(Robot.robot_name == robot_name).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def hold_place(session: Session, waypoint_id: UUID) -> None:
    """Nobody else who does the same goes on before this transaction ends. What gets tasks there need not wait."""
    session.execute(select(Waypoint.id).where(Waypoint.id == waypoint_id).with_for_update(key_share=True))


def robots_at_home(session: Session, waypoint_id: UUID) -> Sequence[Robot]:
    """The living robots whose home this is, by name."""
    return session.scalars(
        _living_robots().where(Robot.home_waypoint_id == waypoint_id).order_by(Robot.robot_name)
    ).all()


def insert_lease(session: Session, robot_id: UUID) -> None:
    """A lease that nobody holds; one that is there already keeps its epoch."""
    session.execute(postgresql.insert(RobotLease).values(robot_id=robot_id, epoch=0).on_conflict_do_nothing())


def lock_lease(session: Session, robot_id: UUID) -> None:
    """Nobody acts for this robot until the transaction ends."""
    session.execute(select(RobotLease.epoch).where(RobotLease.robot_id == robot_id).with_for_update())


def end_lease(session: Session, robot_id: UUID) -> None:
    """Whoever leads this robot leads it no longer."""
    session.execute(
        update(RobotLease).where(RobotLease.robot_id == robot_id).values(holder=None, expires_at=func.clock_timestamp())
    )


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


def add_usage(
    session: Session, robot_id: UUID, quarter: datetime, metres: float, online_seconds: float, busy_seconds: float
) -> None:
    """Add to what the robot did in this quarter of an hour."""
    counts = {"distance": metres, "online_seconds": online_seconds, "busy_seconds": busy_seconds}
    added = postgresql.insert(RobotUsage).values(robot_id=robot_id, at=quarter, **counts)
    sums = {name: getattr(RobotUsage, name) + added.excluded[name] for name in counts}
    session.execute(added.on_conflict_do_update(index_elements=["robot_id", "at"], set_=sums))


def usage(session: Session, borders: Sequence[datetime], robot_id: UUID | None) -> Sequence[Row[Any]]:
    """What each robot did on each day: rows of robot_id, day (from 0), distance, online_seconds, busy_seconds."""
    day = func.width_bucket(RobotUsage.at, literal(list(borders), ARRAY(DateTime(timezone=True)))) - 1
    sums = [func.sum(getattr(RobotUsage, name)).label(name) for name in ("distance", "online_seconds", "busy_seconds")]
    query = select(RobotUsage.robot_id, day.label("day"), *sums).where(
        RobotUsage.at >= borders[0], RobotUsage.at < borders[-1]
    )
    if robot_id is not None:
        query = query.where(RobotUsage.robot_id == robot_id)
    return session.execute(query.group_by(RobotUsage.robot_id, text("day"))).all()


def names_of(session: Session, robot_ids: Collection[UUID]) -> dict[UUID, str]:
    """The names of these robots, also of those that were taken out."""
    rows = session.execute(select(Robot.id, Robot.robot_name).where(Robot.id.in_(robot_ids)))
    return {row.id: row.robot_name for row in rows}


def was_robot(session: Session, robot_id: UUID) -> bool:
    """Whether there is or was such a robot."""
    return session.get(Robot, robot_id) is not None


def write_goal_sent(session: Session, robot_id: UUID, goal: GoalSent) -> None:
    values = {
        "goal_task_id": UUID(goal.task_id),
        "goal_attempt": goal.attempt,
        "goal_journal_id": goal.journal_id,
    }
    session.execute(update(Robot).where(Robot.id == robot_id).values(**values))


def newest_map(session: Session) -> Map | None:
    """The floor in use: the one whose waypoints changed last."""
    return session.scalars(_newest_map()).one_or_none()


def newest_map_for_update(session: Session) -> Map | None:
    """The floor in use with its grid, locked: who changes its waypoints holds it first."""
    statement = _newest_map().options(undefer(Map.grid)).with_for_update().execution_options(populate_existing=True)
    return session.scalars(statement).one_or_none()


def _newest_map() -> Select[Map]:
    return select(Map).order_by(Map.updated_at.desc(), Map.id.desc()).limit(1)


def map_image(session: Session, map_id: UUID) -> bytes:
    return session.scalars(select(Map.image).where(Map.id == map_id)).one()


def waypoint_for_update(session: Session, waypoint_id: UUID) -> Waypoint | None:
    """The place, locked and read anew."""
    query = _living_waypoints().where(Waypoint.id == waypoint_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def count_active_waypoints(session: Session, map_id: UUID) -> int:
    active = _living_waypoints().where(Waypoint.map_id == map_id, Waypoint.is_active).subquery()
    return session.scalar(select(func.count()).select_from(active)) or 0


def map_by_name(session: Session, map_id: str) -> Map | None:
    return session.scalars(select(Map).where(Map.map_id == map_id).with_for_update()).one_or_none()


def waypoint(session: Session, waypoint_id: UUID) -> Waypoint | None:
    return session.scalars(_living_waypoints().where(Waypoint.id == waypoint_id)).one_or_none()


def places_of(session: Session, waypoint_ids: Collection[UUID]) -> dict[UUID, Waypoint]:
    """The living ones among these places."""
    if not waypoint_ids:
        return {}
    return {place.id: place for place in session.scalars(_living_waypoints().where(Waypoint.id.in_(waypoint_ids)))}


def codes_of(session: Session, waypoint_ids: Collection[UUID]) -> dict[UUID, str]:
    """The codes of these places, also of those that are gone."""
    if not waypoint_ids:
        return {}
    rows = session.execute(select(Waypoint.id, Waypoint.location_code).where(Waypoint.id.in_(waypoint_ids)))
    return {row.id: row.location_code for row in rows}


def waypoints_by_text(session: Session, code_or_name: str) -> Sequence[Waypoint]:
    """The living waypoints whose code or name this is, case aside; the code comes first.

    Held until the transaction ends (FOR KEY SHARE), so that none is moved or put out of use while it gets a task.
    """
    return session.scalars(_CALLED, {"wanted": code_or_name.strip().lower()}).all()


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


def _called() -> Select[Waypoint]:
    wanted = bindparam("wanted", type_=Text())
    by_code = func.lower(Waypoint.location_code) == wanted
    statement = _living_waypoints().where(or_(by_code, func.lower(Waypoint.name) == wanted))
    statement = statement.order_by(by_code.desc(), Waypoint.is_active.desc(), Waypoint.id)
    return statement.with_for_update(read=True, key_share=True).execution_options(populate_existing=True)


_CALLED = _called()
