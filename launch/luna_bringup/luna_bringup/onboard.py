"""What LUNA's own nodes are told on one robot, beside the file of parameters: a set for each of the two processes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from luna_bringup.floors import keepout_mask
from luna_bringup.names import Values, absolute

ONBOARD, SUPERVISOR = "onboard", "safety_supervisor"
"""Executables of luna_robot."""


def process_parameters(arguments: Values, home: Path) -> Mapping[str, Mapping[str, Any]]:
    """By executable, from launch arguments. `home`: where a robot's state lies unless told otherwise.

    Both get the zones that Nav2 keeps out of: whoever drives the robot, a joystick too, the supervisor stops it there,
    and no goal is taken that leads into them. Without a mask the file of parameters decides.

    Raises:
        ArgumentError: there is no such mask.
    """
    robot = absolute(arguments["namespace"]).strip("/")
    mask = keepout_mask(arguments["map"], arguments["keepout_map"])
    common = {
        "robot_name": arguments["robot_name"] or robot or "luna",
        "state_dir": arguments["state_dir"] or str(home / ".ros" / "luna_robot" / robot),
        **({"keepout_mask": mask} if mask else {}),
    }
    onboard = {
        **common,
        "map_id": arguments["map_id"],
        "dock_type": arguments["dock_type"],
        "use_sim_time": arguments["use_sim_time"] == "true",
    }
    # On the steady clock, so that it stops the robot also when a simulated time stands still.
    supervisor = {**common, "enable_stamped_cmd_vel": arguments["enable_stamped_cmd_vel"] == "true"}
    return {ONBOARD: onboard, SUPERVISOR: supervisor}
