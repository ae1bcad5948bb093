"""Waypoints as the ends of a trip."""

from contextlib import suppress
from uuid import UUID

from sqlalchemy.orm import Session

from luna_web.book import service as books
from luna_web.delivery.domain.facts import Policy
from luna_web.delivery.domain.stops import PlacedAt, Plan, stop_to_json
from luna_web.delivery.models import DeliveryTask
from luna_web.robot import service as robots
from luna_web.robot.errors import LocationInactive, UnknownLocation
from luna_web.robot.ports import Pose
from luna_web.robot.service import WaypointView
from luna_web.shared.errors import ValidationFailed
from luna_web.shared.library_settings import Desks

READERS_KINDS = ("DESK", "STUDY")
HANDOVER_KINDS = ("DESK", "STUDY", "SHELF", "RETURN", "OTHER")
"""Nobody hands anything over on a dock."""


def for_readers(session: Session, words: str) -> WaypointView:
    """Where readers may send a robot. Raises UnknownLocation, LocationInactive."""
    return robots.resolve_waypoint(session, words, kinds=READERS_KINDS)


def desk_for(session: Session, copy_id: UUID, words: str | None, policy: Policy) -> WaypointView:
    """The desk that was named, else the copy's own, else (or where that is no place any more) the configured one.

    Raises UnknownLocation, LocationInactive.
    """
    home = None if words else books.get_copy(session, copy_id).home_desk
    if home is not None:
        with suppress(UnknownLocation, LocationInactive):
            return for_staff(session, home)
    return for_staff(session, words or policy.lending_desk)


def for_staff(session: Session, words: str) -> WaypointView:
    """Where staff may send a robot. Raises UnknownLocation, LocationInactive."""
    return robots.resolve_waypoint(session, words, kinds=HANDOVER_KINDS)


def by_id(session: Session, waypoint_id: UUID) -> WaypointView:
    return robots.waypoint_by_id(session, waypoint_id)


def placed(place: WaypointView) -> PlacedAt:
    return PlacedAt(place.location_code, Pose(place.x, place.y, place.yaw))


def returns_desk(session: Session, policy: Policy) -> WaypointView:
    """Where robots bring what readers give back. Raises UnknownLocation, LocationInactive."""
    return for_staff(session, policy.returns_desk)


class HandoverPlaces:
    """What the settings may name as desks: `luna_web.auth.ports.Floor`."""

    def check_desks(self, session: Session, before: Desks, after: Desks) -> None:
        """Held until the transaction ends, so that none is put out of use meanwhile."""
        old, new = before.model_dump(), after.model_dump()
        faults = {f"desks.{which}": _wrong_with(session, words) for which, words in new.items() if words != old[which]}
        if told := {field: [fault] for field, fault in faults.items() if fault}:
            raise ValidationFailed(told)


def _wrong_with(session: Session, words: str) -> str | None:
    try:
        for_staff(session, words)
    except UnknownLocation as unknown:
        near = ", ".join(unknown.details["suggestions"])
        return f"must be a waypoint, and no dock; nearest: {near}" if near else "must be a waypoint, and no dock"
    except LocationInactive:
        return "must be a waypoint that is in use"
    return None


def put_plan(task: DeliveryTask, plan: Plan) -> None:
    """The task keeps the poses as they are now."""
    task.stops = [stop_to_json(stop) for stop in plan.stops]
    task.fallback = stop_to_json(plan.fallback) if plan.fallback else None
    task.source_location = plan.stops[0].waypoint
    task.destination_location = plan.stops[-1].waypoint
