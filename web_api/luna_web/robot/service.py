"""Rules about robots and places. Each call belongs to the caller's transaction.

What is wanted of a robot is written here and wakes its controller (`NOTIFY luna_wanted`); nothing here talks to one.
"""

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.robot import events, repository
from luna_web.robot.errors import (
    AnotherStopEngaged,
    LocationInactive,
    NoMap,
    RobotBusy,
    RobotEstopped,
    RobotNotFound,
    UnknownLocation,
    WaypointNotFound,
)
from luna_web.robot.models import Map, Robot, Waypoint
from luna_web.robot.ports import DeliveryKind
from luna_web.robot.wanted import StopState
from luna_web.shared.outbox import WANTED_CHANNEL, notify

SUGGESTIONS = 5
READERS_KINDS = ("DESK", "STUDY")


@dataclass(frozen=True, slots=True)
class WaypointView:
    """A place that tasks can name; metres and radians in the frame `map`."""

    id: UUID
    location_code: str
    name: str
    kind: str
    x: float
    y: float
    z: float
    yaw: float
    is_active: bool


@dataclass(frozen=True, slots=True)
class RobotView:
    """What other services may know of a robot."""

    id: UUID
    robot_name: str
    mode: str
    current_location: str | None
    last_heartbeat: datetime | None


def resolve_waypoint(session: Session, given: str, *, kinds: Collection[str] | None = None) -> WaypointView:
    """The waypoint of this code or name, case aside, among these kinds.

    Raises UnknownLocation with the nearest matches, LocationInactive.
    """
    found = repository.waypoints_by_text(session, given)
    fitting = [place for place in found if kinds is None or place.kind in kinds]
    if not fitting:
        raise UnknownLocation(given, _suggestions(session, given, kinds))
    if not fitting[0].is_active:
        raise LocationInactive(fitting[0].location_code)
    return waypoint_view(fitting[0])


def waypoint_by_id(session: Session, waypoint_id: UUID) -> WaypointView:
    """Raises WaypointNotFound."""
    place = repository.waypoint(session, waypoint_id)
    if place is None:
        raise WaypointNotFound()
    return waypoint_view(place)


def waypoint_view(place: Waypoint) -> WaypointView:
    return WaypointView(
        id=place.id,
        location_code=place.location_code,
        name=place.name,
        kind=place.kind,
        x=place.x,
        y=place.y,
        z=place.z,
        yaw=place.yaw,
        is_active=place.is_active,
    )


def get_robot(session: Session, robot_id: UUID) -> RobotView:
    """Raises RobotNotFound."""
    robot = _robot(session, robot_id)
    return RobotView(robot.id, robot.robot_name, robot.mode, robot.current_location, robot.last_heartbeat)


def names(session: Session, robot_ids: Collection[UUID]) -> dict[UUID, str]:
    """What these robots are called, also those that are gone."""
    return repository.robot_names(session, robot_ids)


def whereabouts(session: Session, robot_id: UUID) -> str | None:
    """The waypoint that the robot was nearest to when it was heard last; None while that is not known."""
    row = repository.robot(session, robot_id)
    return row.current_location if row else None


def robot_for_display(session: Session, robot_id: UUID | None) -> RobotView | None:
    """The robot as lists show it; None where a task has none, or had one that is gone."""
    row = repository.robot(session, robot_id) if robot_id else None
    return get_robot(session, row.id) if row else None


def floor(session: Session) -> Map:
    """Raises NoMap."""
    row = repository.newest_map(session)
    if row is None:
        raise NoMap()
    return row


def ask_stop(session: Session, robot_id: UUID, *, stop_id: str, reason: str, by: str, at: datetime) -> str:
    """Want this robot stopped; the id of the stop that holds, since one that is engaged stays. Raises RobotNotFound."""
    robot = _locked(session, robot_id)
    if robot.stop_state == StopState.ENGAGE and robot.stop_id:
        return robot.stop_id
    robot.stop_state, robot.stop_id, robot.stop_since = StopState.ENGAGE, stop_id, at
    robot.stop_reason, robot.stop_by = reason, by
    robot.resume_id = robot.resume_by = None
    robot.wish_at = at
    events.stop_engaged(session, robot)
    _wake(session, robot_id)
    return stop_id


def ask_release(session: Session, robot_id: UUID, *, stop_id: str, by: str, at: datetime) -> None:
    """Want this very stop released. Raises RobotNotFound, AnotherStopEngaged. A stop that is released is no error."""
    robot = _locked(session, robot_id)
    engaged = engaged_stop(robot)
    if engaged is None or (robot.stop_state == StopState.RELEASE and robot.stop_id == stop_id):
        return
    if stop_id not in (engaged, robot.stop_id):
        raise AnotherStopEngaged(engaged)
    robot.stop_state, robot.stop_id, robot.stop_by = StopState.RELEASE, engaged, by
    robot.wish_at = at
    events.stop_release_asked(session, robot)
    _wake(session, robot_id)


def release_everywhere(session: Session, *, stop_id: str, by: str, at: datetime) -> Sequence[UUID]:
    """Want this stop released wherever it is engaged; the robots that it is released on."""
    locked = repository.robots_for_update(session)
    robots = [robot for robot in locked if stop_id in (engaged_stop(robot), robot.stop_id)]
    for robot in robots:
        ask_release(session, robot.id, stop_id=stop_id, by=by, at=at)
    return [robot.id for robot in robots]


