"""What launch arguments may say, and how they are refused."""

from pathlib import Path

import pytest

from luna_bringup.checks import check_robot
from luna_bringup.floors import Floor
from luna_bringup.names import ArgumentError, Place, absolute, beside, checkout, docks, place, robots, secret_path
from luna_bringup.worlds import SimulatedFloor

FLOOR = Path(__file__).parents[3] / "sim" / "maps" / "library"


def test_namespaces_and_robots() -> None:
    assert [absolute(text) for text in ("", "/", "luna1", "/floor2/luna1")] == ["", "", "/luna1", "/floor2/luna1"]
    assert robots("luna1, luna2") == ("luna1", "luna2")
    for wrong in ("", "luna1,luna1", "luna 1", "1luna"):
        with pytest.raises(ArgumentError, match=f"robots:={wrong}: expected different names"):
            robots(wrong)
    with pytest.raises(ArgumentError, match="namespace:=luna-1: expected letters"):
        absolute("luna-1")


def test_places() -> None:
    assert place("", "initial_pose") is None
    assert place("1.5, -2,3.14", "initial_pose") == Place(1.5, -2.0, 3.14)
    for wrong in ("1,2", "1,2,nan", "here"):
        with pytest.raises(ArgumentError, match=f"initial_pose:={wrong}: expected x,y,yaw"):
            place(wrong, "initial_pose")


def test_robots_begin_on_the_first_docks_of_the_floor() -> None:
    assert docks(str(FLOOR / "waypoints.yaml"), 2) == [Place(0.65, 7.4, 3.141593), Place(0.65, 8.3, 3.141593)]
    with pytest.raises(ArgumentError, match=r"99 of them, but .* has 8 docks"):
        docks(str(FLOOR / "waypoints.yaml"), 99)


def test_a_simulation_takes_a_floor_by_name_or_folder_with_the_world_in_it(tmp_path: Path) -> None:
    empty, ours = tmp_path / "floors", FLOOR.parent
    floor = SimulatedFloor.of("library", "", "", [empty, ours])
    assert floor == SimulatedFloor.of(str(FLOOR), "", "", [])
    assert (floor.map, floor.world) == (str(FLOOR / "map.yaml"), str(FLOOR / "world.sdf"))
    assert (floor.world_name, len(floor.homes(2))) == ("library", 2)
    mine = tmp_path / "mine.sdf"
    mine.write_text('<sdf version="1.9"><world name="depot"/></sdf>')
    assert SimulatedFloor.of("library", str(mine), "", [ours]).world_name == "depot"
    assert SimulatedFloor.of("library", str(mine), "other", [ours]).world_name == "other"
    for floors, wrong in (([ours], "one of .*library"), ([empty], "none of LUNA's")):
        with pytest.raises(ArgumentError, match=f"floor:=attic: expected a folder .*{wrong}"):
            SimulatedFloor.of("attic", "", "", floors)
    for text in ("<sdf/>", "nothing"):
        mine.write_text(text)
        with pytest.raises(ArgumentError, match=r"world:=.*expected a world of Gazebo"):
            SimulatedFloor.of("library", str(mine), "", [ours])


def test_a_floor_has_the_masks_beside_its_map_unless_told_otherwise(tmp_path: Path) -> None:
    map_file = str(FLOOR / "map.yaml")
    floor = Floor.of(map_file, "", "none")
    assert floor.name == "library"
    assert floor.files() == {"map_server": map_file, "keepout_mask_server": str(FLOOR / "keepout.yaml")}
    assert (set(floor.programs()), floor.filters()) == (
        {"map_server", "keepout_mask_server", "keepout_info_server"},
        "keepout.yaml",
    )
    both = Floor.of(map_file, "", str(FLOOR / "keepout.yaml"))
    assert both.filters() == "keepout_speed.yaml"
    bare = Floor.of(map_file, "none", "none")
    assert (set(bare.programs()), bare.filters()) == ({"map_server"}, "")
    with pytest.raises(ArgumentError, match=r"map: expected .* such as map:="):
        Floor.of("", "", "none")
    with pytest.raises(ArgumentError, match="there is no such file"):
        beside("", str(tmp_path / "map.yaml"), "keepout.yaml", "keepout_map")


def test_the_source_tree_is_found_from_inside_or_named(tmp_path: Path) -> None:
    assert checkout(Path(__file__), {}) == Path(__file__).resolve().parents[3]
    assert checkout(tmp_path / "file", {}) is None
    assert checkout(tmp_path / "file", {"LUNA_ROOT": "/opt/luna"}) == Path("/opt/luna")


RIGHT = {
    "namespace": "luna1", "params_file": "", "nav2_params_file": "", "nav2": "true", "map": str(FLOOR / "map.yaml"),
    "keepout_map": "", "speed_map": "none", "initial_pose": "1,2,3", "rosbridge": "true", "rosbridge_port": "9090",
    "rosbridge_path": "/" + "k" * 32,
}  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"namespace": "luna-1"}, {"params_file": "/nowhere"}, {"nav2_params_file": "/nowhere"}, {"map": ""},
        {"keepout_map": "/nowhere"}, {"initial_pose": "1,2"}, {"rosbridge_port": "70000"}, {"rosbridge_path": "/"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)  # fmt: skip
def test_nothing_of_a_robot_starts_when_one_argument_is_wrong(wrong: dict[str, str]) -> None:
    check_robot(RIGHT)
    with pytest.raises(ArgumentError, match=next(iter(wrong))):
        check_robot({**RIGHT, **wrong})
    check_robot({**RIGHT, "nav2": "false", "map": "", "rosbridge": "false", "rosbridge_path": ""})


def test_a_missing_map_is_what_is_named_and_not_the_mask_beside_it() -> None:
    for nav2 in ("true", "false"):
        with pytest.raises(ArgumentError, match=r"^map:=/nowhere/map\.yaml: there is no such file"):
            check_robot({**RIGHT, "nav2": nav2, "map": "/nowhere/map.yaml"})


def test_rosbridge_never_starts_under_a_path_that_can_be_guessed() -> None:
    hard = "/" + "k" * 32
    assert secret_path(hard) == hard
    for wrong in ("", "/", "/luna1", "k" * 40):
        with pytest.raises(ArgumentError, match="LUNA_ROSBRIDGE_PATH"):
            secret_path(wrong)
