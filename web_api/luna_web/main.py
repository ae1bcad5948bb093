"""Apps, whole or in part, with the services wired to one another.

`uvicorn luna_web.main:app` serves the whole web tier, `uvicorn luna_web.main:auth` the auth service alone, and so on by
the services' names.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI

from luna_web.auth.app import SERVICE as AUTH
from luna_web.auth.ports import DEPARTURES, FLOOR
from luna_web.book.app import SERVICE as BOOK
from luna_web.book.ports import CIRCULATION
from luna_web.delivery.app import SERVICE as DELIVERY
from luna_web.delivery.circulation import LoansAndRequests
from luna_web.delivery.desk import Desk
from luna_web.delivery.policies import policies
from luna_web.delivery.reports import DeliveryReports
from luna_web.delivery.service.leaving import Leaving
from luna_web.delivery.service.places import HandoverPlaces
from luna_web.live_views import Views
from luna_web.notification.app import SERVICE as NOTIFICATION
from luna_web.notification.live.leading import LeadingPositions
from luna_web.notification.live.live import LEADING
from luna_web.notification.live.ports import LIVE_VIEWS
from luna_web.robot.app import SERVICE as ROBOT
from luna_web.robot.ports import DELIVERIES, DELIVERY_DESK, STATUS_LISTENER
from luna_web.shared.app import make_app
from luna_web.shared.config import Settings, get_settings
from luna_web.shared.logs import configure_logs
from luna_web.shared.runtime import Runtime, Service, make_runtime

ALL: tuple[Service, ...] = (AUTH, BOOK, DELIVERY, ROBOT, NOTIFICATION)
APPS: Mapping[str, Sequence[Service]] = {"app": ALL} | {service.name: (service,) for service in ALL}


def create_app(
    services: Sequence[Service] = ALL, *, settings: Settings | None = None, runtime: Runtime | None = None
) -> FastAPI:
    """An app of these services, by default all; `runtime` is for tests that bring their own."""
    if runtime is None:
        settings = settings or get_settings()
        configure_logs(settings.log_format)
        runtime = make_runtime(settings)
    wire(runtime)
    return make_app("LUNA", services, runtime)


def wire(runtime: Runtime) -> None:
    """What services need of others. All of it is cheap and lives in the database, so every process has all of it."""
    runtime.provide(DELIVERY_DESK, Desk(runtime.clock, policies(runtime)))
    runtime.provide(DELIVERIES, DeliveryReports(runtime.clock, policies(runtime)))
    runtime.provide(DEPARTURES, Leaving(runtime.clock, policies(runtime)))
    runtime.provide(FLOOR, HandoverPlaces())
    runtime.provide(CIRCULATION, LoansAndRequests())
    runtime.provide(LIVE_VIEWS, Views(runtime))
    runtime.provide(STATUS_LISTENER, runtime.once(LEADING, lambda: LeadingPositions(runtime.redis)))


def __getattr__(name: str) -> Any:
    """An app is made when a server asks for it, so that importing this module starts nothing."""
    if name in APPS:
        return create_app(APPS[name])
    raise AttributeError(name)
