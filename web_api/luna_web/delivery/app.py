"""The delivery service as the app factory takes it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from luna_web.delivery.desk import Desk
from luna_web.delivery.routes import deliveries, loans, requests, returns
from luna_web.robot.ports import DELIVERY_DESK
from luna_web.shared.app import make_service_app
from luna_web.shared.config import get_settings
from luna_web.shared.runtime import Runtime, Service


@asynccontextmanager
async def lifespan(runtime: Runtime) -> AsyncIterator[None]:
    """In a process that serves both, the robots' controllers get their work from this desk."""
    runtime.provide(DELIVERY_DESK, Desk(runtime.clock))
    yield


SERVICE = Service(
    name="delivery",
    routers=(requests.router, returns.router, loans.router, deliveries.router),
    lifespan=lifespan,
)


def create_app() -> FastAPI:
    """This service as a process of its own."""
    return make_service_app(SERVICE, get_settings())
