"""The floor that robots drive on."""

from typing import Annotated, Any

from fastapi import Header, Request
from starlette.responses import Response

from luna_web.robot import repository, service
from luna_web.robot.errors import NoMap
from luna_web.robot.routes.calling import PREFIX
from luna_web.robot.schemas import MapOut
from luna_web.robot.views import map_out
from luna_web.shared.envelope import ok
from luna_web.shared.principal import any_user
from luna_web.shared.routing import LunaRouter
from luna_web.shared.transactions import DbSession

router = LunaRouter(prefix=PREFIX, tags=["robot"])
PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The picture", "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}
}


Seen = Annotated[str | None, Header(alias="If-None-Match", max_length=500)]
SAME = {304: "It is what If-None-Match names"}


@router.get("/map", rule=any_user, data=MapOut, also=SAME, errors=(NoMap,))
def get_map(request: Request, session: DbSession, seen: Seen = None) -> Response:
    """The floor: its frame in metres, and where its picture is. Poses everywhere are in this frame."""
    floor = service.floor(session)
    headers = {"ETag": f'"{floor.checksum[:32]}-{floor.waypoints_version}"', "Cache-Control": "private, no-cache"}
    if names(seen, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return ok(map_out(floor), request=request, headers=headers)


@router.get("/map/image", rule=any_user, also=SAME, errors=(NoMap,), answers=PICTURE, response_class=Response)
def get_map_image(request: Request, session: DbSession, seen: Seen = None) -> Response:
    """The floor as a PNG picture; one pixel is `resolution` metres."""
    floor = service.floor(session)
    headers = {"ETag": f'"{floor.checksum[:32]}"', "Cache-Control": "private, max-age=300"}
    if names(seen, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(repository.map_image(session, floor.id), media_type="image/png", headers=headers)


def names(seen: str | None, tag: str) -> bool:
    """Whether `If-None-Match` names this tag, weakly or strongly (RFC 9110, section 13.1.2)."""
    return seen is not None and not {"*", tag}.isdisjoint(one.strip().removeprefix("W/") for one in seen.split(","))
