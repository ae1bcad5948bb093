"""The notification service as the app factory takes it."""

from luna_web.notification.live.live import lifespan
from luna_web.notification.live.ports import LIVE_VIEWS
from luna_web.notification.routes import router
from luna_web.shared.runtime import Service

SERVICE = Service(name="notifications", routers=(router,), lifespan=lifespan, needs=(LIVE_VIEWS,))
