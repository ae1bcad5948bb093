"""The delivery service as the app factory takes it."""

from fastapi import FastAPI

from luna_web.delivery.routes import deliveries, loans, requests, returns
from luna_web.shared.app import make_service_app
from luna_web.shared.config import get_settings
from luna_web.shared.runtime import Service

SERVICE = Service(
    name="delivery",
    routers=(requests.router, returns.router, loans.router, deliveries.router),
)


def create_app() -> FastAPI:
    """This service as a process of its own."""
    return make_service_app(SERVICE, get_settings())
