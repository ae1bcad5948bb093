"""rosbridge of one robot: on loopback, under a secret path, passing LUNA's names of that robot and no others."""

from launch_ros.actions import Node

from launch import LaunchDescription
from luna_bringup.allow_list import AllowList
from luna_bringup.arguments import ROSBRIDGE
from luna_bringup.describing import Actions, Arguments, described, log_arguments, share
from luna_bringup.names import absolute, port, secret_path


def generate_launch_description() -> LaunchDescription:
    return described(ROSBRIDGE, rosbridge)


def rosbridge(arguments: Arguments) -> Actions:
    namespace = absolute(arguments["namespace"])
    server = {
        "address": arguments["rosbridge_address"],
        "port": port(arguments["rosbridge_port"], "rosbridge_port"),
        "url_path": secret_path(arguments["rosbridge_path"]),
        **AllowList.of(namespace).globs(),
    }
    return [
        Node(
            package="luna_bringup",
            executable="rosbridge",
            name="rosbridge_websocket",
            namespace=namespace,
            parameters=[share("config", "rosbridge.yaml"), server],
            arguments=["--robot", namespace, *log_arguments(arguments)] if namespace else log_arguments(arguments),
            output="screen",
            respawn=True,
            respawn_delay=2.0,
        )
    ]
