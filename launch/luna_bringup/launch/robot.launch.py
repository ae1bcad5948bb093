"""LUNA on a robot: its nodes, Nav2 with twist_mux, rosbridge. Drivers are the robot's own (turtlebot4.service).

ros2 launch luna_bringup robot.launch.py namespace:=luna1 map:=/etc/luna/floor/map.yaml
"""

from launch import LaunchDescription
from luna_bringup.arguments import NAVIGATION, NODES, ROBOT, ROSBRIDGE
from luna_bringup.checks import check_robot
from luna_bringup.describing import Actions, Arguments, described, included
from luna_bringup.floors import Floor


def generate_launch_description() -> LaunchDescription:
    return described(ROBOT, robot)


def robot(arguments: Arguments) -> Actions:
    check_robot(arguments)
    nodes = arguments.pick(NODES)
    actions = []
    if arguments.yes("nav2"):
        floor = Floor.of(arguments["map"], arguments["keepout_map"], arguments["speed_map"])
        nodes["map_id"] = nodes["map_id"] or floor.name
        actions.append(included("navigation.launch.py", arguments.pick(NAVIGATION)))
    if arguments.yes("rosbridge"):
        actions.append(included("rosbridge.launch.py", arguments.pick(ROSBRIDGE)))
    return [included("nodes.launch.py", nodes), *actions]
