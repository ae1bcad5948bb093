"""Random goals for several robots at once."""

import json
import os
from pathlib import Path

import pytest

from luna_floor.files import WaypointSet, map_yaml, pgm_bytes, waypoints_yaml, write_files
from luna_floor.model import Waypoint, WaypointKind
from luna_sim import bench
from luna_sim.core.floor import Floor
from luna_sim.core.parameters import RobotParameters
from luna_sim.places import Places
from luna_sim.setup import read_floor
from luna_sim.trials import Course, main

from .conftest import FLOORS, SIM, hall, world_with


def test_places_are_free_apart_and_the_same_for_a_seed(library: Floor) -> None:
    worlds = [world_with(library) for _ in range(2)]
    for world in worlds:
        Places(library, RobotParameters(), 3).fill(world, 50)
    poses = [[r.pose for r in world.robots.values()] for world in worlds]
    assert poses[0] == poses[1] and len(poses[0]) == 50
    for index, pose in enumerate(poses[0]):
        assert library.allowed(pose.x, pose.y) >= 0.25
        assert all(pose.distance_to(o.x, o.y) >= 1.0 for o in poses[0][:index])


def test_a_floor_without_room_or_too_full_is_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        Places(hall(1.0, 0.5), RobotParameters(), 1)
    with pytest.raises(ValueError, match="no free place"):
        Places(hall(3.0, 3.0), RobotParameters(), 1).fill(world_with(hall(3.0, 3.0)), 12)


def test_a_few_goals_of_two_robots_are_reached_in_the_same_way_for_the_same_seed() -> None:
    found = [Course(hall(7.0, 5.0), robots=2, goals=3, seed=4).run() for _ in range(2)]
    assert found[0].fingerprint == found[1].fingerprint
    told = {row["what"]: row["value"] for row in found[0].rows()}
    assert told["goals reached, %"] == 100.0 and told["contacts"] == told["deadlocks"] == 0
    assert 0.97 <= told["path ÷ shortest, median"] < 1.3
    assert all(t.reached and t.driven > 3.5 for t in found[0].trials)


@pytest.mark.parametrize("name", FLOORS)
def test_ten_robots_among_ten_people_touch_nothing_and_get_on(name: str) -> None:
    found = Course(read_floor(SIM / "maps" / name).floor, robots=10, goals=10, seed=2, people=10).run(longest=20.0)
    told = {row["what"]: row["value"] for row in found.rows()}
    touched = ("contacts", *(f"steps inside {what}" for what in ("an obstacle", "another robot", "a person")))
    assert {what: told[what] for what in touched} == dict.fromkeys(touched, 0)
    assert sum(t.driven for t in found.trials) > 30.0
    assert all(t.ending in ("SUCCEEDED", "UNFINISHED") and t.driven > 1.0 for t in found.trials)


def test_the_commands_write_all_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid = hall(7.0, 5.0).grid
    waypoints = WaypointSet("hall", 1, (Waypoint("HERE", "Here", WaypointKind.OTHER, 2.0, 2.0, 0.0),))
    files = {"map.pgm": pgm_bytes(grid), "map.yaml": map_yaml(grid, "map.pgm").encode()}
    write_files(tmp_path, [*files.items(), ("waypoints.yaml", waypoints_yaml(waypoints).encode())])
    out = tmp_path / "trials.json"
    assert main(["--floor", str(tmp_path), "--robots", "1", "--goals", "1", "--out", str(out)]) == 0
    written = json.loads(out.read_text())
    assert len(written["trials"]) == 1 and written["sections"][0]["rows"][0] == ["goals reached, %", 100.0, 100.0]
    assert "deadlocks" in capsys.readouterr().out
    cores = os.sched_getaffinity(0)
    try:
        words = ["--floor", str(tmp_path), "--robots", "2", "--seconds", "1", "--without-ros", "--out", str(out)]
        assert bench.main(words) == 0
    finally:
        os.sched_setaffinity(0, cores)
    rates = json.loads(out.read_text())["rates"]
    assert [(r["robots"], r["lidar"], r["ros"]) for r in rates] == [(2, False, False), (2, True, False)]
    assert all(0.0 < r["times"] < r["limit"] for r in rates)
    with pytest.raises(SystemExit):
        main(["--floor", str(tmp_path / "nowhere")])
