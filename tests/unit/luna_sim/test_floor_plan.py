"""The floor plan, and the files that are generated from it."""

import io
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from scipy import ndimage

from luna_floor.__main__ import main
from luna_floor.build import exact_files, pictures
from luna_floor.checks import check_plan, drivable
from luna_floor.files import read_waypoints
from luna_floor.grid import Cell, draw_grid, draw_keep_out
from luna_floor.map_server import read_map
from luna_floor.model import FloorError, FloorPlan, WaypointKind
from luna_floor.parse import load_plan, parse_plan

from .conftest import FLOORS, LIBRARY_MAPS, LIBRARY_YAML, SIM

SMALL = """
{map_id: room, version: 1, title: Room, resolution: 0.05, robot: {radius: 0.175, clearance: 0.25},
 outline: {points: [[0, 0], [6, 0], [6, 4], [0, 4]], wall: 0.2},
 furniture: [{code: table, kind: table, rect: [2, 1, 1, 1]}, {code: round, kind: table, circle: [4.5, 1.5, 0.4]}],
 docks: [{code: DOCK-1, name: Dock, at: [0.7, 2], yaw: 180}], waypoints: []}
"""


@pytest.mark.parametrize("floor", FLOORS)
def test_the_committed_files_agree_with_the_plan(floor: str) -> None:
    for name, content in exact_files(load_plan(SIM / f"{floor}.yaml")):
        assert (SIM / "maps" / floor / name).read_bytes() == content, f"{name}: run ./luna sim build"


class TestTheAnnex:
    def test_one_robot_fits_through_the_passage_and_two_do_not(self) -> None:
        plan = load_plan(SIM / "annex.yaml")
        assert plan.size == (60.0, 40.0)
        check_plan(plan)
        places = {w.code: w for w in plan.waypoints}
        grid = draw_grid(plan)
        west, east, archive = (grid.cell_of(places[c].x, places[c].y) for c in ("PASSAGE-W", "PASSAGE-E", "ARCHIVE"))
        # Only the way through the passage: the gallery is shut.
        grid.cells[slice(grid.cell_of(0, 19.0)[0], None)] = Cell.OCCUPIED
        one, two = (ndimage.label(drivable(grid, None, radius))[0] for radius in (0.225, 0.33))
        assert one[west] == one[east] == one[archive] != 0
        assert two[west] != two[east]


class TestTheLibrary:
    def test_has_what_a_library_has(self, library_plan: FloorPlan) -> None:
        codes = {w.code for w in library_plan.waypoints}
        wanted = {"DESK-1", "DESK-2", "RETURN-1"}
        wanted |= {f"STUDY-{n}" for n in range(1, 13)} | {f"DOCK-{n}" for n in range(1, 9)}
        assert wanted <= codes
        assert {w.kind for w in library_plan.waypoints} == set(WaypointKind)
        assert len(library_plan.shelves) >= 60
        assert library_plan.size == (40.0, 25.0)

    def test_every_waypoint_is_on_free_floor_with_room_around_the_robot(self, library_plan: FloorPlan) -> None:
        grid = draw_grid(library_plan)
        clearance = grid.clearance()
        for w in library_plan.waypoints:
            assert clearance[grid.cell_of(w.x, w.y)] >= 0.175 + 0.25 - grid.resolution / 2, w.code

    def test_every_waypoint_is_reachable_from_every_other(self, library_plan: FloorPlan) -> None:
        grid = draw_grid(library_plan)
        parts, _ = ndimage.label(drivable(grid, draw_keep_out(library_plan), 0.175))
        found = {int(parts[grid.cell_of(w.x, w.y)]) for w in library_plan.waypoints}
        assert len(found) == 1 and 0 not in found

    def test_nothing_stands_in_a_wall_or_in_another_piece(self, library_plan: FloorPlan) -> None:
        boxes = [(s.code, s.rect) for s in library_plan.shelves]
        boxes += [(f.code, f.shape) for f in library_plan.furniture if hasattr(f.shape, "width")]
        for index, (code, a) in enumerate(boxes):
            for other, b in boxes[:index]:
                apart = a.x >= b.x + b.width - 1e-9 or b.x >= a.x + a.width - 1e-9
                apart |= a.y >= b.y + b.height - 1e-9 or b.y >= a.y + a.height - 1e-9
                assert apart, f"{code} stands in {other}"

    def test_the_committed_pictures_agree_with_the_plan(self, library_plan: FloorPlan) -> None:
        built = dict(pictures(library_plan))
        for name, size in (("map.png", (500, 800, 3)), ("textures/floor.png", (1000, 1600, 3))):
            drawn = np.asarray(Image.open(io.BytesIO(built[name])).convert("RGB"), dtype=np.int16)
            kept = np.asarray(Image.open(LIBRARY_MAPS / name).convert("RGB"), dtype=np.int16)
            assert drawn.shape == kept.shape == size
            assert np.abs(drawn - kept).mean() < 1.0


