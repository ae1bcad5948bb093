"""Localisation on a known map, Nav2, and twist_mux, which lets velocities pass only while no stop holds.

controller, behaviors -> cmd_vel_nav -> smoother -> cmd_vel_smoothed -> collision monitor -> cmd_vel_monitored -+
docking server -> cmd_vel_docking ------------------------------------------------------------------------------+
a person's joystick -> cmd_vel_teleop --------------------------------------------------------------------------+
twist_mux -> cmd_vel <-+
"""

from typing import Any

from launch.actions import ExecuteProcess, SetLaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterFile

from launch import LaunchDescription
from luna_bringup.arguments import NAVIGATION
from luna_bringup.describing import Actions, Arguments, described, log_arguments, share
from luna_bringup.floors import Floor
from luna_bringup.initial_pose import telling
from luna_bringup.names import absolute, place, readable

NAVIGATORS = {
    "controller_server": ("nav2_controller", "controller_server"),
    "planner_server": ("nav2_planner", "planner_server"),
    "behavior_server": ("nav2_behaviors", "behavior_server"),
    "velocity_smoother": ("nav2_velocity_smoother", "velocity_smoother"),
    "collision_monitor": ("nav2_collision_monitor", "collision_monitor"),
    "bt_navigator": ("nav2_bt_navigator", "bt_navigator"),
    "docking_server": ("opennav_docking", "opennav_docking"),
}
VELOCITIES = {
    "controller_server": "cmd_vel_nav",
    "behavior_server": "cmd_vel_nav",
    "velocity_smoother": "cmd_vel_nav",
    "docking_server": "cmd_vel_docking",
}
DRIVERS = {*VELOCITIES, "collision_monitor"}
"""What publishes or hears velocities."""


def generate_launch_description() -> LaunchDescription:
    return described(NAVIGATION, navigation)


def navigation(arguments: Arguments) -> Actions:
    floor = Floor.of(arguments["map"], arguments["keepout_map"], arguments["speed_map"])
    localizers = {**floor.programs(), "amcl": ("nav2_amcl", "amcl")}
    own = {name: [{"yaml_filename": file}] for name, file in floor.files().items()}
    files = _parameter_files(floor, arguments)
    programs = {**localizers, **NAVIGATORS}
    return [
        SetLaunchConfiguration("ns", absolute(arguments["namespace"])),
        *(_server(name, program, [*files, *own.get(name, [])], arguments) for name, program in programs.items()),
        _manager("localization", list(localizers), arguments),
        _manager("navigation", list(NAVIGATORS), arguments),
        _twist_mux(arguments),
        *_initial_pose(arguments),
    ]


def _parameter_files(floor: Floor, arguments: Arguments) -> list[Any]:
    file = arguments["nav2_params_file"]
    general = readable(file, "nav2_params_file") if file else share("config", "nav2.yaml")
    filters = [share("config", "filters", floor.filters())] if floor.filters() else []
    return [ParameterFile(general, allow_substs=True), *filters]


def _initial_pose(arguments: Arguments) -> Actions:
    pose = place(arguments["initial_pose"], "initial_pose")
    if pose is None:
        return []
    return [ExecuteProcess(cmd=telling(absolute(arguments["namespace"]), pose), name="initial_pose", output="screen")]


def _server(name: str, program: tuple[str, str], parameters: list[Any], arguments: Arguments) -> Node:
    package, executable = program
    velocity = [("cmd_vel", VELOCITIES[name])] if name in VELOCITIES else []
    own: dict[str, Any] = {"use_sim_time": arguments.yes("use_sim_time")}
    if name in DRIVERS:
        own["enable_stamped_cmd_vel"] = arguments.yes("enable_stamped_cmd_vel")
    return Node(
        package=package,
        executable=executable,
        name=name,
        namespace=absolute(arguments["namespace"]),
        parameters=[*parameters, own],
        remappings=[("/tf", "tf"), ("/tf_static", "tf_static"), *velocity],
        arguments=log_arguments(arguments),
        output="screen",
        respawn=True,
        respawn_delay=2.0,
    )


def _manager(what: str, servers: list[str], arguments: Arguments) -> Node:
    return Node(
        package="nav2_lifecycle_manager",
        executable="lifecycle_manager",
        name=f"lifecycle_manager_{what}",
        namespace=absolute(arguments["namespace"]),
        parameters=[{"use_sim_time": arguments.yes("use_sim_time"), "autostart": True, "node_names": servers}],
        arguments=log_arguments(arguments),
        output="screen",
    )


def _twist_mux(arguments: Arguments) -> Node:
    """On the system's clock even in simulation: a lock that fell silent must lock also when a simulated time stands.

    The system's clock is not the steady one: set back, it holds up what twist_mux takes for silence.
    """
    return Node(
        package="twist_mux",
        executable="twist_mux",
        name="twist_mux",
        namespace=absolute(arguments["namespace"]),
        parameters=[share("config", "twist_mux.yaml"), {"use_stamped": arguments.yes("enable_stamped_cmd_vel")}],
        remappings=[("cmd_vel_out", "cmd_vel")],
        arguments=log_arguments(arguments),
        output="screen",
        respawn=True,
        respawn_delay=0.5,
    )
