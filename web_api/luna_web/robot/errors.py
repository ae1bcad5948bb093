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


class RobotNotEmpty(LunaError):
    """Something of a delivery is left with a robot that is to be taken out; `details.left` says what."""

    code = ErrorCode.ILLEGAL_TRANSITION
    status = 409

    def __init__(self, robot_name: str, left: str) -> None:
        super().__init__(
            f"{robot_name} cannot be taken out: {left}. Let it finish, or say `?lost=true` if it will not come back",
            details={"left": left},
        )


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


class PlaceTaken(LunaError):
    """Another place has this code or name; `suggestion` is one that is free."""

    code = ErrorCode.CONFLICT
    status = 409

    def __init__(self, field: str, value: str, suggestion: str | None) -> None:
        details = {"field": field, "suggestion": suggestion} if suggestion else {"field": field}
        super().__init__(f"Another place has the {field} {value!r}", details=details)


class NotFree(LunaError):
    """A robot cannot stand there; `nearest_free` is where it could."""

    code = ErrorCode.VALIDATION_ERROR
    status = 422

    def __init__(self, problem: str, nearest: tuple[float, float] | None) -> None:
        point = {"x_coordinate": nearest[0], "y_coordinate": nearest[1]} if nearest else None
        fields = {"x_coordinate": [problem], "y_coordinate": [problem]}
        super().__init__(f"No robot can stand there: {problem}", details={"fields": fields, "nearest_free": point})


class WaypointInUse(LunaError):
    """Something relies on this place: `tasks`, `robots` whose home it is, `settings` that name it as a desk."""

    code = ErrorCode.WAYPOINT_IN_USE
    status = 409

    def __init__(self, tasks: Sequence[str] = (), robots: Sequence[str] = (), settings: Sequence[str] = ()) -> None:
        super().__init__(
            "Unfinished deliveries, homes of robots or a desk of the settings are at this place",
            details={"tasks": list(tasks), "robots": list(robots), "settings": list(settings)},
        )


class NoGrid(LunaError):
    """The floor was loaded before its grid was kept; nobody can say where robots can stand."""

    code = ErrorCode.CONFLICT
    status = 409
    default_message = "The floor has no grid yet; load it again with `./luna admin seed-floor`"


class TooManyPlaces(LunaError):
    code = ErrorCode.LIMIT_REACHED
    status = 409

    def __init__(self, most: int) -> None:
        super().__init__(f"A robot knows at most {most} places", details={"limit": most})
