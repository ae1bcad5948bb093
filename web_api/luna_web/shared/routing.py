"""Routers whose routes say who may use them, what they answer, and whether they take an Idempotency-Key.

    router = LunaRouter(prefix="/api/v1/books", tags=["books"])

    @router.get("/{book_id}", rule=any_user, data=BookOut, errors=(NotFound,))
    def get_book(book_id: UUID, session: DbSession, request: Request) -> Response:
        return ok(service.get_title(session, book_id), request=request)

`data=X` documents `Envelope[X]`, `items=X` documents `PageEnvelope[X]`.
"""

from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Mapping, Sequence
from inspect import iscoroutinefunction
from typing import Any, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.routing import iter_route_contexts
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from luna_web.shared.documents import CLOSED, ERROR_CONTENT
from luna_web.shared.envelope import Envelope, PageEnvelope
from luna_web.shared.errors import (
    DependencyUnavailable,
    Forbidden,
    LunaError,
    RateLimited,
    TokenExpired,
    Unauthenticated,
    ValidationFailed,
)
from luna_web.shared.guards import count_refused, counting, declared, guard
from luna_web.shared.idempotency import idempotent as make_idempotent
from luna_web.shared.principal import Rule
from luna_web.shared.strict_json import StrictRoute
from luna_web.shared.transactions import ending_transaction, settled

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
ErrorKind = type[LunaError]
READING = frozenset({"GET", "HEAD"})


class UnruledRoute(RuntimeError):
    """A route does not say who may use it. The process does not start."""


class LunaRoute(StrictRoute):
    """A route that ends the transaction of its request."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self._begins = path.partition("{")[0]

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Most routes that are not meant show that by how they begin, for a small part of what a pattern costs."""
        if not scope.get("root_path") and not scope["path"].startswith(self._begins):
            return Match.NONE, {}
        return super().matches(scope)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def ending(request: Request) -> Response:
            try:
                return await settled(handle(request))
            except Exception:
                await count_refused()
                raise

        return ending


class LunaRouter(APIRouter):
    def __init__(self, **options: Any) -> None:
        super().__init__(**{"route_class": LunaRoute, **options})

    def get(self, path: str, *, rule: Rule, **options: Any) -> Callable[[Endpoint], Endpoint]:  # type: ignore[override]
        return self._route("GET", path, rule, **options)

    def post(self, path: str, *, rule: Rule, **options: Any) -> Callable[[Endpoint], Endpoint]:  # type: ignore[override]
        return self._route("POST", path, rule, **options)

    def put(self, path: str, *, rule: Rule, **options: Any) -> Callable[[Endpoint], Endpoint]:  # type: ignore[override]
        return self._route("PUT", path, rule, **options)

    def delete(self, path: str, *, rule: Rule, **options: Any) -> Callable[[Endpoint], Endpoint]:  # type: ignore[override]
        return self._route("DELETE", path, rule, **options)

    def websocket(  # type: ignore[override]
        self, path: str, *, rule: Rule, **options: Any
    ) -> Callable[[Endpoint], Endpoint]:
        """A WebSocket. Its endpoint holds the rule itself, since a token may come as the first message."""

        def register(endpoint: Endpoint) -> Endpoint:
            self.add_api_websocket_route(path, endpoint, dependencies=[Depends(declared(rule))], **options)
            return endpoint

        return register

    def _route(
        self,
        method: str,
        path: str,
        rule: Rule,
        *,
        data: Any = None,
        items: Any = None,
        status: int = 200,
        also: Mapping[int, str | tuple[str, Any]] | None = None,
        errors: Sequence[ErrorKind] = (),
        idempotent: bool = False,
        answers: Mapping[int | str, dict[str, Any]] | None = None,
        **options: Any,
    ) -> Callable[[Endpoint], Endpoint]:
        """Declare a route.

        `also`: further successful statuses (202) with what they mean; they carry the same data, or that of a pair.
        `answers`: those that are no envelope (a file), as OpenAPI describes them.
        """
        model = _model(data, items)
        responses = _documented(rule, errors, has_body=method != "GET")
        responses |= {code: _also(code, meaning, model) for code, meaning in (also or {}).items()}
        responses |= dict(answers or {})
        if rule.roles is not None:
            options["openapi_extra"] = {**CLOSED, **(options.get("openapi_extra") or {})}

        def register(endpoint: Endpoint) -> Endpoint:
            served = make_idempotent(endpoint) if idempotent else endpoint
            in_a_thread = not iscoroutinefunction(served)
            self.add_api_route(
                path,
                counting(ending_transaction(served)) if in_a_thread else served,
                methods=[method],
                status_code=status,
                response_model=model,
                responses=responses,
                dependencies=[Depends(guard(rule, counts=not in_a_thread))],
                **options,
            )
            return endpoint

        return register


