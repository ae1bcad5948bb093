"""Launch files, parameters and RViz's configuration as files: within the robot's limits, naming what there is."""

import ast
import re
import xml.etree.ElementTree as ET  # our own files
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from luna_bringup import arguments
from luna_bringup.floors import Floor

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "launch" / "luna_bringup"
PACKAGES = [PACKAGE, *sorted((ROOT / "ros_ws" / "src").iterdir())]
LAUNCH = sorted((PACKAGE / "launch").glob("*.launch.py"))
CRUISING, FASTEST = 0.26, 0.306
"""m/s of a Create 3."""
BODY = 0.164
"""m, its radius."""
PACKAGE_NAMES = re.compile(r"(nav2|ros_gz|turtlebot4|irobot)_[a-z0-9_]+|opennav_docking|twist_mux|rviz2|luna_robot")


@cache
def parameters(name: str) -> dict[str, dict[str, Any]]:
    """Parameters by node, of a file in config/."""
    content = yaml.safe_load((PACKAGE / "config" / name).read_text())
    return {node.rsplit("/", 1)[-1]: block["ros__parameters"] for node, block in content.items() if node != "/**"}


def leaves(tree: object, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, f"{path}.{key}")
    else:
        yield path, tree


@pytest.mark.parametrize("file", sorted((PACKAGE / "config").rglob("*.yaml")), ids=lambda file: file.stem)
def test_parameters_are_what_ros_can_read(file: Path) -> None:
    text = file.read_text()
    content = yaml.safe_load(text)
    assert not any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)), "rcl knows no aliases"
    assert all(node.startswith("/**") for node in content), "of whatever namespace the robot has"
    for path, value in leaves(content):
        assert value != [], f"{path}: a ROS parameter cannot be an empty list"
        if isinstance(value, list):
            assert len({type(one) for one in value}) == 1, path
        if path.endswith("topic") and str(value).startswith("/"):
            pytest.fail(f"{path}: {value} is outside the robot's namespace")


def test_nothing_drives_faster_than_the_base_nor_backwards() -> None:
    nav2 = parameters("nav2.yaml")
    follow, smooth = nav2["controller_server"]["FollowPath"], nav2["velocity_smoother"]
    assert follow["desired_linear_vel"] == smooth["max_velocity"][0] == CRUISING
    assert follow["allow_reversing"] is False
    assert smooth["min_velocity"][0] == 0.0
    assert nav2["docking_server"]["controller"]["v_linear_max"] <= CRUISING
    fast = re.compile(r"\.(max_velocity|desired_linear_vel|v_linear_max|vx_max|max_vel_x|max_speed_xy)$")
    for path, value in leaves(nav2):
        if fast.search(path):
            assert (value[0] if isinstance(value, list) else value) <= FASTEST, path
    assert nav2["behavior_server"]["behavior_plugins"] == ["spin", "wait"]
    for tree in (PACKAGE / "behavior_trees").glob("*.xml"):
        names = {element.tag for element in ET.fromstring(tree.read_text()).iter()}  # noqa: S314
        assert not names & {"BackUp", "DriveOnHeading", "AssistedTeleop"}, tree.name


def test_costmaps_know_the_body_the_lidar_and_the_keepout_zones() -> None:
    nav2 = parameters("nav2.yaml")
    for costmap in (nav2["local_costmap"], nav2["global_costmap"]):
        assert BODY < costmap["robot_radius"] <= 0.18
        assert costmap["obstacle_layer"]["scan"]["topic"] == "$(var ns)/scan"
        assert costmap["obstacle_layer"]["scan"]["raytrace_max_range"] == 12.0
        assert costmap["keepout_filter"]["plugin"] == "nav2_costmap_2d::KeepoutFilter"
    assert nav2["amcl"]["laser_max_range"] == 12.0
    assert nav2["collision_monitor"]["body"]["radius"] > nav2["local_costmap"]["robot_radius"]
    scaling = nav2["controller_server"]["FollowPath"]["inflation_cost_scaling_factor"]
    assert scaling == nav2["local_costmap"]["inflation_layer"]["cost_scaling_factor"]


