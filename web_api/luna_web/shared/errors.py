"""Errors are classes with a code; one place turns them into answers (`shared.answers`).

A service's own errors live in its `errors.py` and derive from `LunaError`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar


class ErrorCode(StrEnum):
    """Every `error.code` that an answer can carry: a closed list."""

    VALIDATION_ERROR = "VALIDATION_ERROR"
    MALFORMED_JSON = "MALFORMED_JSON"
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    CONFLICT = "CONFLICT"
    PRECONDITION_FAILED = "PRECONDITION_FAILED"
    PRECONDITION_REQUIRED = "PRECONDITION_REQUIRED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    TOKEN_EXPIRED = "TOKEN_EXPIRED"  # noqa: S105
    TOKEN_REUSED = "TOKEN_REUSED"  # noqa: S105
    INVALID_CREDENTIALS = "INVALID_CREDENTIALS"
    TOO_MANY_ATTEMPTS = "TOO_MANY_ATTEMPTS"
    ACCOUNT_DISABLED = "ACCOUNT_DISABLED"
    EMAIL_UNVERIFIED = "EMAIL_UNVERIFIED"
    FORBIDDEN = "FORBIDDEN"
    EMAIL_TAKEN = "EMAIL_TAKEN"
    WEAK_PASSWORD = "WEAK_PASSWORD"  # noqa: S105
    RESET_TOKEN_INVALID = "RESET_TOKEN_INVALID"  # noqa: S105
    VERIFICATION_TOKEN_INVALID = "VERIFICATION_TOKEN_INVALID"  # noqa: S105
    LAST_ADMIN = "LAST_ADMIN"
    USER_IN_USE = "USER_IN_USE"
    ISBN_TAKEN = "ISBN_TAKEN"
    ISBN_INVALID = "ISBN_INVALID"
    BARCODE_TAKEN = "BARCODE_TAKEN"
    BOOK_NOT_AVAILABLE = "BOOK_NOT_AVAILABLE"
    BOOK_IN_USE = "BOOK_IN_USE"
    WRONG_BOOK = "WRONG_BOOK"
    ALREADY_REQUESTED = "ALREADY_REQUESTED"
    LIMIT_REACHED = "LIMIT_REACHED"
    HANDOVER_PENDING = "HANDOVER_PENDING"
    UNKNOWN_LOCATION = "UNKNOWN_LOCATION"
    LOCATION_INACTIVE = "LOCATION_INACTIVE"
    ILLEGAL_TRANSITION = "ILLEGAL_TRANSITION"
    NOT_RENEWABLE = "NOT_RENEWABLE"
    NOT_BORROWED_BY_YOU = "NOT_BORROWED_BY_YOU"
    ROBOT_NOT_AT_STOP = "ROBOT_NOT_AT_STOP"
    ROBOT_OFFLINE = "ROBOT_OFFLINE"
    ROBOT_ESTOPPED = "ROBOT_ESTOPPED"
    NO_ROBOT_AVAILABLE = "NO_ROBOT_AVAILABLE"
    WAYPOINT_IN_USE = "WAYPOINT_IN_USE"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    REQUEST_IN_PROGRESS = "REQUEST_IN_PROGRESS"
    RATE_LIMITED = "RATE_LIMITED"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    UPLOAD_INCOMPLETE = "UPLOAD_INCOMPLETE"
    DEPENDENCY_UNAVAILABLE = "DEPENDENCY_UNAVAILABLE"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class LunaError(Exception):
    """Something a caller is told. `code` and `status` belong to the class, the rest to the case.

    `default_message` serves where the class says it all.
    """

    code: ClassVar[ErrorCode] = ErrorCode.INTERNAL_ERROR
    status: ClassVar[int] = 500
    default_message: ClassVar[str] = "Something went wrong"

    def __init__(
        self,
        message: str | None = None,
        *,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.message = message or self.default_message
        self.details = dict(details or {})
        self.headers = dict(headers or {})
        super().__init__(self.message)


class NotFound(LunaError):
    code = ErrorCode.NOT_FOUND
    status = 404
    default_message = "There is no such thing"


class Forbidden(LunaError):
    code = ErrorCode.FORBIDDEN
    status = 403
    default_message = "Your role does not allow this"


class Unauthenticated(LunaError):
    code = ErrorCode.UNAUTHENTICATED
    status = 401
    default_message = "A valid access token is needed"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})


class TokenExpired(Unauthenticated):
    code = ErrorCode.TOKEN_EXPIRED
    default_message = "The access token has expired"


class ValidationFailed(LunaError):
    """`fields` names each wrong field with what is wrong about it."""

    code = ErrorCode.VALIDATION_ERROR
    status = 422
    default_message = "Some fields are not valid"

    def __init__(self, fields: Mapping[str, list[str]], message: str | None = None) -> None:
        super().__init__(message, details={"fields": dict(fields)})


class IllegalTransition(LunaError):
    """A state machine does not lead from here to there."""

    code = ErrorCode.ILLEGAL_TRANSITION
    status = 409

    def __init__(self, what: str, current: str, wanted: str, allowed: tuple[str, ...]) -> None:
        super().__init__(
            f"A {what} that is {current} cannot become {wanted}",
            details={"from": current, "to": wanted, "allowed": list(allowed)},
        )


class PreconditionFailed(LunaError):
    """The ETag in `If-Match` is not that of what stands there now."""

    code = ErrorCode.PRECONDITION_FAILED
    status = 412

    def __init__(self, version: int) -> None:
        super().__init__(
            "Somebody else changed this since you read it; read it again and repeat your change",
            details={"current_etag": f'"{version}"'},
        )


class IdempotencyKeyReused(LunaError):
    code = ErrorCode.IDEMPOTENCY_KEY_REUSED
    status = 422
    default_message = "This Idempotency-Key was used for another request"


class RequestInProgress(LunaError):
    code = ErrorCode.REQUEST_IN_PROGRESS
    status = 409

    def __init__(self) -> None:
        super().__init__("A request with this Idempotency-Key is still running", headers={"Retry-After": "1"})


class RateLimited(LunaError):
    """`retry_after` is in seconds."""

    code = ErrorCode.RATE_LIMITED
    status = 429
    default_message = "Too many requests"

    def __init__(self, retry_after: int, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(headers={"Retry-After": str(max(retry_after, 1)), **(headers or {})})


class DependencyUnavailable(LunaError):
    """PostgreSQL or Redis does not answer; `dependency` says which."""

    code = ErrorCode.DEPENDENCY_UNAVAILABLE
    status = 503

    def __init__(self, dependency: str, *, retry_after: int = 2) -> None:
        super().__init__(
            f"{dependency} cannot be reached; try again soon",
            details={"dependency": dependency},
            headers={"Retry-After": str(retry_after)},
        )
