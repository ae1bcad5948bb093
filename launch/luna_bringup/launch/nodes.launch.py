"""LUNA's own nodes on one robot: three in a process, the safety supervisor in one of its own."""

from pathlib import Path

from launch_ros.actions import Node

from launch import LaunchDescription
from luna_bringup.arguments import NODES
from luna_bringup.describing import Actions, Arguments, described, log_arguments, share
from luna_bringup.names import absolute, readable
from luna_bringup.onboard import process_parameters


def generate_launch_description() -> LaunchDescription:
    return described(NODES, nodes)


def nodes(arguments: Arguments) -> Actions:
    file = arguments["params_file"]
    defaults = readable(file, "params_file") if file else share("config", "robot.yaml", package="luna_robot")
    # Without a name of its own a Node's parameters reach every node of its process.
    processes = process_parameters(arguments, Path.home())
    return [_process(executable, [defaults, own], arguments) for executable, own in processes.items()]


def _process(executable: str, parameters: list[object], arguments: Arguments) -> Node:
    return Node(
        package="luna_robot",
        executable=executable,
        namespace=absolute(arguments["namespace"]),
        parameters=parameters,
        arguments=log_arguments(arguments),
        output="screen",
        respawn=arguments.yes("respawn"),
        respawn_delay=1.0,
        sigterm_timeout="10",
    )
