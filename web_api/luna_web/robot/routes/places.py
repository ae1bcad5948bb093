"""Waypoints: the places that people and tasks can name."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from starlette.responses import Response

from luna_web.robot import repository, service
from luna_web.robot.errors import WaypointNotFound
from luna_web.robot.models import Waypoint
from luna_web.robot.routes.calling import PREFIX
from luna_web.robot.schemas import WaypointOut
from luna_web.robot.views import waypoint_out
from luna_web.shared.database import DbSession
from luna_web.shared.envelope import ok, page
from luna_web.shared.paging import Paging, paginate
from luna_web.shared.principal import CurrentPrincipal, any_user
from luna_web.shared.routing import LunaRouter

router = LunaRouter(prefix=PREFIX, tags=["robot"])

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
    return ok(waypoint_out(place), request=request)
