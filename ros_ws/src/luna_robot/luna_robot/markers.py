"""What RViz draws: the places of the map, what the robot does, where it is going. Frame "map", metres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from luna_robot.delivery.model import Phase
from luna_robot.geometry import Pose
from luna_robot.status import Mode
from luna_robot.waypoints import WaypointTable

Colour = tuple[float, float, float]
"""Red, green, blue, 0…1."""
GREY, WHITE, RED, AMBER, GREEN, BLUE = (
    (0.6, 0.6, 0.6), (1.0, 1.0, 1.0), (0.9, 0.1, 0.1), (1.0, 0.7, 0.0), (0.2, 0.8, 0.3), (0.2, 0.5, 1.0),
)  # fmt: skip
KINDS: dict[str, Colour] = {"DESK": BLUE, "STUDY": GREEN, "SHELF": GREY, "RETURN": AMBER, "DOCK": (0.7, 0.3, 0.9)}
ALARMING = frozenset({Mode.ESTOPPED, Mode.RECOVERY, Mode.ERROR})
HELD = frozenset({Mode.STARTING, Mode.MAINTENANCE, Mode.SUSPENDED, Mode.PAUSED})


class Shape(IntEnum):
    """As in visualization_msgs/Marker."""

    ARROW = 0
    CYLINDER = 3
    TEXT = 9


@dataclass(frozen=True, slots=True)
class Drawing:
    """One marker. ``scale``: length and two widths of an arrow, widths and height else; text takes the last alone."""

    space: str
    number: int
    shape: Shape
    pose: Pose
    height: float
    """Of its middle above the floor."""
    scale: tuple[float, float, float]
    colour: Colour
    text: str = ""
    opacity: float = 1.0


def of_waypoints(table: WaypointTable) -> tuple[Drawing, ...]:
    """An arrow at each place, the way that a robot stands there, and its code above."""
    drawn: list[Drawing] = []
    for number, place in enumerate(table.waypoints):
        colour = KINDS.get(place.kind, WHITE)
        drawn.append(Drawing("places", number, Shape.ARROW, place.pose, 0.02, (0.35, 0.06, 0.06), colour))
        drawn.append(
            Drawing("codes", number, Shape.TEXT, place.pose, 0.35, (0.0, 0.0, 0.22), colour, place.location_code)
        )
    return tuple(drawn)


def of_status(status: Any, goal: Pose | None) -> tuple[Drawing, ...]:
    """What RobotStatus says, above the robot; and a disc with its name at ``goal``, the stop driven to or stood at."""
    mode = Mode(status.mode)
    colour = RED if mode in ALARMING else AMBER if mode in HELD else WHITE
    here = Pose(status.x, status.y, 0.0)
    drawn = [Drawing("status", 0, Shape.TEXT, here, 0.6, (0.0, 0.0, 0.25), colour, "\n".join(_lines(status, mode)))]
    if goal is not None:
        drawn.append(Drawing("goal", 0, Shape.CYLINDER, goal, 0.01, (0.5, 0.5, 0.02), GREEN, opacity=0.6))
        name = f"{status.robot_name} → {status.destination}".rstrip(" →")
        drawn.append(Drawing("goal", 1, Shape.TEXT, goal, 0.6, (0.0, 0.0, 0.22), GREEN, name))
    return tuple(drawn)


def gone(before: Sequence[Drawing], now: Sequence[Drawing]) -> tuple[Drawing, ...]:
    """Those drawn before that are to be taken away."""
    kept = {(one.space, one.number) for one in now}
    return tuple(one for one in before if (one.space, one.number) not in kept)


def _lines(status: Any, mode: Mode) -> list[str]:
    lines = [f"{status.robot_name}: {mode.name}" + ("" if status.localized else " (pose not trusted)")]
    if status.delivery_id:
        left = status.distance_remaining
        far = "" if math.isnan(left) else f", {left:.0f} m"
        lines.append(f"{Phase(status.phase).name} {status.destination}{far}")
    if status.estopped and status.estop_reason:
        lines.append(status.estop_reason)
    return lines + [fault.code for fault in status.faults[:3]]
