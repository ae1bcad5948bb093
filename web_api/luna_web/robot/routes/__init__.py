"""HTTP of the robot service: `/api/v1/robot`."""

from luna_web.robot.routes import floor, places, records, registry, status, stops, wishes

# The paths that begin with a robot's id come last: a fixed word is no robot.
routers = (
    status.router,
    registry.router,
    places.router,
    floor.router,
    records.router,
    stops.router,
    wishes.router,
)
