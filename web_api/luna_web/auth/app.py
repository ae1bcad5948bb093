"""The auth service."""

from fastapi import FastAPI

from luna_web.auth.routes import routers
from luna_web.shared.app import make_service_app
from luna_web.shared.config import get_settings
from luna_web.shared.runtime import Service

SERVICE = Service(name="auth", routers=routers)


def create_app() -> FastAPI:
    """Auth in a process of its own: `uvicorn --factory luna_web.auth.app:create_app`."""
    return make_service_app(SERVICE, get_settings())