class TestFiles:
    def test_a_written_map_reads_back_as_the_same_grid(self, library_plan: FloorPlan) -> None:
        drawn, kept = draw_grid(library_plan), read_map(LIBRARY_MAPS / "map.yaml")
        assert np.array_equal(drawn.cells, kept.cells)
        assert (kept.resolution, kept.origin_x, kept.origin_y) == (0.05, 0.0, 0.0)
        assert {Cell.FREE, Cell.OCCUPIED, Cell.UNKNOWN} == set(np.unique(kept.cells))

    def test_written_waypoints_read_back_the_same(self, library_plan: FloorPlan) -> None:
        kept = read_waypoints(LIBRARY_MAPS / "waypoints.yaml")
        assert (kept.map_id, kept.version) == ("library", library_plan.version)
        for ours, theirs in zip(library_plan.waypoints, kept.waypoints, strict=True):
            assert (ours.code, ours.name, ours.kind) == (theirs.code, theirs.name, theirs.kind)
            assert (theirs.x, theirs.y, theirs.yaw) == pytest.approx((ours.x, ours.y, ours.yaw), abs=1e-3)

    def test_the_map_is_what_map_server_expects(self) -> None:
        described = yaml.safe_load((LIBRARY_MAPS / "map.yaml").read_text())
        assert described["image"] == "map.pgm" and described["negate"] == 0 and len(described["origin"]) == 3
        assert 0 < described["free_thresh"] < described["occupied_thresh"] < 1

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(FloorError, match=r"map\.yaml: No such file"):
            read_map(tmp_path / "map.yaml")


class TestMistakesInAPlan:
    @pytest.mark.parametrize(
        ("old", "new", "complaint"),
        [
            (
                "code: DESK-1,   name: Service desk,         kind: DESK",
                "code: DESK-1, name: X, kind: DESKS",
                "DESK-1.*kind must be one of DESK",
            ),
            (
                "kind: DESK,   at: [6.8, 7.2]",
                "kind: DESK, at: [6.8]",
                r"waypoints\[0\] \(DESK-1\): at must be a list of 2",
            ),
            ("kind: DESK,   at: [6.8, 7.2]", "kind: DESK, at: [6.8, .nan]", r"DESK-1.*at must be a number"),
            ("kind: DESK,   at: [6.8, 7.2]", "kind: DOCK, at: [6.8, 7.2]", "DESK-1.*belongs under docks"),
            ("{code: DESK-2,", "{code: DESK-1,", "DESK-1 is used twice"),
            ("resolution: 0.05", "resolution: 0", "resolution must be greater than 0"),
            ("resolution: 0.05", "resolutoin: 0.05", "unknown key 'resolutoin'"),
            ("version: 1", "version: true", "version must be a whole number"),
            ("title: City Library, ground floor", "title: ''", "title must be a non-empty text"),
            ("rect: [7.2, 0.2, 0.6, 0.6]", "rect: [7.2, 0.2, 0, 0.6]", "self-check-1.*positive width"),
            ("circle: [0.8, 0.8, 0.35]", "circle: [0.8, 0.8, -1]", "plant-1.*positive radius"),
            ("kind: plant,  circle: [0.8, 0.8, 0.35]", "kind: plant", "plant-1.*either rect or circle"),
            ("circle: [0.8, 0.8, 0.35]", "circle: [0.8, 0.8, 0.35], chairs: {n: 1}", "plant-1.*sides for chairs"),
            ("at: 6.2, width: 1.3", "at: 9.2, width: 1.3", "workroom south.*beyond the wall"),
            ("pitch: 1.95", "pitch: 0.5", "shelf_blocks.*leaves no aisle"),
            (
                "[[0, 0], [34, 0], [34, 3], [40, 3], [40, 25], [0, 25]]",
                "[[1, 0], [34, 3], [40, 25], [1, 25]]",
                "outline.*origin",
            ),
            ("from: [15.6, 19.4], to: [15.6, 24.8]", "from: [15.6, 19.4], to: [15.6, 19.4]", "study A-B.*same point"),
            ("furniture:\n", "furniture: none\nx:\n", "unknown key|must be a list"),
            ("map_id: library", "map_id: {", "not valid YAML"),
        ],
    )
    def test_the_message_names_the_entry(self, old: str, new: str, complaint: str) -> None:
        text = LIBRARY_YAML.read_text(encoding="utf-8")
        assert old in text
        with pytest.raises(FloorError, match=complaint):
            parse_plan(text.replace(old, new, 1))

    @pytest.mark.parametrize(
        ("old", "new", "complaint"),
        [
            ("at: [6.8, 7.2]", "at: [6.8, 6.6]", "DESK-1: .* to the nearest obstacle"),
            ("at: [6.8, 7.2]", "at: [68, 7.2]", "DESK-1: .* outside the building"),
            ("at: [6.8, 7.2]", "at: [8.2, 14.3]", "DESK-1: lies in a keep-out zone"),
            ("openings: [{at: 6.2, width: 1.3}]", "openings: []", "WORKROOM: no way there"),
        ],
    )
    def test_a_place_that_no_robot_can_use_is_refused(self, old: str, new: str, complaint: str) -> None:
        text = LIBRARY_YAML.read_text(encoding="utf-8")
        assert old in text
        with pytest.raises(FloorError, match=complaint):
            check_plan(parse_plan(text.replace(old, new, 1)))


class TestCommandLine:
    def test_build_writes_every_file(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "room.yaml").write_text(SMALL)
        assert main(["build", str(tmp_path / "room.yaml"), str(tmp_path / "out")]) == 0
        written = {p.name for p in (tmp_path / "out").iterdir()}
        maps = {"map.pgm", "map.yaml", "map.png", "keepout.pgm", "keepout.yaml", "lanes.yaml", "waypoints.yaml"}
        assert written == maps | {"world.sdf", "textures"}
        assert "Room: 6 x 4 m, 0 shelves, 2 pieces" in capsys.readouterr().out

    def test_a_wrong_plan_ends_with_1_and_a_message(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "floor.yaml").write_text("[]")
        assert main(["check", str(tmp_path / "floor.yaml")]) == 1
        assert "floor.yaml: floor plan: expected a mapping" in capsys.readouterr().err
        assert main(["check", str(tmp_path / "none.yaml")]) == 1
