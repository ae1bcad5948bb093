"""How robots are."""

from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from luna_web.robot import repository
from luna_web.robot.errors import RobotNotFound
from luna_web.robot.routes.calling import PREFIX, visible
from luna_web.robot.schemas import RobotOut
from luna_web.shared.envelope import ok
from luna_web.shared.errors import Forbidden
from luna_web.shared.guards import CurrentPrincipal
from luna_web.shared.principal import any_user
from luna_web.shared.routing import LunaRouter
from luna_web.shared.transactions import DbSession

router = LunaRouter(prefix=PREFIX, tags=["robot"])


@router.get("/status", rule=any_user, data=RobotOut, errors=(RobotNotFound,))
def get_status(
    request: Request, session: DbSession, principal: CurrentPrincipal, robot_id: UUID | None = None
) -> Response:
    """One robot: the one asked for, else the first by name. Readers see the robot of their own delivery only."""
    if robot_id is None:
        if not principal.is_staff:
            raise Forbidden()
        robots = repository.robots(session)
        if not robots:
            raise RobotNotFound()
        robot_id = robots[0].id
    return ok(visible(request, session, principal, robot_id), request=request)


@router.get("/status/{robot_id}", rule=any_user, data=RobotOut, errors=(RobotNotFound,))
def get_status_of(robot_id: UUID, request: Request, session: DbSession, principal: CurrentPrincipal) -> Response:
    return ok(visible(request, session, principal, robot_id), request=request)
