"""The floor that robots drive on."""

from fastapi import Request
from starlette.responses import Response

from luna_web.robot import service
from luna_web.robot.errors import NoMap
from luna_web.robot.routes.calling import PREFIX
from luna_web.robot.schemas import MapOut
from luna_web.robot.views import map_out
from luna_web.shared.database import DbSession
from luna_web.shared.envelope import ok
from luna_web.shared.principal import any_user
from luna_web.shared.routing import LunaRouter

router = LunaRouter(prefix=PREFIX, tags=["robot"])


@router.get("/map", rule=any_user, data=MapOut, errors=(NoMap,))
def get_map(request: Request, session: DbSession) -> Response:
    return ok(map_out(service.floor(session)), request=request)


@router.get("/map/image", rule=any_user, errors=(NoMap,), response_class=Response)
def get_map_image(request: Request, session: DbSession) -> Response:
    """The floor as a PNG picture; one pixel is `resolution` metres."""
    floor = service.floor(session, with_image=True)
    tag = f'"{floor.checksum[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, max-age=300"}
    if request.headers.get("If-None-Match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(floor.image, media_type="image/png", headers=headers)
