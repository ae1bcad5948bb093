"""How AMCL is told, once, where the robot stands when everything is started.

Not by its parameter `set_initial_pose`: that holds at every start of AMCL and every time that the lifecycle manager
resets it, without a doubt (its variances are zero), wherever the robot has driven since. An AMCL that comes back says
nothing until a person tells it a pose.
"""

from __future__ import annotations

import math

import yaml

from luna_bringup.names import Place

POSITION_VARIANCE, HEADING_VARIANCE = 0.5**2, (math.pi / 12.0) ** 2
"""m² and rad², as RViz's 2D Pose Estimate gives them: more than LUNA trusts, so that a scan must confirm it first."""
PATIENCE = 120
"""Seconds for AMCL to be there; a robot that was driven away by hand meanwhile must not be told where it stood."""


def telling(namespace: str, place: Place) -> list[str]:
    """The program that tells it, and ends. `namespace` is absolute, or empty."""
    covariance = [0.0] * 36
    covariance[0] = covariance[7] = POSITION_VARIANCE
    covariance[35] = HEADING_VARIANCE
    orientation = {"z": math.sin(place.yaw / 2.0), "w": math.cos(place.yaw / 2.0)}
    pose = {"position": {"x": place.x, "y": place.y}, "orientation": orientation}
    request = {"pose": {"header": {"frame_id": "map"}, "pose": {"pose": pose, "covariance": covariance}}}
    service = [f"{namespace}/set_initial_pose", "nav2_msgs/srv/SetInitialPose"]
    text = yaml.safe_dump(request, default_flow_style=True, width=math.inf).strip()
    return ["timeout", str(PATIENCE), "ros2", "service", "call", *service, text]
