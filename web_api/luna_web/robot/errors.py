"""What can be wrong with a wish about robots and places."""

from collections.abc import Sequence

from luna_web.shared.errors import ErrorCode, LunaError, NotFound


class UnknownLocation(LunaError):
    """No waypoint of that code or name that may be used here; `details.suggestions` has the nearest."""

    code = ErrorCode.UNKNOWN_LOCATION
    status = 422

    def __init__(self, given: str, suggestions: Sequence[str]) -> None:
        super().__init__(f"There is no location {given!r}", details={"suggestions": list(suggestions)})


class LocationInactive(LunaError):
    code = ErrorCode.LOCATION_INACTIVE
    status = 422

    def __init__(self, location_code: str) -> None:
        super().__init__(f"{location_code} is not in use at present", details={"location_code": location_code})


class WaypointNotFound(NotFound):
    default_message = "There is no such waypoint"


class RobotNotFound(NotFound):
    default_message = "There is no such robot"


class NoMap(NotFound):
    default_message = "No floor has been loaded"


class AnotherStopEngaged(LunaError):
    """A release or a resume names a stop, and another one holds."""

    code = ErrorCode.ROBOT_ESTOPPED
    status = 409

    def __init__(self, engaged: str) -> None:
        super().__init__("Another emergency stop is engaged", details={"estop_id": engaged})


class RobotEstopped(LunaError):
    code = ErrorCode.ROBOT_ESTOPPED
    status = 409

    def __init__(self, engaged: str) -> None:
        super().__init__("An emergency stop is engaged; release it first", details={"estop_id": engaged})


class RobotBusy(LunaError):
    code = ErrorCode.ILLEGAL_TRANSITION
    status = 409
    default_message = "The robot has a delivery in hand"


class RegistrationTaken(LunaError):
    """Another robot has this name or namespace; `field` says which."""

    code = ErrorCode.CONFLICT
    status = 409

    def __init__(self, field: str, value: str) -> None:
        super().__init__(f"Another robot has the {field} {value!r}", details={"field": field})


class HomeTaken(LunaError):
    """Another robot goes home to this dock."""

    code = ErrorCode.WAYPOINT_IN_USE
    status = 409

    def __init__(self, location_code: str, robot_name: str) -> None:
        super().__init__(f"{location_code} is the dock of {robot_name}", details={"robot_name": robot_name})