def test_every_filter_in_use_is_described_and_has_its_mask_and_its_info() -> None:
    nav2 = parameters("nav2.yaml")
    map_file = str(ROOT / "sim" / "maps" / "library" / "map.yaml")
    for keepout, speed in (("", "none"), ("none", map_file), ("", map_file)):
        floor = Floor.of(map_file, keepout, speed)
        tellers = 0
        for costmap, block in parameters(f"filters/{floor.filters()}").items():
            for name in block["filters"]:
                tellers += name == "speed_filter"
                kind = name.removesuffix("_filter")
                info = nav2[f"{kind}_info_server"]
                assert nav2[costmap][name]["filter_info_topic"] == f"$(var ns)/{info['filter_info_topic']}"
                assert info["mask_topic"] == f"$(var ns)/{nav2[f'{kind}_mask_server']['topic_name']}"
                assert f"{kind}_mask_server" in floor.programs()
        assert tellers == bool(floor.speed)


def test_velocities_are_stamped_and_pass_one_after_the_other() -> None:
    nav2, mux = parameters("nav2.yaml"), parameters("twist_mux.yaml")["twist_mux"]
    drivers = ["controller_server", "behavior_server", "velocity_smoother", "collision_monitor", "docking_server"]
    assert all(nav2[node]["enable_stamped_cmd_vel"] for node in drivers)
    assert mux["use_stamped"] is True
    inputs = {topic["topic"] for topic in mux["topics"].values()}
    assert inputs == {nav2["collision_monitor"]["cmd_vel_out_topic"], "cmd_vel_docking", "cmd_vel_teleop"}
    navigation = (PACKAGE / "launch" / "navigation.launch.py").read_text()
    assert '("cmd_vel_out", "cmd_vel")' in navigation
    assert '"docking_server": "cmd_vel_docking"' in navigation


def test_the_lock_holds_everything_and_silence_locks() -> None:
    mux = parameters("twist_mux.yaml")["twist_mux"]
    assert mux["locks"] == {"estop": {"topic": "estop", "timeout": 0.5, "priority": 255}}
    assert all(topic["priority"] < 255 and topic["timeout"] <= 0.5 for topic in mux["topics"].values())


def test_the_base_tells_of_hazards_kidnapping_and_standstill() -> None:
    content = yaml.safe_load((PACKAGE / "config" / "create3_republisher.yaml").read_text())
    block = content["/**"]["create3_repub"]["ros__parameters"]
    for names in block.values():
        pairs = list(zip(names[::2], names[1::2], strict=True))
        assert all("/" not in name and kind.count("/") == 2 for name, kind in pairs)
    passed_on = set(block["robot_publishers"][::2])
    assert {"hazard_detection", "kidnap_status", "stop_status", "battery_state", "dock_status", "odom"} <= passed_on
    assert "e_stop" in block["robot_services"]
    moving = [name for name in block["robot_subscriptions"][::2] if name.startswith("cmd_vel")]
    assert moving == ["cmd_vel_stamped"], "one way to the wheels, the one behind twist_mux"


def test_rviz_shows_topics_that_there_are() -> None:
    shown = yaml.safe_load((PACKAGE / "rviz" / "luna.rviz").read_text())["Visualization Manager"]
    everything = listed(shown["Displays"] + shown["Tools"])
    topics = {value for path, value in leaves(everything) if "Topic.Value" in path}
    onboard = {"status_markers", "waypoint_markers"}
    simulated = {"map", "odom", "goal_pose", "initialpose", "/people"}
    nav2 = {
        "map_updates", "plan", "local_plan", "scan", "keepout_mask", "keepout_mask_updates", "particle_cloud",
        *(f"{which}_costmap/costmap{tail}" for which in ("global", "local") for tail in ("", "_updates")),
    }  # fmt: skip
    assert topics == onboard | simulated | nav2 | {"robot_description", "clicked_point"}
    classes = {display["Class"].rsplit("/", 1)[1] for display in shown["Displays"] + shown["Tools"]}
    assert {"Map", "RobotModel", "Path", "LaserScan", "MarkerArray"} <= classes
    assert {"SetInitialPose", "SetGoal", "PublishPoint"} <= classes


