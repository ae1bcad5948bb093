"""The notification service as the app factory takes it."""

from luna_web.notification.routes import router
from luna_web.shared.runtime import Service

SERVICE = Service(name="notifications", routers=(router,))
