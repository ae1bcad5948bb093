"""The auth service."""

from luna_web.auth.ports import DEPARTURES, FLOOR
from luna_web.auth.routes import routers
from luna_web.shared.runtime import Service

SERVICE = Service(name="auth", routers=routers, needs=(DEPARTURES, FLOOR))
