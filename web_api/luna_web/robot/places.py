"""Places as librarians make, move and remove them: on free floor alone, and never under a task or a robot's home.

The desks that the settings name can be moved, but stay to be found: without them no book is brought or collected.

Who changes the places of a floor holds the floor's row first, so that its version grows with each change.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.robot import repository
from luna_web.robot.errors import (
    NoGrid,
    NoMap,
    NotFree,
    PlaceTaken,
    TooManyPlaces,
    WaypointInUse,
    WaypointNotFound,
)
from luna_web.robot.grid import Frame, Grid
from luna_web.robot.models import Map, Robot, Waypoint
from luna_web.robot.ports import Deliveries
from luna_web.robot.schemas import NewPlace, PlaceChange
from luna_web.shared.audit import RequestMeta, audit
from luna_web.shared.changes import changed, check_version, unique
from luna_web.shared.etags import IfMatch
from luna_web.shared.ids import new_id
from luna_web.shared.library_settings import LibraryRules
from luna_web.shared.outbox import WANTED_CHANNEL, notify
from luna_web.shared.principal import Principal

RADIUS = 0.22
"""Metres around the centre of a TurtleBot 4, with a margin; what a robot needs that says nothing else."""
MOST = 1000
"""Of what a robot's list of places holds (`SetWaypoints`)."""
CODE_KEY, NAME_KEY = "waypoints_living_code_key", "waypoints_living_name_key"
USED = frozenset({"location_code", "kind", "x", "y", "z", "yaw", "is_active"})
"""What tasks and homes rely on."""
COLUMNS = {"x_coordinate": "x", "y_coordinate": "y", "z_coordinate": "z", "metadata": "details"}


@dataclass(frozen=True, slots=True)
class Planner:
    """One librarian's call."""

    session: Session
    principal: Principal
    meta: RequestMeta
    deliveries: Deliveries
    rules: LibraryRules

    def audit(self, action: str, place: Waypoint, changes: Mapping[str, Any]) -> None:
        audit(self.session, self.principal, action, "waypoint", place.id, changes, self.meta)


def create(planner: Planner, wish: NewPlace) -> Waypoint:
    """Raises NoMap, NoGrid, NotFree, PlaceTaken, TooManyPlaces."""
    floor = _locked_floor(planner.session)
    values = _columns(wish.model_dump())
    place = Waypoint(id=new_id(), map_id=floor.id, of_floor=False, **values)
    _check_texts(planner.session, place)
    _check_stands(planner.session, floor, place)
    _check_count(planner.session, floor, place)
    planner.session.add(place)
    _flush(planner.session, place)
    planner.audit("waypoint.create", place, wish.model_dump(mode="json"))
    _tell_robots(planner.session, floor)
    return place


def change(planner: Planner, waypoint_id: UUID, wish: PlaceChange, if_match: IfMatch | None) -> Waypoint:
    """Change what was sent. Raises WaypointNotFound, PreconditionFailed, WaypointInUse, and what `create` raises."""
    floor = _locked_floor(planner.session)
    place = _locked(planner.session, waypoint_id)
    check_version(if_match, place.version)
    desks = _desks_at(planner, place)
    differences = changed(place, _columns(wish.model_dump(exclude_none=True)))
    if not differences:
        return place
    with planner.session.no_autoflush:
        if not differences.keys().isdisjoint(USED):
            before = differences.get("location_code", [place.location_code])[0]
            was_active = bool(differences.get("is_active", [place.is_active])[0])
            only_opened = place.is_active and differences.keys() & USED == {"is_active"}
            if not only_opened:
                _check_unused(planner, place.id, str(before), was_active=was_active)
        _check_desks(desks, place)
        if not differences.keys().isdisjoint({"location_code", "name"}):
            _check_texts(planner.session, place)
        if not differences.keys().isdisjoint({"x", "y", "is_active"}) and place.is_active:
            _check_stands(planner.session, floor, place)
        if "is_active" in differences:
            _check_count(planner.session, floor, place)
    place.version += 1
    _flush(planner.session, place)
    planner.audit("waypoint.update", place, differences)
    if differences.keys() != {"details"}:
        _tell_robots(planner.session, floor)
    return place


