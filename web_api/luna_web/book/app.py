"""The catalog as a service."""

from luna_web.book.imports.routes import UPLOAD_PATH
from luna_web.book.imports.routes import router as imports_router
from luna_web.book.ports import CIRCULATION
from luna_web.book.routes import copies, exports, titles
from luna_web.shared.runtime import Service

# Imports first: `/books/imports` is no book's id.
ROUTERS = (imports_router, exports.router, titles.router, copies.router)
SERVICE = Service(name="book", routers=ROUTERS, needs=(CIRCULATION,), upload_paths=frozenset({UPLOAD_PATH}))
