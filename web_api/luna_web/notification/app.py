"""The notification service as the app factory takes it."""

from luna_web.notification.live.live import collector, lifespan
from luna_web.notification.live.ports import LIVE_VIEWS
from luna_web.notification.routes import choosing, pushing, reading
from luna_web.shared.runtime import Service

# Those with names of their own come before `/{notification_id}`.
SERVICE = Service(
    name="notifications",
    routers=(choosing.router, pushing.router, reading.router),
    lifespan=lifespan,
    needs=(LIVE_VIEWS,),
    figures=collector,
)