def _also(status: int, meaning: str | tuple[str, Any], model: Any) -> dict[str, Any]:
    """A further answer of a route, with data of its own if it is a pair; a 304 has no body."""
    text, model = (meaning, model) if isinstance(meaning, str) else (meaning[0], _model(meaning[1], None))
    return {"description": text} if status == 304 else {"model": model, "description": text}


def _model(data: Any, items: Any) -> Any:
    if items is not None:
        return PageEnvelope[items]
    return Envelope[data] if data is not None else None


def _documented(rule: Rule, errors: Iterable[ErrorKind], *, has_body: bool) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route by status, each naming its codes."""
    usual: list[ErrorKind] = [ValidationFailed, DependencyUnavailable]
    if rule.counted:
        usual.append(RateLimited)
    if rule.roles is not None:
        usual += [Unauthenticated, TokenExpired, Forbidden]
    codes: dict[int, set[str]] = {}
    for kind in (*usual, *errors):
        codes.setdefault(kind.status, set()).add(kind.code)
    if has_body:
        codes.setdefault(400, set()).add("MALFORMED_JSON")
        codes.setdefault(413, set()).add("PAYLOAD_TOO_LARGE")
        codes.setdefault(415, set()).add("UNSUPPORTED_MEDIA_TYPE")
    return {
        status: {"description": ", ".join(sorted(names)), "content": ERROR_CONTENT}
        for status, names in sorted(codes.items())
    }


def rule_of(route: BaseRoute) -> Rule | None:
    """The rule a route declared; None where there is none."""
    for dependency in getattr(route, "dependencies", ()):
        rule = getattr(dependency.dependency, "rule", None)
        if isinstance(rule, Rule):
            return rule
    return None


def check_rules(app: FastAPI, public: Collection[str] = ()) -> None:
    """UnruledRoute for the first route, added however, that anybody could call because nobody thought of it.

    `public`: paths that are open to everybody, for reading. What is mounted is never let through: it answers at paths
    that nobody sees here.
    """
    for path, route in served_by(app):
        methods = getattr(route, "methods", None)
        open_to_all = path in public and isinstance(route, Route) and set(methods or ()) <= READING
        if rule_of(route) is None and not open_to_all:
            what = " ".join(sorted(methods)) if methods else type(route).__name__
            raise UnruledRoute(f"{what} {path} declares no rule and is not among the public paths")


def serve(app: FastAPI, router: APIRouter) -> None:
    """Serve the router's routes at their own paths.

    `include_router` would do so through a second copy of each route, made at a start and searched on every request.
    """
    app.router.routes.extend(router.routes)


def served_by(app: FastAPI) -> Iterator[tuple[str, BaseRoute]]:
    """Every route at which a request can end, with its whole path, whichever way it was added."""
    # What `frontend()` adds stands in no public list.
    hidden: Iterable[Any] = app.router._iter_low_priority_routes()
    for context in iter_route_contexts([*app.routes, *hidden]):
        yield context.path or "/", context.original_route
