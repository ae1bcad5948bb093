"""The robot service: its routes, its checks, and the controllers that run beside them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from luna_web.robot.fleet import Fleet
from luna_web.robot.ports import DELIVERY_DESK, STATUS_LISTENER
from luna_web.robot.routes import FLEET, STATUS_CACHE, routers
from luna_web.robot.status_cache import StatusCache
from luna_web.robot.stops import write_stop
from luna_web.robot.store import Store
from luna_web.shared.database import make_engine, make_session_factory
from luna_web.shared.runtime import Check, Runtime, Service

STOPPING_SECONDS = 4.0


@asynccontextmanager
async def lifespan(runtime: Runtime) -> AsyncIterator[None]:
    """Controllers and emergency connections for as long as the process serves.

    They have a pool of their own, so that no burst of requests keeps a robot waiting for a connection.
    """
    engine = make_engine(runtime.settings)
    sessions = make_session_factory(engine)
    store = Store(sessions, runtime.get(DELIVERY_DESK), runtime.settings.encryption_key, runtime.clock)
    cache = StatusCache(runtime.redis)
    listener = runtime.get(STATUS_LISTENER)
    listener.start()
    fleet = Fleet(store, cache, runtime.settings.database_url, lambda order: write_stop(sessions, order), listener)
    runtime.provide(FLEET, fleet)
    runtime.provide(STATUS_CACHE, cache)
    running = Fleet.call(fleet.run())
    try:
        yield
    finally:
        running.cancel()
        await fleet.wait_until_over(STOPPING_SECONDS)
        listener.stop()
        engine.dispose()


def links(runtime: Runtime) -> str | None:
    """Whether this process can stop every robot that it knows."""
    silent = runtime.get(FLEET).unreachable()
    return f"no connection to {', '.join(silent)}" if silent else None


SERVICE = Service(
    name="robot",
    routers=routers,
    checks=(Check("robot links", links, critical=False),),
    lifespan=lifespan,
    needs=(DELIVERY_DESK, STATUS_LISTENER),
)
