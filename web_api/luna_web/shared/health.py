"""Health: `live` = the process answers; `ready` = what it needs answers too, by name."""

from collections.abc import Sequence
from typing import Literal

from fastapi import Request
from pydantic import BaseModel
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from luna_web.shared.envelope import failure, ok
from luna_web.shared.errors import DependencyUnavailable
from luna_web.shared.principal import public_uncounted
from luna_web.shared.routing import LunaRouter
from luna_web.shared.runtime import Check, Runtime


class Health(BaseModel):
    """`checks` says of each part "ok" or what is wrong."""

    status: Literal["ok", "degraded"]
    checks: dict[str, str]


def database_answers(runtime: Runtime) -> str | None:
    try:
        with runtime.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        return f"does not answer ({type(error).__name__})"
    return None


def redis_answers(runtime: Runtime) -> str | None:
    try:
        runtime.redis.ping()
    except RedisError as error:
        return f"does not answer ({type(error).__name__})"
    return None


FOUNDATION = (Check("postgresql", database_answers), Check("redis", redis_answers))


def health_router(checks: Sequence[Check], prefix: str = "") -> LunaRouter:
    """`{prefix}/health/live` and `{prefix}/health/ready` over PostgreSQL, Redis and these checks."""
    router = LunaRouter(prefix=f"{prefix}/health", tags=["health"])
    every = (*FOUNDATION, *checks)

    @router.get("/live", rule=public_uncounted, data=Health)
    async def live(request: Request) -> Response:
        return ok(Health(status="ok", checks={}), request=request)

    @router.get("/ready", rule=public_uncounted, data=Health)
    def ready(request: Request) -> Response:
        runtime: Runtime = request.app.state.luna
        told = {check.name: check.probe(runtime) or "ok" for check in every}
        failing = [check for check in every if told[check.name] != "ok"]
        if any(check.critical for check in failing):
            error = DependencyUnavailable(", ".join(check.name for check in failing if check.critical))
            error.details["checks"] = told
            return failure(error, request=request)
        return ok(Health(status="degraded" if failing else "ok", checks=told), request=request)

    return router