def test_the_plugins_of_nav2_are_dependencies() -> None:
    plugins = set(re.findall(r"(\w+)::\w+", (PACKAGE / "config" / "nav2.yaml").read_text()))
    manifest = (PACKAGE / "package.xml").read_text()
    assert len(plugins) >= 8
    assert all(f">{package}<" in manifest for package in plugins), plugins


def listed(displays: list[dict[str, Any]]) -> dict[str, Any]:
    return {str(number): display for number, display in enumerate(displays)}


def strings(file: Path) -> set[str]:
    tree = ast.parse(file.read_text())
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@pytest.mark.parametrize("file", LAUNCH, ids=lambda file: file.name)
def test_launch_files_name_files_packages_and_arguments_that_there_are(file: Path) -> None:
    elsewhere = {"gz_sim.launch.py", "turtlebot4_spawn.launch.py"}
    manifest = (PACKAGE / "package.xml").read_text()
    for text in strings(file):
        if re.fullmatch(r"\w+\.launch\.py", text) and text not in elsewhere:
            assert (PACKAGE / "launch" / text).is_file(), text
        if re.fullmatch(r"\w+\.(yaml|rviz|xml)", text):
            places = [*PACKAGE.glob(f"*/{text}"), *ROOT.glob(f"ros_ws/src/*/*/config/{text}")]
            assert places or text in {"map.yaml", "waypoints.yaml"}, text
    packages = {text for text in strings(file) if re.fullmatch(PACKAGE_NAMES, text)} - set(arguments.ARGUMENTS)
    assert all(f">{name}<" in manifest for name in packages), packages
    for name in re.findall(r'arguments(?:\.yes\(|\[)"(\w+)"', file.read_text()):
        assert name in arguments.ARGUMENTS, name


def test_every_argument_is_described_and_offered_somewhere() -> None:
    offered = {*arguments.ROBOT, *arguments.SIMULATION, *arguments.OPERATOR}
    assert offered == set(arguments.ARGUMENTS)
    assert all(len(argument.description) >= 10 for argument in arguments.ARGUMENTS.values())
    assert {*arguments.NODES, *arguments.NAVIGATION, *arguments.ROSBRIDGE} <= set(arguments.ROBOT)


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.name)
def test_packages_say_what_they_import(folder: Path) -> None:
    """Each ROS package that a file imports is a dependency in package.xml; what setup.py says of itself is the same."""
    manifest = ET.fromstring((folder / "package.xml").read_text())  # noqa: S314
    needed = {element.text for element in manifest if element.tag.endswith("depend")}
    assert manifest.findtext("name") == folder.name
    foreign = {"rclpy", "launch", "launch_ros", "ament_index_python", "rosbridge_library"} | {p.name for p in PACKAGES}
    imported = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.split(".")[0])
            elif isinstance(node, ast.Import):
                imported |= {name.name.split(".")[0] for name in node.names}
    ros = {name for name in imported if name in foreign or name.endswith(("_msgs", "_interfaces"))} - {folder.name}
    assert ros <= needed, f"{folder.name}/package.xml lacks {ros - needed}"
    if (folder / "setup.py").is_file():
        setup = (folder / "setup.py").read_text()
        assert f'version="{manifest.findtext("version")}"' in setup
        assert f'description="{manifest.findtext("description")}"' in setup
        assert (folder / "resource" / folder.name).is_file()
