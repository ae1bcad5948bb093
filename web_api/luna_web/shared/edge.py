"""The outermost layer: request id, API version, trailing slash, size and kind of the body, the last catch."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from luna_web.shared.answers import HttpError, from_any
from luna_web.shared.envelope import failure
from luna_web.shared.errors import ErrorCode, LunaError
from luna_web.shared.loggers import structlog
from luna_web.shared.tracing import accept_trace_id, bind_trace_id

API_VERSION = "v1"
_METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Edge:
    """Wraps an app so that every answer carries `X-Request-ID`, `API-Version` and the envelope.

    `body_limit` is in bytes; routes under `upload_paths` set their own limit and kinds of body.
    """

    def __init__(self, app: ASGIApp, body_limit: int, upload_paths: frozenset[str] = frozenset()) -> None:
        self._app = app
        self._body_limit = body_limit
        self._upload_paths = upload_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = accept_trace_id(headers.get("X-Request-ID"))
        bind_trace_id(request_id)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(trace_id=request_id)
        scope.setdefault("state", {})["request_id"] = request_id
        _drop_trailing_slash(scope)
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        await self._serve(scope, receive, _Stamped(send, request_id, scope["state"]), headers)

    async def _serve(self, scope: Scope, receive: Receive, send: "_Stamped", headers: Headers) -> None:
        try:
            self._check(scope, headers)
            limited = receive if self._is_upload(scope) else _Limited(receive, self._body_limit)
            await self._app(scope, limited, send)
        except Exception as error:
            if send.started:
                raise
            await failure(from_any(error))(scope, receive, send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        wanted = headers.get("Accept-Version")
        if wanted not in (None, API_VERSION, "1"):
            raise refusal(ErrorCode.NOT_ACCEPTABLE, 406, f"This server speaks {API_VERSION} only")
        if scope["method"] not in _METHODS_WITH_BODY or self._is_upload(scope):
            return
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._body_limit:
            raise refusal(ErrorCode.PAYLOAD_TOO_LARGE, 413, f"The body may have {self._body_limit} bytes")
        if (length not in ("", "0") or "transfer-encoding" in headers) and not _is_json(headers):
            raise refusal(ErrorCode.UNSUPPORTED_MEDIA_TYPE, 415, "Send application/json")

    def _is_upload(self, scope: Scope) -> bool:
        """POST alone: another method of the same path may be another route's, which reads its body whole."""
        return scope["method"] == "POST" and scope["path"] in self._upload_paths


def refusal(code: ErrorCode, status: int, message: str) -> LunaError:
    return HttpError(code, status, message, {})


class _Stamped:
    """Adds our headers, and those that the request was given meanwhile, to the answer; knows whether it has begun."""

    def __init__(self, send: Send, request_id: str, state: Mapping[str, Any]) -> None:
        self._send = send
        self._request_id = request_id
        self._state = state
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self._request_id
            headers["API-Version"] = API_VERSION
            headers.update(self._state.get("answer_headers", {}))
        await self._send(message)


class _Limited:
    """Counts the body as it comes; more than `limit` bytes is 413."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._left = limit

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            # An HTTPException, since FastAPI takes anything else that reading raises for malformed input.
            raise HTTPException(413)
        return message


def _is_json(headers: Headers) -> bool:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _drop_trailing_slash(scope: MutableMapping[str, Any]) -> None:
    path: str = scope["path"]
    if len(path) > 1 and path.endswith("/"):
        scope["path"] = path.rstrip("/") or "/"
        scope["raw_path"] = scope["path"].encode()
