"""Which place a robot stands at: what a person's click in RViz and the robot's own pose come to."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from luna_robot.geometry import Pose

NEAR = 0.5
"""Metres: a click farther from the robot is meant for something else."""
FASTEST = 0.01
"""m/s and rad/s: a robot that is faster has not arrived yet."""


class NotThere(ValueError):
    """The click does not say where a place is; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the robot tells of itself. Speeds in m/s and rad/s."""

    pose: Pose
    localized: bool
    linear: float = 0.0
    angular: float = 0.0


def place_at(frame: str, x: float, y: float, robot: Standing | None) -> Pose:
    """The pose of the place that was clicked: the robot's own, which is better known than a click is aimed.

    Raises NotThere.
    """
    if frame.lstrip("/") != "map":
        raise NotThere(f"the click is in frame {frame!r}: set RViz's fixed frame to map")
    if robot is None:
        raise NotThere("the robot's status has not been heard: is it on, and is --robot its name?")
    if not robot.localized:
        raise NotThere("the robot's pose is not trustworthy: give an initial pose (2D Pose Estimate)")
    if abs(robot.linear) > FASTEST or abs(robot.angular) > FASTEST:
        raise NotThere("the robot still moves: wait until it stands")
    away = math.hypot(x - robot.pose.x, y - robot.pose.y)
    if not away <= NEAR:
        raise NotThere(f"the click is {away:.1f} m from the robot: drive it to the place, then click on the robot")
    return robot.pose


def as_json(code: str, place: Pose) -> str:
    """A line for `POST` and `PUT /api/v1/robot/waypoints`."""
    rounded = {"x_coordinate": place.x, "y_coordinate": place.y, "yaw": place.yaw}
    return json.dumps({"location_code": code, **{name: round(value, 3) for name, value in rounded.items()}})
