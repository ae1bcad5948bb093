"""The delivery service as the app factory takes it."""

from luna_web.delivery.routes import deliveries, holds, loans, requests, returns, steering
from luna_web.shared.runtime import Service

SERVICE = Service(
    name="delivery",
    routers=(requests.router, returns.router, loans.router, holds.router, deliveries.router, steering.router),
)
