"""The OpenAPI documents, of one service or of all."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from luna_web import __version__
from luna_web.shared.envelope import ErrorEnvelope
from luna_web.shared.links import add_links

BEARER = {"type": "http", "bearerFormat": "JWT", "scheme": "bearer"}
CLOSED: dict[str, Any] = {"security": [{"bearer": []}]}
"""What an operation is described with that takes a token. Described only: as FastAPI's own dependency the scheme would
read the header once more on each request."""
REFERENCE = "#/components/schemas/{model}"
ERROR_CONTENT = {"application/json": {"schema": {"$ref": REFERENCE.format(model=ErrorEnvelope.__name__)}}}
"""What errors look like. Named, not handed to FastAPI as a model: it would make a validator for each status of each
route, which none of them needs, and a start would take twice as long."""


class DocumentedApp(FastAPI):
    """An app whose document is made on first use."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = document(self.title, self.routes)
        return self.openapi_schema


def document(title: str, routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """The OpenAPI document of these routes, with links, and the schemas that their error answers name."""
    described = get_openapi(title=title, version=__version__, routes=routes)
    _, errors = models_json_schema([(ErrorEnvelope, "serialization")], ref_template=REFERENCE)
    components = described.setdefault("components", {})
    components["securitySchemes"] = {"bearer": BEARER}
    schemas = components.setdefault("schemas", {})
    for name, schema in errors["$defs"].items():
        schemas.setdefault(name, schema)
    return add_links(described)