def ask_resume(session: Session, robot_id: UUID, *, by: str, at: datetime) -> None:
    """Let the robot go on: after a released stop, and after a pause. Raises RobotNotFound, RobotEstopped."""
    robot = _locked(session, robot_id)
    engaged = engaged_stop(robot)
    if engaged is not None and robot.stop_state != StopState.RELEASE:
        raise RobotEstopped(engaged)
    observed = robot.observed or {}
    released = robot.stop_id or (observed.get("estop_id") if observed.get("suspended") else None)
    robot.resume_id, robot.resume_by = (str(released), by) if released else (None, None)
    robot.paused, robot.settings_by = False, by
    robot.wish_at = at
    _wake(session, robot_id)


def ask_pause(session: Session, robot_id: UUID, *, by: str) -> None:
    """Want the robot to finish its leg and start nothing new. Raises RobotNotFound."""
    robot = _locked(session, robot_id)
    robot.paused, robot.settings_by = True, by
    _wake(session, robot_id)


def standing_still(session: Session, robot_ids: Collection[UUID | None]) -> frozenset[UUID]:
    """Those of these robots that an emergency stop holds, or that have not been resumed after one."""
    known = repository.robots_of(session, [robot_id for robot_id in robot_ids if robot_id is not None])
    return frozenset(
        robot.id
        for robot in known
        if engaged_stop(robot) is not None or (robot.observed or {}).get("suspended", False)
    )


def ask_home(session: Session, robot_id: UUID, *, has_task: bool) -> None:
    """Want the robot at its dock. Raises RobotNotFound, RobotBusy."""
    robot = _locked(session, robot_id)
    if has_task:
        raise RobotBusy()
    robot.send_home = not (robot.observed or {}).get("docked", False)
    robot.undock = False
    _wake(session, robot_id)


def ask_undock(session: Session, robot_id: UUID, *, has_task: bool) -> None:
    """Want the robot off its dock, until it is sent home, gets a delivery, or needs charge.

    Raises RobotNotFound, RobotBusy, RobotEstopped.
    """
    robot = _locked(session, robot_id)
    if has_task:
        raise RobotBusy()
    engaged = engaged_stop(robot)
    if engaged is not None:
        raise RobotEstopped(engaged)
    robot.undock, robot.send_home = True, False
    _wake(session, robot_id)


def ask_maintenance(session: Session, robot_id: UUID, *, maintenance: bool, by: str) -> None:
    """Want the robot in maintenance, or back in service. Raises RobotNotFound.

    A delivery in hand is finished first; nothing new is given to it meanwhile.
    """
    robot = _locked(session, robot_id)
    robot.maintenance, robot.settings_by = maintenance, by
    _wake(session, robot_id)


def visible_kinds(kind: str | None, *, is_staff: bool) -> Collection[str] | None:
    """The kinds of places to list where `kind` is asked for; None = all."""
    if kind is None:
        return None if is_staff else READERS_KINDS
    return [kind] if is_staff or kind in READERS_KINDS else []


def is_released(robot: Robot) -> bool:
    return robot.stop_state == StopState.NONE and not (robot.observed or {}).get("estopped", False)


def goes_on(robot: Robot) -> bool:
    observed = robot.observed or {}
    return robot.resume_id is None and not observed.get("suspended", True) and not observed.get("paused", True)


def is_paused(robot: Robot) -> bool:
    return bool((robot.observed or {}).get("paused", False))


def is_off_dock(robot: Robot) -> bool:
    return not (robot.observed or {}).get("docked", True)


def is_in_maintenance(robot: Robot) -> bool:
    return bool((robot.observed or {}).get("maintenance", False))


def is_in_service(robot: Robot) -> bool:
    return not (robot.observed or {}).get("maintenance", True)


def goes_home(robot: Robot) -> bool:
    observed = robot.observed or {}
    parks = observed.get("kind") == DeliveryKind.PARK and observed.get("delivery_id")
    return bool(observed.get("docked") or parks)


def engaged_stop(robot: Robot) -> str | None:
    """The stop that holds this robot, by what it says itself, else by what is wanted; None = none."""
    observed = robot.observed or {}
    if observed.get("estopped") and observed.get("estop_id"):
        return str(observed["estop_id"])
    return robot.stop_id if robot.stop_state == StopState.ENGAGE else None


def _suggestions(session: Session, given: str, kinds: Collection[str] | None) -> list[str]:
    """The codes whose code or name is nearest to what was given."""
    known: dict[str, str] = {}
    for place in repository.active_waypoints(session, kinds):
        known[place.name.lower()] = known[place.location_code.lower()] = place.location_code
    near = difflib.get_close_matches(given.strip().lower()[:120], known, n=2 * SUGGESTIONS, cutoff=0.4)
    return list(dict.fromkeys(known[text] for text in near))[:SUGGESTIONS]


def _robot(session: Session, robot_id: UUID) -> Robot:
    row = repository.robot(session, robot_id)
    if row is None:
        raise RobotNotFound()
    return row


def _locked(session: Session, robot_id: UUID) -> Robot:
    row = repository.robot_for_update(session, robot_id)
    if row is None:
        raise RobotNotFound()
    return row


def _wake(session: Session, robot_id: UUID) -> None:
    session.flush()
    notify(session, WANTED_CHANNEL, str(robot_id))
