"""The catalog as a service."""

from fastapi import FastAPI

from luna_web.book.imports.routes import UPLOAD_PATH
from luna_web.book.imports.routes import router as imports_router
from luna_web.book.routes import copies, exports, titles
from luna_web.shared.app import make_service_app
from luna_web.shared.config import get_settings
from luna_web.shared.runtime import Service

# Imports first: `/books/imports` is no book's id.
ROUTERS = (imports_router, exports.router, titles.router, copies.router)
SERVICE = Service(name="book", routers=ROUTERS, upload_paths=frozenset({UPLOAD_PATH}))


def create_app() -> FastAPI:
    """The catalog in a process of its own: `uvicorn --factory luna_web.book.app:create_app`."""
    return make_service_app(SERVICE, get_settings())
