"""LUNA's own nodes on one robot: three in a process, the safety supervisor in one of its own."""

from pathlib import Path

from launch_ros.actions import Node

from launch import LaunchDescription
from luna_bringup.arguments import NODES
from luna_bringup.describing import Actions, Arguments, described, log_arguments, share
from luna_bringup.names import absolute, readable


def generate_launch_description() -> LaunchDescription:
    return described(NODES, nodes)


def nodes(arguments: Arguments) -> Actions:
    namespace = absolute(arguments["namespace"])
    robot = namespace.strip("/")
    file = arguments["params_file"]
    folder = arguments["state_dir"] or str(Path.home() / ".ros" / "luna_robot" / robot)
    common = {"robot_name": arguments["robot_name"] or robot or "luna", "state_dir": folder}
    defaults = readable(file, "params_file") if file else share("config", "robot.yaml", package="luna_robot")
    # Without a name of its own a Node's parameters reach every node of its process.
    onboard = {
        **common,
        "map_id": arguments["map_id"],
        "dock_type": arguments["dock_type"],
        "use_sim_time": arguments.yes("use_sim_time"),
    }
    return [
        _process("onboard", [defaults, onboard], namespace, arguments),
        # On the steady clock, so that it stops the robot also when a simulated time stands still.
        _process("safety_supervisor", [defaults, common], namespace, arguments),
    ]


def _process(executable: str, parameters: list[object], namespace: str, arguments: Arguments) -> Node:
    return Node(
        package="luna_robot",
        executable=executable,
        namespace=namespace,
        parameters=parameters,
        arguments=log_arguments(arguments),
        output="screen",
        respawn=arguments.yes("respawn"),
        respawn_delay=1.0,
        sigterm_timeout="10",
    )
