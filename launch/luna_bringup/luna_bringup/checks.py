"""What a robot's arguments say is looked at as a whole before anything is started.

A launch that finds something wrong when part of it runs already would end and leave that part running.
"""

from __future__ import annotations

from luna_bringup.floors import Floor, keepout_mask
from luna_bringup.names import Values, absolute, place, port, readable, secret_path


def check_robot(arguments: Values) -> None:
    """Raises ArgumentError for what robot.launch.py, or a file that it includes, could not start with."""
    absolute(arguments["namespace"])
    for name in ("params_file", "nav2_params_file", "map"):
        if arguments[name]:
            readable(arguments[name], name)
    keepout_mask(arguments["map"], arguments["keepout_map"])
    if arguments["nav2"] == "true":
        Floor.of(arguments["map"], arguments["keepout_map"], arguments["speed_map"])
        place(arguments["initial_pose"], "initial_pose")
    if arguments["rosbridge"] == "true":
        port(arguments["rosbridge_port"], "rosbridge_port")
        secret_path(arguments["rosbridge_path"])
