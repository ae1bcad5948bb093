"""One factory for every app: of a single service, or of all of them."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import cache
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from luna_web import __version__
from luna_web.shared import answers
from luna_web.shared.documents import DocumentedApp
from luna_web.shared.documents import document as document_of
from luna_web.shared.edge import Edge
from luna_web.shared.health import health_router
from luna_web.shared.metrics import Measured, Metrics
from luna_web.shared.routing import check_rules, serve
from luna_web.shared.runtime import Runtime, Service

PUBLIC = frozenset({"/docs", "/docs/oauth2-redirect", "/metrics", "/openapi.json"})
"""What is open to everybody without a rule, beside each service's document."""


class UnwiredPort(RuntimeError):
    """A service lacks something that another gives. The process does not start."""


def make_app(title: str, services: Sequence[Service], runtime: Runtime) -> FastAPI:
    """An app that serves these services.

    Raises UnwiredPort if a service lacks what it needs, UnruledRoute if a route declares no rule.
    """
    check_needs(services, runtime)
    app = DocumentedApp(
        title=title,
        version=__version__,
        openapi_url="/openapi.json",
        docs_url="/docs",
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(services, runtime),
    )
    app.state.luna = runtime
    metrics = Metrics(runtime.engine, [service.figures(runtime) for service in services if service.figures])
    uploads = frozenset[str]().union(*(service.upload_paths for service in services))
    app.add_middleware(Edge, body_limit=runtime.settings.body_limit_bytes, upload_paths=uploads)
    app.add_middleware(Measured, metrics=metrics)
    app.add_route("/metrics", metrics.text, include_in_schema=False)
    answers.install(app)
    serve(app, health_router([check for service in services for check in service.checks]))
    for service in services:
        _serve_openapi(app, service)
        for router in service.routers:
            serve(app, router)
    check_rules(app, PUBLIC | {_document_of(service) for service in services})
    return app


def check_needs(services: Sequence[Service], runtime: Runtime) -> None:
    """UnwiredPort for the first thing that a service needs and nobody provides."""
    for service in services:
        for port in service.needs:
            if not runtime.has(port):
                raise UnwiredPort(
                    f"the service {service.name} needs the {port.name}, which nothing provides;"
                    " luna_web.main.create_app makes apps of any services with all that they need"
                )


def _serve_openapi(app: FastAPI, service: Service) -> None:
    """The service's own OpenAPI document, made on first use."""

    @cache
    def described() -> dict[str, Any]:
        routes = [route for router in service.routers for route in router.routes]
        return document_of(f"LUNA {service.name}", routes)

    def document(request: Request) -> Response:
        return JSONResponse(described())

    app.add_route(_document_of(service), document, include_in_schema=False)


def _document_of(service: Service) -> str:
    return f"/api/v1/{service.name}/openapi.json"


def _lifespan(services: Sequence[Service], runtime: Runtime) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def enter_all(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.callback(runtime.close)
            runtime.revocations.start()
            stack.callback(runtime.revocations.stop)
            for service in services:
                if service.lifespan:
                    await stack.enter_async_context(service.lifespan(runtime))
            yield

    return enter_all
