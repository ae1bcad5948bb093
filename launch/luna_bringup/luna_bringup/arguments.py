"""The arguments of the launch files, each described once. `ros2 launch luna_bringup FILE --show-args` prints them."""

from __future__ import annotations

from dataclasses import dataclass

YES_OR_NO = ("true", "false")


@dataclass(frozen=True, slots=True)
class Argument:
    """What it means; what it is unless given; the values that it may have, if they are few.

    A default that begins with `$` is the environment variable of that name, or nothing. `None` has no default.
    """

    description: str
    default: str | None = ""
    choices: tuple[str, ...] = ()


ARGUMENTS: dict[str, Argument] = {
    "namespace": Argument("namespace of the robot, such as luna1; empty for none", "$ROBOT_NAMESPACE"),
    "robots": Argument("namespaces of the robots, separated by commas", "luna1"),
    "robot_name": Argument("name that the web tier knows the robot by; empty = its namespace"),
    "map": Argument("map of the floor: the YAML file of map_server", "$LUNA_MAP"),
    "map_id": Argument("name of that map for the web tier; empty = the name of the folder that the map is in"),
    "keepout_map": Argument(
        "mask of zones to keep out of, for Nav2 and for LUNA's nodes; empty = keepout.yaml beside the map, "
        "none = no such zones, but those that params_file names"
    ),
    "speed_map": Argument("mask of zones to drive slowly in, the darker the slower; none = no such zones", "none"),
    "initial_pose": Argument(
        "where the robot stands at the start: x,y,yaw; told to AMCL once; empty = told in RViz (2D Pose Estimate)"
    ),
    "state_dir": Argument(
        "folder of the journal and the latched stop; it must outlive restarts; empty = ~/.ros/luna_robot/NAMESPACE",
        "$LUNA_STATE_DIR",
    ),
    "params_file": Argument("parameters of LUNA's nodes; empty = config/robot.yaml of luna_robot"),
    "nav2_params_file": Argument("parameters of Nav2; empty = config/nav2.yaml of luna_bringup"),
    "dock_type": Argument("type of dock for Nav2's docking server; empty = its only one"),
    "enable_stamped_cmd_vel": Argument(
        "cmd_vel is TwistStamped, as a TurtleBot 4 on Jazzy takes it; false = Twist: Nav2, twist_mux, LUNA",
        "true",
        YES_OR_NO,
    ),
    "use_sim_time": Argument("take the time from /clock", "false", YES_OR_NO),
    "log_level": Argument("least level of what is logged", "info", ("debug", "info", "warn", "error", "fatal")),
    "nav2": Argument("start localisation, Nav2 and twist_mux, too", "true", YES_OR_NO),
    "rosbridge": Argument("start rosbridge, through which the web tier reaches the robot, too", "true", YES_OR_NO),
    "rosbridge_address": Argument("address of rosbridge; a proxy before it asks for a token", "127.0.0.1"),
    "rosbridge_port": Argument("port of rosbridge; in a simulation of the first robot, the next has the next", "9090"),
    "rosbridge_path": Argument("secret path of rosbridge: a slash, 32 characters or more", "$LUNA_ROSBRIDGE_PATH"),
    "respawn": Argument("start a node of LUNA anew when it has died", "true", YES_OR_NO),
    "world": Argument("world of Gazebo (SDF); empty = world.sdf of the floor"),
    "world_name": Argument("name of that world in Gazebo; empty = the one in its file"),
    "floor": Argument("a floor of LUNA by name, or a folder of map.yaml, keepout.yaml, waypoints.yaml", "library"),
    "model": Argument("which TurtleBot 4", "standard", ("standard", "lite")),
    "gui": Argument("open Gazebo's window", "true", YES_OR_NO),
    "rviz": Argument("open RViz for each robot", "false", YES_OR_NO),
    "rviz_config": Argument("configuration of RViz; empty = rviz/luna.rviz of luna_bringup"),
}

NODES = (
    "namespace", "robot_name", "map", "map_id", "keepout_map", "state_dir", "params_file", "dock_type",
    "enable_stamped_cmd_vel", "use_sim_time", "log_level", "respawn",
)  # fmt: skip
NAVIGATION = (
    "namespace", "map", "keepout_map", "speed_map", "initial_pose", "nav2_params_file", "enable_stamped_cmd_vel",
    "use_sim_time", "log_level",
)  # fmt: skip
ROSBRIDGE = ("namespace", "rosbridge_address", "rosbridge_port", "rosbridge_path", "log_level")
ROBOT = tuple(dict.fromkeys((*NODES, *NAVIGATION, "nav2", "rosbridge", *ROSBRIDGE)))
SIMULATION = (
    "robots", "floor", "world", "world_name", "model", "gui", "rviz", "params_file", "nav2_params_file", "state_dir",
    "nav2", "rosbridge", "rosbridge_address", "rosbridge_port", "rosbridge_path", "log_level",
)  # fmt: skip
OPERATOR = ("robots", "rviz_config", "use_sim_time", "log_level")
