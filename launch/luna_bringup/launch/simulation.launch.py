"""The library in Gazebo (Harmonic) with robots on its docks, each with all of LUNA.

ros2 launch luna_bringup simulation.launch.py robots:=luna1,luna2 rviz:=true
"""

from pathlib import Path

from launch.actions import SetEnvironmentVariable, TimerAction
from launch_ros.actions import Node

from launch import LaunchDescription
from luna_bringup.arguments import SIMULATION
from luna_bringup.checks import check_robot
from luna_bringup.describing import Actions, Arguments, described, included, share
from luna_bringup.names import Place, checkout, robots
from luna_bringup.worlds import SimulatedFloor

FOR_ALL = {"namespace": "", "keepout_map": "", "speed_map": "none", "initial_pose": ""}
CHECKED = ("params_file", "nav2_params_file", "nav2", "rosbridge", "rosbridge_port", "rosbridge_path")
BETWEEN_ROBOTS = 10.0
"""Seconds between two robots, so that one machine can bring each up."""


def generate_launch_description() -> LaunchDescription:
    return described(SIMULATION, simulation)


def simulation(arguments: Arguments) -> Actions:
    names = robots(arguments["robots"])
    floor = SimulatedFloor.of(arguments["floor"], arguments["world"], arguments["world_name"], _floors())
    homes = floor.homes(len(names))
    check_robot({**FOR_ALL, **arguments.pick(CHECKED), "map": floor.map})
    actions = [*_gazebo(floor.world, arguments)]
    for number, (name, dock) in enumerate(zip(names, homes, strict=True)):
        turtlebot = _turtlebot(name, dock, floor.world_name, arguments)
        robot = [turtlebot, _luna(name, number, dock, floor.map, len(names), arguments)]
        actions.append(TimerAction(period=number * BETWEEN_ROBOTS, actions=robot))
    if arguments.yes("rviz"):
        shown = {"robots": arguments["robots"], "use_sim_time": "true"}
        actions.append(included("operator.launch.py", shown))
    return actions


def _floors() -> list[Path]:
    """Where LUNA's own floors are: in its source tree, and what of them was installed with this package."""
    root = checkout(Path(__file__))
    return [*([root / "sim" / "maps"] if root else []), Path(share("floors"))]


def _gazebo(world: str, arguments: Arguments) -> Actions:
    """The server, a window if wanted, and its clock. TurtleBot 4's models are found beside their packages."""
    packages = ("turtlebot4_description", "irobot_create_description")
    models = ":".join(str(Path(share(package=package)).parent) for package in packages)
    window = "" if arguments.yes("gui") else "-s "
    return [
        SetEnvironmentVariable("GZ_SIM_RESOURCE_PATH", f"{Path(world).parent}:{models}"),
        included("gz_sim.launch.py", {"gz_args": f"-r {window}{world}", "on_exit_shutdown": "true"}, "ros_gz_sim"),
        Node(
            package="ros_gz_bridge",
            executable="parameter_bridge",
            name="clock_bridge",
            arguments=["/clock@rosgraph_msgs/msg/Clock[gz.msgs.Clock"],
            output="screen",
        ),
    ]


def _turtlebot(name: str, dock: Place, world_name: str, arguments: Arguments) -> object:
    """Robot, dock, bridge and drivers of TurtleBot 4's own packages; navigation is ours."""
    values = {
        "namespace": name,
        "x": str(dock.x),
        "y": str(dock.y),
        "yaw": str(dock.yaw),
        "world": world_name,
        "model": arguments["model"],
        "localization": "false",
        "slam": "false",
        "nav2": "false",
        "rviz": "false",
        "use_sim_time": "true",
    }
    return included("turtlebot4_spawn.launch.py", values, "turtlebot4_gz_bringup")


def _luna(name: str, number: int, dock: Place, map_file: str, count: int, arguments: Arguments) -> object:
    state = arguments["state_dir"]
    passed_on = (
        "params_file", "nav2_params_file", "nav2", "rosbridge", "rosbridge_address", "rosbridge_path", "log_level",
    )  # fmt: skip
    values = {
        **arguments.pick(passed_on),
        "namespace": name,
        "robot_name": name,
        "map": map_file,
        "initial_pose": f"{dock.x},{dock.y},{dock.yaw}",
        "state_dir": str(Path(state) / name) if state and count > 1 else state,
        "rosbridge_port": str(int(arguments["rosbridge_port"]) + number),
        "use_sim_time": "true",
    }
    return included("robot.launch.py", values)
