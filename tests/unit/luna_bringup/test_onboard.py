"""What LUNA's own nodes are told on a launched robot."""

import math
from pathlib import Path

import pytest
import yaml

from luna_bringup.arguments import ARGUMENTS, NODES
from luna_bringup.checks import check_robot
from luna_bringup.floors import Floor
from luna_bringup.initial_pose import telling
from luna_bringup.names import ArgumentError, Place
from luna_bringup.onboard import ONBOARD, SUPERVISOR, process_parameters
from luna_robot.navigation.localization import Localization, LocalizationLimits
from luna_robot.parameters import (
    KEEPOUT_MASK,
    SAFETY_SUPERVISOR,
    STATUS_PUBLISHER,
    TASK_EXECUTOR,
    WAYPOINT_NAVIGATOR,
    keepout_zones,
)

FLOOR = Path(__file__).parents[3] / "sim" / "maps" / "library"
HOME = Path("/home/robot")
DECLARED = {ONBOARD: (WAYPOINT_NAVIGATOR, TASK_EXECUTOR, STATUS_PUBLISHER), SUPERVISOR: (SAFETY_SUPERVISOR,)}


def told(**given: str) -> dict[str, dict[str, object]]:
    """What nodes.launch.py gives each process, having no other arguments than its own."""
    defaults = dict.fromkeys(NODES, "")
    return {name: dict(own) for name, own in process_parameters({**defaults, **given}, HOME).items()}


def test_every_node_knows_the_zones_that_nav2_keeps_out_of() -> None:
    map_file = str(FLOOR / "map.yaml")
    floor = Floor.of(map_file, "", "none")
    processes = told(map=map_file)
    for process, nodes in DECLARED.items():
        assert any(KEEPOUT_MASK in node for node in nodes)
        assert processes[process]["keepout_mask"] == floor.keepout
    assert keepout_zones(processes[SUPERVISOR]).rows > 0
    mine = str(FLOOR / "map.yaml")
    assert {own["keepout_mask"] for own in told(map=map_file, keepout_map=mine).values()} == {mine}
    assert {own["keepout_mask"] for own in told(keepout_map=mine).values()} == {mine}, "of a Nav2 started elsewhere"
    for given in ({}, {"map": map_file, "keepout_map": "none"}):
        assert not any("keepout_mask" in own for own in told(**given).values()), "the file of parameters decides"


def test_a_mask_that_is_not_there_ends_the_launch_whoever_starts_nav2(tmp_path: Path) -> None:
    values = dict.fromkeys(ARGUMENTS, "") | {"nav2": "false", "rosbridge": "false"}
    (tmp_path / "map.yaml").write_text("image: map.pgm")
    for wrong in ({"keepout_map": "/nowhere"}, {"map": str(tmp_path / "map.yaml")}):
        with pytest.raises(ArgumentError, match="keepout_map"):
            check_robot({**values, **wrong})
    check_robot({**values, "map": str(tmp_path / "map.yaml"), "keepout_map": "none"})


def test_each_process_is_told_what_its_nodes_know_and_who_it_is() -> None:
    processes = told(namespace="/floor2/luna1", use_sim_time="true", map_id="library")
    for process, nodes in DECLARED.items():
        known = {parameter.name for node in nodes for parameter in node}
        assert set(processes[process]) <= known | {"use_sim_time", "enable_stamped_cmd_vel"}
    supervisor = processes[SUPERVISOR]
    assert "use_sim_time" not in supervisor, "it stops the robot also when a simulated time stands still"
    assert (processes[ONBOARD]["use_sim_time"], processes[ONBOARD]["map_id"]) == (True, "library")
    assert supervisor["robot_name"] == "floor2/luna1" and told()[SUPERVISOR]["robot_name"] == "luna"
    assert supervisor["state_dir"] == "/home/robot/.ros/luna_robot/floor2/luna1"
    assert told(enable_stamped_cmd_vel="false")[SUPERVISOR]["enable_stamped_cmd_vel"] is False
    assert told(enable_stamped_cmd_vel="true")[SUPERVISOR]["enable_stamped_cmd_vel"] is True
    assert told(state_dir="/var/lib/luna")[ONBOARD]["state_dir"] == "/var/lib/luna"


def test_where_the_robot_stands_is_told_once_and_counts_when_a_scan_confirms_it() -> None:
    """An AMCL that was told by parameter would begin there again whenever it comes back, wherever the robot is."""
    program = telling("/luna1", Place(1.5, 1e-5, math.pi))
    assert program[:5] == ["timeout", "120", "ros2", "service", "call"]
    assert program[5:7] == ["/luna1/set_initial_pose", "nav2_msgs/srv/SetInitialPose"]
    told = yaml.safe_load(program[7])["pose"]
    assert told["header"]["frame_id"] == "map"
    assert told["pose"]["pose"]["position"] == {"x": 1.5, "y": 1e-5}
    assert told["pose"]["pose"]["orientation"]["z"] == pytest.approx(1.0)
    localization = Localization(LocalizationLimits())
    localization.observe_transform(1, 0.0)
    localization.observe_covariance(*(told["pose"]["covariance"][index] for index in (0, 7, 35)))
    assert not localization.localized(0.0)
    for file in (FLOOR.parents[2] / "launch" / "luna_bringup").rglob("*"):
        if file.suffix in (".yaml", ".py") and file.name != "initial_pose.py":
            assert "set_initial_pose" not in file.read_text(), file
