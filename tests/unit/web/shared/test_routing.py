"""Default deny: a route that says nothing about who may use it does not start."""

from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request
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


def test_a_route_of_the_app_itself_does_not_start_either() -> None:
    app = FastAPI()
    app.get("/open")(endpoint)

    with pytest.raises(UnruledRoute):
        check_rules(app.routes)


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
