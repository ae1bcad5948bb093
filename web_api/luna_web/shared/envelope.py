"""The envelope of every answer, as types for the OpenAPI document and as functions that make it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeVar

from fastapi import Request
from pydantic import BaseModel
from pydantic_core import to_json
from starlette.responses import Response

from luna_web.shared.errors import ErrorCode, LunaError
from luna_web.shared.paging import Pagination
from luna_web.shared.tracing import trace_id

T = TypeVar("T")


class Meta(BaseModel):
    timestamp: datetime
    request_id: str


class Envelope(BaseModel, Generic[T]):
    success: Literal[True]
    data: T
    meta: Meta


class PageEnvelope(BaseModel, Generic[T]):
    success: Literal[True]
    data: list[T]
    pagination: Pagination
    meta: Meta


class ErrorBody(BaseModel):
    code: ErrorCode
    message: str
    details: dict[str, Any] = {}


class ErrorEnvelope(BaseModel):
    success: Literal[False]
    error: ErrorBody
    meta: Meta


class EnvelopeResponse(Response):
    """An answer in its envelope. `data` stays at hand for the idempotency key."""

    media_type = "application/json"

    def __init__(self, content: Mapping[str, Any], status: int, headers: Mapping[str, str] | None = None) -> None:
        self.data = content.get("data")
        super().__init__(to_json(content, inf_nan_mode="null"), status, dict(headers or {}))


def _meta(request: Request | None, extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    known = getattr(request.state, "request_id", None) if request is not None else None
    return {"timestamp": datetime.now(UTC), "request_id": known or trace_id(), **(extra or {})}


def ok(data: Any, *, request: Request, status: int = 200, headers: Mapping[str, str] | None = None) -> EnvelopeResponse:
    """A successful answer. `data`: a model, a list of models, or plain JSON values."""
    return EnvelopeResponse({"success": True, "data": data, "meta": _meta(request)}, status, headers)


def created(data: Any, *, request: Request, location: str) -> EnvelopeResponse:
    """201 with the path of what was made."""
    return ok(data, request=request, status=201, headers={"Location": location})


def page(
    items: Sequence[Any],
    pagination: Pagination,
    *,
    request: Request,
    meta: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> EnvelopeResponse:
    """One page of a list; `meta` adds to the answer's meta (such as `unread_count`)."""
    content = {"success": True, "data": items, "pagination": pagination, "meta": _meta(request, meta)}
    return EnvelopeResponse(content, 200, headers)


def failure(error: LunaError, *, request: Request | None = None) -> EnvelopeResponse:
    """An error as an answer."""
    body = {"code": error.code, "message": error.message, "details": error.details}
    return EnvelopeResponse({"success": False, "error": body, "meta": _meta(request)}, error.status, error.headers)
