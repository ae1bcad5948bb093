"""RViz for an operator: one window a robot, with map, robot, plan, costmaps, waypoints and status text.

ros2 launch luna_bringup operator.launch.py robots:=luna1,luna2
"""

from launch_ros.actions import Node

from launch import LaunchDescription
from luna_bringup.arguments import OPERATOR
from luna_bringup.describing import Actions, Arguments, described, log_arguments, share
from luna_bringup.names import readable, robots


def generate_launch_description() -> LaunchDescription:
    return described(OPERATOR, operator)


def operator(arguments: Arguments) -> Actions:
    given = arguments["rviz_config"]
    config = readable(given, "rviz_config") if given else share("rviz", "luna.rviz")
    return [_window(name, config, arguments) for name in robots(arguments["robots"])]


def _window(robot: str, config: str, arguments: Arguments) -> Node:
    """The topics of the configuration are relative, hence of the robot in whose namespace RViz runs."""
    return Node(
        package="rviz2",
        executable="rviz2",
        name="rviz2",
        namespace=robot,
        parameters=[{"use_sim_time": arguments.yes("use_sim_time")}],
        remappings=[("/tf", "tf"), ("/tf_static", "tf_static")],
        arguments=["-d", config, *log_arguments(arguments)],
        output="screen",
    )
