"""What a running process has: settings, pools, clock. Made once, handed around; there are no module globals."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import Engine

from luna_web.shared.clock import Clock, SystemClock
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory, make_engine, make_session_factory
from luna_web.shared.rate_limits import Traffic
from luna_web.shared.revocation import RevocationWatch
from luna_web.shared.tokens import AccessTokens

if TYPE_CHECKING:
    from prometheus_client.registry import Collector
    from redis import Redis

    from luna_web.shared.routing import LunaRouter

T = TypeVar("T")
REDIS_TIMEOUT_S = 1.0


@dataclass(frozen=True)
class Port(Generic[T]):
    """A thing that one service needs and another gives; `luna_web.main` wires them wherever an app is made.

    >>> DELIVERY_DESK: Port[DeliveryDesk] = Port("delivery desk")   # robot/ports.py
    >>> Service(name="robot", needs=(DELIVERY_DESK,), …)             # robot/app.py: without it no app is made
    >>> runtime.provide(DELIVERY_DESK, desk)                         # main.py
    >>> runtime.get(DELIVERY_DESK)                                   # robot
    """

    name: str


@dataclass(eq=False)
class Runtime:
    settings: Settings
    engine: Engine
    session_factory: SessionFactory
    redis: Redis
    clock: Clock
    tokens: AccessTokens
    revocations: RevocationWatch
    traffic: Traffic
    _ports: dict[str, object] = field(default_factory=dict)

    def provide(self, port: Port[T], thing: T) -> None:
        self._ports[port.name] = thing

    def get(self, port: Port[T]) -> T:
        """What was provided for a port; a LookupError names the one that nobody wired."""
        try:
            return self._ports[port.name]  # type: ignore[return-value]  # `provide` checked it
        except KeyError:
            raise LookupError(f"nothing provides the {port.name}") from None

    def has(self, port: Port[Any]) -> bool:
        return port.name in self._ports

    def once(self, port: Port[T], make: Callable[[], T]) -> T:
        """What is provided for a port, made now if nothing is yet."""
        if not self.has(port):
            self.provide(port, make())
        return self.get(port)

    def close(self) -> None:
        self.redis.close()
        self.engine.dispose()


def make_runtime(settings: Settings, clock: Clock | None = None) -> Runtime:
    """Pools and clients for one process. Nothing is connected yet."""
    from redis import Redis

    clock = clock or SystemClock()
    engine = make_engine(settings)
    factory = make_session_factory(engine)
    redis = Redis.from_url(settings.redis_url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S)
    return Runtime(
        settings=settings,
        engine=engine,
        session_factory=factory,
        redis=redis,
        clock=clock,
        tokens=AccessTokens(settings.key_ring(), settings.access_token_seconds),
        revocations=RevocationWatch(factory, settings.access_token_seconds),
        traffic=Traffic(redis, settings.read_limit, settings.write_limit),
    )


@dataclass(frozen=True)
class Check:
    """One line of `/health/ready`. `probe` returns None when all is well, else what is wrong; it may block 2 s.

    A check that is not `critical` makes the answer "degraded", not 503.
    """

    name: str
    probe: Callable[[Runtime], str | None]
    critical: bool = True


Lifespan = Callable[[Runtime], AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Service:
    """One of the five. `lifespan` runs in every process that serves it; `needs` must be provided before it is served.

    `upload_paths` take bodies of any size and kind; their routes set bounds of their own. `figures` makes what
    `/metrics` shows of it, beside what it shows of every process.
    """

    name: str
    routers: tuple[LunaRouter, ...]
    checks: tuple[Check, ...] = ()
    lifespan: Lifespan | None = None
    needs: tuple[Port[Any], ...] = ()
    upload_paths: frozenset[str] = frozenset()
    figures: Callable[[Runtime], Collector] | None = None
