"""What a process counts of itself, as Prometheus reads it (text exposition format). Not for the gateway."""

import time
from collections.abc import Sequence

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.registry import Collector
from sqlalchemy import Engine, QueuePool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Upper bounds in seconds: from a cached read to a request that waits for a robot."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
UNMATCHED = "unmatched"


class Metrics:
    """The counters of one process. A registry of its own, so that two apps of one process do not mix theirs.

    `more` is what services count by themselves.
    """

    def __init__(self, engine: Engine, more: Sequence[Collector] = ()) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._seconds = Histogram(
            "luna_http_request_seconds",
            "How long requests took, until the last byte of their answers",
            ("method", "route", "status"),
            buckets=BUCKETS,
            registry=self._registry,
        )
        in_use = Gauge("luna_database_connections_in_use", "Connections that requests hold", registry=self._registry)
        for collector in more:
            self._registry.register(collector)
        pool = engine.pool
        in_use.set_function(lambda: pool.checkedout() if isinstance(pool, QueuePool) else 0)

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request, by the template of its route: paths hold ids, and anybody may make up more of them."""
        route = getattr(scope.get("route"), "path", UNMATCHED)
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        self._seconds.labels(method, route, str(status)).observe(seconds)

    def text(self, _: Request) -> Response:
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)


class Measured:
    """Wraps an app so that every HTTP request is counted."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            self._metrics.observe(scope, status, time.perf_counter() - begun)
