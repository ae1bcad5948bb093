"""Default deny: a route that says nothing about who may use it does not start."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.applications import Starlette
from starlette.responses import Response

from luna_web.main import ALL
from luna_web.shared.app import make_app
from luna_web.shared.config import Settings
from luna_web.shared.envelope import ok
from luna_web.shared.idempotency import idempotent
from luna_web.shared.principal import any_user, staff
from luna_web.shared.routing import LunaRouter, UnruledRoute, check_rules, rule_of
from luna_web.shared.runtime import Service, make_runtime


def endpoint() -> None:
    """Does nothing."""


def test_a_route_without_a_rule_cannot_be_declared() -> None:
    with pytest.raises(TypeError, match="rule"):
        LunaRouter().get("/open")(endpoint)  # type: ignore[call-arg]


def test_a_route_that_went_past_the_router_does_not_start() -> None:
    sneaky = APIRouter(prefix="/api/v1/sneaky")
    sneaky.get("/open")(endpoint)

    with pytest.raises(UnruledRoute, match="/api/v1/sneaky/open"):
        make_app("LUNA", [Service("sneaky", (sneaky,))], make_runtime(Settings(_env_file=None)))  # type: ignore[arg-type]


def by_add_route(app: FastAPI) -> None:
    app.add_route("/open", lambda request: Response())


def by_websocket(app: FastAPI) -> None:
    app.websocket("/open")(endpoint)


def by_plain_websocket(app: FastAPI) -> None:
    app.router.add_websocket_route("/open", lambda socket: None)  # type: ignore[arg-type,return-value]


def by_mount(app: FastAPI) -> None:
    app.mount("/open", Starlette())


def by_host(app: FastAPI) -> None:
    app.router.host("open.example.org", Starlette())


def by_frontend(app: FastAPI) -> None:
    app.frontend("/open", directory=str(Path(__file__).parent))


def by_included_router(app: FastAPI) -> None:
    inner, outer = APIRouter(), APIRouter(prefix="/open")
    inner.add_route("/inner", lambda request: Response())
    outer.include_router(inner)
    app.include_router(outer)


def by_writing_at_a_public_path(app: FastAPI) -> None:
    app.add_route("/public", lambda request: Response(), methods=["POST"])


ADDED = [by_add_route, by_websocket, by_plain_websocket, by_mount, by_host, by_frontend, by_included_router,
         by_writing_at_a_public_path, lambda app: app.get("/open")(endpoint)]  # fmt: skip


@pytest.mark.parametrize("add", ADDED)
def test_however_it_was_added_it_does_not_start(add: Callable[[FastAPI], object]) -> None:
    app = FastAPI(openapi_url=None)
    add(app)

    with pytest.raises(UnruledRoute, match="declares no rule"):
        check_rules(app, {"/public"})


def test_what_is_listed_is_open_for_reading() -> None:
    app = FastAPI()
    app.add_route("/public", lambda request: Response())

    check_rules(app, {"/public", "/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc"})


def test_a_route_that_says_who_may_use_it_starts() -> None:
    app, router = FastAPI(openapi_url=None), LunaRouter(prefix="/closed")
    router.get("/door", rule=staff)(endpoint)
    app.include_router(router)

    check_rules(app)


def test_a_route_knows_its_rule() -> None:
    router = LunaRouter()
    router.get("/closed", rule=staff)(endpoint)

    assert rule_of(router.routes[0]) is staff


def test_every_route_of_luna_has_one() -> None:
    routes = [route for service in ALL for router in service.routers for route in router.routes]

    assert routes
    assert all(rule_of(route) for route in routes)


def test_an_idempotent_endpoint_keeps_its_parameters() -> None:
    """Annotations of the endpoint's own module are resolved where the endpoint is, not where it is wrapped."""

    def create(request: Request, depth: Annotated[int, Depends(lambda: 3)]) -> Response:
        return ok({"depth": depth}, request=request)

    router = LunaRouter()
    router.post("/things", rule=any_user, status=201, idempotent=True)(create)

    names = {dependency.name for dependency in router.routes[0].dependant.dependencies}  # type: ignore[attr-defined]
    assert {"depth", "keyed_request_"} <= names
    assert idempotent(create).__name__ == "create"