def delete(planner: Planner, waypoint_id: UUID, now: datetime, if_match: IfMatch | None) -> Waypoint:
    """Take a place out; its row stays for the tasks that were there.

    Raises WaypointNotFound, PreconditionFailed, WaypointInUse.
    """
    floor = _locked_floor(planner.session)
    place = _locked(planner.session, waypoint_id)
    check_version(if_match, place.version)
    _check_unused(planner, place.id, place.location_code, was_active=True)
    desks = _desks_at(planner, place)
    place.deleted_at, place.is_active = now, False
    _check_desks(desks, place)
    place.version += 1
    planner.session.flush()
    planner.audit("waypoint.delete", place, {"location_code": place.location_code, "name": place.name})
    _tell_robots(planner.session, floor)
    return place


def radius_of(robots: Sequence[Robot]) -> float:
    """Metres that the widest of these robots needs around its centre."""
    return max((float(robot.limits.get("radius", RADIUS)) for robot in robots), default=RADIUS)


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    return {COLUMNS.get(name, name): value for name, value in values.items()}


def _check_stands(session: Session, floor: Map, place: Waypoint) -> None:
    if floor.grid is None:
        raise NoGrid()
    grid = Grid(floor.grid, Frame(floor.resolution, floor.origin_x, floor.origin_y, floor.origin_yaw))
    radius = radius_of(repository.robots(session))
    if grid.stands(place.x, place.y, radius):
        return
    problem = f"no free floor for {radius:g} m around it" if grid.inside(place.x, place.y) else "outside of the map"
    nearest = grid.nearest(place.x, place.y, radius)
    raise NotFree(problem, (round(nearest[0], 3), round(nearest[1], 3)) if nearest else None)


def _check_unused(planner: Planner, waypoint_id: UUID, location_code: str, *, was_active: bool) -> None:
    tasks = planner.deliveries.unfinished_at(planner.session, location_code) if was_active else ()
    robots = repository.robots_at_home(planner.session, waypoint_id)
    if tasks or robots:
        raise WaypointInUse([str(task_id) for task_id in tasks], [robot.robot_name for robot in robots])


def _desks_at(planner: Planner, place: Waypoint) -> Mapping[str, str]:
    """The settings that name this place as a desk, each with the text by which it does."""
    desks = planner.rules.read(planner.session).desks.model_dump()
    return {f"desks.{which}": text for which, text in desks.items() if _is_desk(place, text)}


def _check_desks(desks: Mapping[str, str], place: Waypoint) -> None:
    """WaypointInUse where one of these texts leads here no more. The place is locked, as it is by who names it."""
    if lost := [setting for setting, text in desks.items() if not _is_desk(place, text)]:
        raise WaypointInUse(settings=lost)


def _is_desk(place: Waypoint, text: str) -> bool:
    called = text.strip().lower() in (place.location_code.lower(), place.name.lower())
    return called and place.is_active and place.kind != "DOCK"


def _check_texts(session: Session, place: Waypoint) -> None:
    """PlaceTaken, with what would be free; the indexes decide races. A code is also taken by another's name."""
    for field, value in (("location_code", place.location_code), ("name", place.name)):
        if _others(session, place, value):
            free = (text for text in _variants(value) if not _others(session, place, text))
            raise PlaceTaken(field, value, next(itertools.islice(free, 1), None))


def _others(session: Session, place: Waypoint, text: str) -> bool:
    return any(other.id != place.id for other in repository.waypoints_by_text(session, text))


def _variants(text: str) -> Iterator[str]:
    """`DESK-1` gives DESK-2, DESK-3, …; what has no number gets one."""
    stem = text.rstrip("0123456789")
    joint = "" if stem != text else "-" if " " not in text else " "
    first = int(text[len(stem) :] or 1) + 1
    return (f"{stem}{joint}{number}" for number in range(first, first + 100))


def _check_count(session: Session, floor: Map, place: Waypoint) -> None:
    if place.is_active and repository.count_active_waypoints(session, floor.id) >= MOST:
        raise TooManyPlaces(MOST)


def _flush(session: Session, place: Waypoint) -> None:
    code, name = place.location_code, place.name  # a row that could not be written can't be asked any more
    code_taken = unique(CODE_KEY, lambda: PlaceTaken("location_code", code, None))
    name_taken = unique(NAME_KEY, lambda: PlaceTaken("name", name, None))
    with code_taken, name_taken:
        session.flush()


def _tell_robots(session: Session, floor: Map) -> None:
    floor.waypoints_version += 1
    session.flush()
    notify(session, WANTED_CHANNEL, "*")


def _locked_floor(session: Session) -> Map:
    floor = repository.newest_map_for_update(session)
    if floor is None:
        raise NoMap()
    return floor


def _locked(session: Session, waypoint_id: UUID) -> Waypoint:
    place = repository.waypoint_for_update(session, waypoint_id)
    if place is None:
        raise WaypointNotFound()
    return place
