"""The one place where errors become answers."""

from collections.abc import Sequence
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from psycopg import errors as pg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from luna_web.shared.envelope import failure
from luna_web.shared.errors import (
    DependencyUnavailable,
    ErrorCode,
    LunaError,
    NotFound,
    ValidationFailed,
)
from luna_web.shared.loggers import structlog

log = structlog.get_logger(__name__)

_BY_STATUS: dict[int, ErrorCode] = {
    400: ErrorCode.MALFORMED_JSON,
    401: ErrorCode.UNAUTHENTICATED,
    403: ErrorCode.FORBIDDEN,
    404: ErrorCode.NOT_FOUND,
    405: ErrorCode.METHOD_NOT_ALLOWED,
    406: ErrorCode.NOT_ACCEPTABLE,
    409: ErrorCode.CONFLICT,
    412: ErrorCode.PRECONDITION_FAILED,
    413: ErrorCode.PAYLOAD_TOO_LARGE,
    415: ErrorCode.UNSUPPORTED_MEDIA_TYPE,
    428: ErrorCode.PRECONDITION_REQUIRED,
    429: ErrorCode.RATE_LIMITED,
}
_MESSAGES = {
    400: "The body is not JSON",
    404: "There is nothing at this path",
    405: "This path does not take that method",
    413: "The body is too large",
}


class MalformedJson(LunaError):
    code = ErrorCode.MALFORMED_JSON
    status = 400
    default_message = "The body is not JSON"


class Conflict(LunaError):
    code = ErrorCode.CONFLICT
    status = 409
    default_message = "Somebody else changed this at the same moment; look again"


class InternalError(LunaError):
    default_message = "Something went wrong on our side; the request id finds it in our logs"


class HttpError(LunaError):
    """What the framework itself refuses; code and status are those of the case."""

    def __init__(self, code: ErrorCode, status: int, message: str, headers: dict[str, str]) -> None:
        super().__init__(message, headers=headers)
        self.code = code  # type: ignore[misc]  # of the case here, not of the class
        self.status = status  # type: ignore[misc]


def from_http(error: HTTPException) -> LunaError:
    code = _BY_STATUS.get(error.status_code, ErrorCode.INTERNAL_ERROR)
    message = _MESSAGES.get(error.status_code, str(error.detail))
    return HttpError(code, error.status_code, message, dict(error.headers or {}))


def from_validation(error: RequestValidationError) -> LunaError:
    """422 with what is wrong by field; 400 for what is not JSON at all; 404 for an id that cannot be one."""
    faults = cast(Sequence[dict[str, Any]], error.errors())
    malformed = next((fault for fault in faults if fault["type"] == "json_invalid"), None)
    if malformed:
        return MalformedJson(f"The body is not JSON: {malformed.get('ctx', {}).get('error', 'it cannot be read')}")
    if all(fault["loc"][0] == "path" for fault in faults):
        return NotFound()
    fields: dict[str, list[str]] = {}
    for fault in faults:
        fields.setdefault(_field_name(fault["loc"]), []).append(str(fault["msg"]).removeprefix("Value error, "))
    return ValidationFailed(fields)


def _field_name(place: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in place[1:]) or str(place[0])


def from_database(error: DBAPIError) -> LunaError:
    """A lost connection is 503, a lost race 409; anything else is a fault of ours."""
    if isinstance(error.orig, pg.SerializationFailure | pg.DeadlockDetected | pg.UniqueViolation):
        return Conflict()
    if isinstance(error.orig, pg.DataError):
        return ValidationFailed({"body": ["a value is outside of what can be stored"]})
    if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
        return DependencyUnavailable("PostgreSQL")
    return InternalError()


def from_any(error: Exception) -> LunaError:
    """The answer to any exception at all; what is a fault of ours is logged here."""
    told = _known(error)
    if told.status >= 500:
        log.error("request_failed", code=told.code, error=type(error).__name__, exc_info=_trace_of(error, told))
    return told


def _known(error: Exception) -> LunaError:
    from redis.exceptions import RedisError

    if isinstance(error, LunaError):
        return error
    if isinstance(error, RequestValidationError):
        return from_validation(error)
    if isinstance(error, HTTPException):
        return from_http(error)
    if isinstance(error, DBAPIError):
        return from_database(error)
    if isinstance(error, PoolTimeout):
        return DependencyUnavailable("PostgreSQL")
    if isinstance(error, StaleDataError):
        return Conflict()
    if isinstance(error, RedisError):
        return DependencyUnavailable("Redis")
    return InternalError()


def _trace_of(error: Exception, told: LunaError) -> Exception | None:
    return error if told.code is ErrorCode.INTERNAL_ERROR else None


async def answer(request: Request, error: Exception) -> Response:
    told = from_any(error)
    if told.status in (401, 403):
        _note_refusal(request, told)
    return failure(told, request=request)


def _note_refusal(request: Request, told: LunaError) -> None:
    """Who was turned away from what: somebody who tries doors shows in the log (OWASP ASVS 5.0, 16.3.2)."""
    principal = getattr(request.state, "principal", None)
    log.warning(
        "access_refused",
        code=told.code,
        method=request.method,
        path=request.url.path[:200],
        user_id=str(principal.user_id) if principal else None,
        address=request.client.host if request.client else None,
    )


def install(app: FastAPI) -> None:
    """Answer every kind of error in the envelope. Unforeseen ones are caught by the edge (`shared.edge`)."""
    for kind in (LunaError, RequestValidationError, HTTPException, DBAPIError, PoolTimeout, StaleDataError):
        app.add_exception_handler(kind, answer)
