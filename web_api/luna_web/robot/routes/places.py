"""Waypoints: the places that people and tasks can name."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request
from starlette.responses import Response

from luna_web.robot import places, repository, service
from luna_web.robot.errors import NoGrid, NoMap, NotFree, PlaceTaken, TooManyPlaces, WaypointInUse, WaypointNotFound
from luna_web.robot.models import Waypoint
from luna_web.robot.places import Planner
from luna_web.robot.ports import DELIVERIES
from luna_web.robot.routes.calling import PREFIX, runtime_of
from luna_web.robot.schemas import NewPlace, PlaceChange, RemovedPlaceOut, WaypointOut
from luna_web.robot.views import waypoint_out
from luna_web.shared.envelope import created, ok, page
from luna_web.shared.errors import PreconditionFailed
from luna_web.shared.etags import etag
from luna_web.shared.guards import CurrentPrincipal
from luna_web.shared.library_settings import library_rules
from luna_web.shared.page_query import Paging
from luna_web.shared.paging import paginate
from luna_web.shared.preconditions import IfMatchHeader
from luna_web.shared.principal import any_user, staff
from luna_web.shared.request_meta import Meta
from luna_web.shared.routing import LunaRouter
from luna_web.shared.transactions import DbSession

router = LunaRouter(prefix=PREFIX, tags=["robot"])

WRONG = (NoMap, NoGrid, NotFree, PlaceTaken, TooManyPlaces)


async def _planner(session: DbSession, principal: CurrentPrincipal, meta: Meta, request: Request) -> Planner:
    runtime = runtime_of(request)
    return Planner(session, principal, meta, runtime.get(DELIVERIES), library_rules(runtime))


Planning = Annotated[Planner, Depends(_planner)]
Kind = Annotated[str | None, Query(pattern="^(DESK|STUDY|SHELF|RETURN|DOCK|OTHER)$")]


@router.get("/waypoints", rule=any_user, items=WaypointOut)
def list_waypoints(
    request: Request,
    session: DbSession,
    principal: CurrentPrincipal,
    paging: Paging,
    kind: Kind = None,
    is_active: bool | None = None,
) -> Response:
    """Places by code. Readers see the desks and study places that are in use."""
    active = True if not principal.is_staff else is_active
    kinds = service.visible_kinds(kind, is_staff=principal.is_staff)
    sorts = {"location_code": Waypoint.location_code, "name": Waypoint.name, "kind": Waypoint.kind}
    query = repository.select_waypoints(kinds=kinds, active=active)
    found = paginate(session, query, paging, sorts, default="location_code", tie=Waypoint.id)
    return page([waypoint_out(place) for place in found.items], found.pagination, request=request)


@router.get("/waypoints/{waypoint_id}", rule=any_user, data=WaypointOut, errors=(WaypointNotFound,))
def get_waypoint(waypoint_id: UUID, request: Request, session: DbSession, principal: CurrentPrincipal) -> Response:
    place = repository.waypoint(session, waypoint_id)
    hidden = place is not None and not (place.is_active and place.kind in service.READERS_KINDS)
    if place is None or (hidden and not principal.is_staff):
        raise WaypointNotFound()
    return _one(place, request)


@router.post("/waypoints", rule=staff, data=WaypointOut, status=201, errors=WRONG, idempotent=True)
def create_waypoint(wish: NewPlace, planner: Planning, request: Request) -> Response:
    """A place that tasks can name. Robots get it within seconds."""
    place = places.create(planner, wish)
    answer = created(waypoint_out(place), request=request, location=f"{PREFIX}/waypoints/{place.id}")
    answer.headers["ETag"] = etag(place.version)
    return answer


@router.put(
    "/waypoints/{waypoint_id}",
    rule=staff,
    data=WaypointOut,
    errors=(WaypointNotFound, WaypointInUse, PreconditionFailed, *WRONG),
)
def change_waypoint(
    waypoint_id: UUID, wish: PlaceChange, planner: Planning, request: Request, if_match: IfMatchHeader
) -> Response:
    """Change what is sent and nothing else. What a delivery or a robot's home is at stays where it is."""
    return _one(places.change(planner, waypoint_id, wish, if_match), request)


@router.delete(
    "/waypoints/{waypoint_id}",
    rule=staff,
    data=RemovedPlaceOut,
    errors=(WaypointNotFound, WaypointInUse, NoMap, PreconditionFailed),
)
def delete_waypoint(waypoint_id: UUID, planner: Planning, request: Request, if_match: IfMatchHeader) -> Response:
    place = places.delete(planner, waypoint_id, runtime_of(request).clock.now(), if_match)
    return ok({"id": place.id, "deleted_at": place.deleted_at}, request=request)


def _one(place: Waypoint, request: Request) -> Response:
    headers = {"ETag": etag(place.version), "Cache-Control": "no-store"}
    return ok(waypoint_out(place), request=request, headers=headers)
