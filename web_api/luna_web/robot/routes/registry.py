"""Which robots there are, and what waits for them."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from luna_web.robot import registry, repository
from luna_web.robot.errors import (
    HomeTaken,
    LocationInactive,
    RegistrationTaken,
    RobotBusy,
    RobotNotEmpty,
    RobotNotFound,
    UnknownLocation,
)
from luna_web.robot.expecting import expected_robots
from luna_web.robot.models import Robot
from luna_web.robot.ports import DELIVERIES, DELIVERY_DESK
from luna_web.robot.registry import Registrar
from luna_web.robot.routes.calling import PREFIX, runtime_of, shown
from luna_web.robot.schemas import NewRobot, QueuedTaskOut, RegisteredRobotOut, RemovedRobotOut, RobotChange
from luna_web.robot.views import queued_out, registered_robot_out
from luna_web.shared.envelope import created, ok, page
from luna_web.shared.errors import PreconditionFailed, ValidationFailed
from luna_web.shared.etags import etag
from luna_web.shared.guards import CurrentPrincipal
from luna_web.shared.page_query import Paging
from luna_web.shared.paging import paginate
from luna_web.shared.preconditions import IfMatchHeader
from luna_web.shared.principal import Principal, Role, admin, staff
from luna_web.shared.request_meta import Meta
from luna_web.shared.routing import LunaRouter
from luna_web.shared.transactions import DbSession

router = LunaRouter(prefix=PREFIX, tags=["robot"])
WRONG = (RegistrationTaken, UnknownLocation, LocationInactive, HomeTaken)


async def _registrar(session: DbSession, principal: CurrentPrincipal, meta: Meta, request: Request) -> Registrar:
    runtime = runtime_of(request)
    settings = runtime.settings
    desk = runtime.get(DELIVERY_DESK)
    return Registrar(session, principal, meta, desk, settings.encryption_key, settings.bridge_hosts)


Lost = Annotated[bool, Query(description="It will not come back: what was left with it is no obstacle")]
Registering = Annotated[Registrar, Depends(_registrar)]


@router.get("/robots", rule=staff, items=RegisteredRobotOut)
def list_robots(request: Request, session: DbSession, principal: CurrentPrincipal, paging: Paging) -> Response:
    """All robots, as `/status` shows each; administrators also see how they are reached."""
    sorts = {"robot_name": Robot.robot_name, "status": Robot.status, "created_at": Robot.created_at}
    found = paginate(session, repository.select_robots(), paging, sorts, default="robot_name", tie=Robot.id)
    return page(_registered(request, session, principal, found.items), found.pagination, request=request)


@router.get("/robots/{robot_id}", rule=staff, data=RegisteredRobotOut, errors=(RobotNotFound,))
def get_robot(robot_id: UUID, request: Request, session: DbSession, principal: CurrentPrincipal) -> Response:
    """One robot. The ETag covers its registration, not what it does."""
    robot = repository.robot(session, robot_id)
    if robot is None:
        raise RobotNotFound()
    return _one(request, session, principal, robot)


@router.post("/robots", rule=admin, data=RegisteredRobotOut, status=201, errors=WRONG, idempotent=True)
def register_robot(wish: NewRobot, registrar: Registering, request: Request) -> Response:
    """Make a robot known. LUNA connects to it within seconds."""
    robot = registry.register(registrar, wish)
    (out,) = _registered(request, registrar.session, registrar.principal, [robot])
    answer = created(out, request=request, location=f"{PREFIX}/robots/{robot.id}")
    answer.headers["ETag"] = etag(robot.registration_version)
    return answer


@router.put(
    "/robots/{robot_id}", rule=admin, data=RegisteredRobotOut, errors=(RobotNotFound, PreconditionFailed, *WRONG)
)
def change_robot(
    robot_id: UUID, wish: RobotChange, registrar: Registering, request: Request, if_match: IfMatchHeader
) -> Response:
    """Change what is sent and nothing else. With `If-Match` only the version that the caller has seen."""
    robot = registry.change(registrar, robot_id, wish, if_match)
    return _one(request, registrar.session, registrar.principal, robot)


@router.delete(
    "/robots/{robot_id}",
    rule=admin,
    data=RemovedRobotOut,
    errors=(RobotNotFound, RobotBusy, RobotNotEmpty, PreconditionFailed),
)
def delete_robot(
    robot_id: UUID, registrar: Registering, request: Request, if_match: IfMatchHeader, lost: Lost = False
) -> Response:
    """Take a robot out, unless it has a delivery in hand or anything of one is left with it. What it did stays."""
    robot = registry.delete(registrar, robot_id, runtime_of(request).clock.now(), if_match, lost=lost)
    return ok({"id": robot.id, "deleted_at": robot.deleted_at}, request=request)


@router.get("/tasks", rule=staff, items=QueuedTaskOut)
def list_queue(request: Request, session: DbSession, paging: Paging) -> Response:
    """The tasks that wait for a robot, in the order in which robots take them: by priority and how long they waited."""
    runtime = runtime_of(request)
    if paging.sort is not None or paging.order is not None:
        raise ValidationFailed({"sort": ["the queue has one order: that in which robots take it"]})
    queue = runtime.get(DELIVERIES).queue(session, paging)
    robots = repository.robots(session)
    busy = runtime.get(DELIVERY_DESK).tasks_in_hand(session, [robot.id for robot in robots])
    expected = expected_robots(queue.items, robots, busy) if paging.page == 1 else {}
    items = [
        queued_out(task, position, expected.get(task.task_id))
        for position, task in enumerate(queue.items, start=paging.offset + 1)
    ]
    return page(items, queue.pagination, request=request)


def _one(request: Request, session: Session, principal: Principal, robot: Robot) -> Response:
    (out,) = _registered(request, session, principal, [robot])
    headers = {"ETag": etag(robot.registration_version), "Cache-Control": "no-store"}
    return ok(out, request=request, headers=headers)


def _registered(
    request: Request, session: Session, principal: Principal, robots: Sequence[Robot]
) -> list[RegisteredRobotOut]:
    codes = {}
    if principal.role is Role.ADMIN:
        codes = repository.codes_of(session, [robot.home_waypoint_id for robot in robots if robot.home_waypoint_id])
    return [
        registered_robot_out(out, robot if principal.role is Role.ADMIN else None, codes)
        for out, robot in zip(shown(request, session, robots), robots, strict=True)
    ]
