"""Maps of other people: read as map_server reads them, and made into floors."""

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from luna_floor.__main__ import main
from luna_floor.files import read_waypoints
from luna_floor.grid import Cell
from luna_floor.map_server import read_map
from luna_floor.model import FloorError
from luna_sim.setup import read_floor

F, O, U = Cell.FREE, Cell.OCCUPIED, Cell.UNKNOWN  # noqa: E741
# 0.65 and 0.25 of 255 fall between these grey levels.
GREYS = [0, 89, 90, 128, 191, 192, 255]


def written(folder: Path, pixels: object, name: str = "map.png", **described: object) -> Path:
    """A map in a folder; `described` goes into its YAML."""
    Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(folder / name)
    lines = {"image": name, "resolution": 0.1, "origin": [-1.0, 2.0, 0.0], "negate": 0} | described
    (folder / "map.yaml").write_text("".join(f"{key}: {value}\n" for key, value in lines.items()))
    return folder / "map.yaml"


@pytest.mark.parametrize(
    ("described", "cells"),
    [
        ({}, [O, O, U, U, U, F, F]),
        ({"mode": "trinary", "negate": "true"}, [F, U, U, U, O, O, O]),
        ({"mode": "scale"}, [O, O, F, F, F, F, F]),
        ({"mode": "scale", "negate": 1}, [F, F, F, F, O, O, O]),
        ({"mode": "raw"}, [F, F, F, U, U, U, U]),
        ({"occupied_thresh": 0.9, "free_thresh": 0.1}, [O, U, U, U, U, U, F]),
    ],
    ids=str,
)
def test_grey_levels_mean_what_the_mode_says(tmp_path: Path, described: dict[str, object], cells: list[int]) -> None:
    for name in ("map.png", "map.pgm", "map.bmp"):
        grid = read_map(written(tmp_path, [GREYS], name, **described))
        assert grid.cells.tolist() == [cells], name
    assert (grid.resolution, grid.origin_x, grid.origin_y) == (0.1, -1.0, 2.0)


def test_images_of_every_kind_that_map_server_accepts(tmp_path: Path) -> None:
    def seen(image: Image.Image, **described: object) -> list[list[int]]:
        file = written(tmp_path, [[0]], **described)
        image.save(tmp_path / "map.png")
        return read_map(file).cells.tolist()

    assert seen(Image.fromarray(np.array([[0, 100, 101]], dtype=np.uint8)), mode="raw") == [[F, O, U]]
    colours: NDArray[np.uint8] = np.array([[[255, 255, 255], [255, 0, 0], [40, 40, 40]]], dtype=np.uint8)
    assert seen(Image.fromarray(colours)) == [[F, O, O]]
    assert seen(Image.fromarray(colours).quantize(8)) == [[F, O, O]]
    assert seen(Image.fromarray(np.array([[0, 65535]], dtype=np.uint16))) == [[O, F]]
    clear = np.array([[[255, 255, 255, 255], [255, 255, 255, 0], [0, 0, 0, 200]]], dtype=np.uint8)
    assert seen(Image.fromarray(clear)) == [[F, U, U]]
    assert seen(Image.fromarray(np.array([[True, False]]))) == [[F, O]]
    # The image's upper row is the map's northern one.
    assert seen(Image.fromarray(np.array([[0], [255]], dtype=np.uint8))) == [[F], [O]]
    (tmp_path / "map.png").write_bytes(b"P2\n# by hand\n2 1\n255\n0 255\n")
    assert read_map(tmp_path / "map.yaml").cells.tolist() == [[O, F]]
    (tmp_path / "map.png").write_bytes(b"P5\n# by hand\n2 1\n# deep\n255\n\x00\xff")
    assert read_map(tmp_path / "map.yaml").cells.tolist() == [[O, F]]


@pytest.mark.parametrize(
    ("described", "complaint"),
    [
        ({"origin": [0, 0, 0.5]}, r"map\.yaml: origin: a map rotated by 0.5 is not supported"),
        ({"origin": [0, 0]}, "origin must be a list of 3 numbers"),
        ({"mode": "colour"}, "mode must be one of trinary, scale, raw, found 'colour'"),
        ({"negate": "maybe"}, "negate must be 0 or 1, found 'maybe'"),
        ({"resolution": 0}, "resolution must be greater than 0"),
        ({"resolution": 10**400}, "resolution must be a number"),
        ({"free_thresh": 0.7}, "free_thresh must lie below occupied_thresh"),
        ({"image": "other.png"}, r"other\.png: No such file"),
        ({"image": "map.yaml"}, r"map\.yaml: not an image that map_server reads"),
    ],
    ids=str,
)
def test_a_map_that_cannot_be_used_is_named(tmp_path: Path, described: dict[str, object], complaint: str) -> None:
    with pytest.raises(FloorError, match=complaint):
        read_map(written(tmp_path, [[0]], **described))


@pytest.mark.parametrize("content", [b"", b"P5\n4 4\n255\nshort", b"P5\nx y\n255\n", b"\x89PNG\r\n\x1a\nrest"])
def test_a_damaged_image_is_refused(tmp_path: Path, content: bytes) -> None:
    file = written(tmp_path, [[0]])
    (tmp_path / "map.png").write_bytes(content)
    with pytest.raises(FloorError, match=r"map\.png: not an? "):
        read_map(file)


class TestImport:
    WAYPOINTS = """
    map_id: attic
    version: 3
    waypoints:
      - {location_code: DOCK-1, name: "Dock: left, of two", kind: DOCK, x: -0.5, y: 2.5}
      - {location_code: DESK-1, name: Desk, kind: DESK, x: 1.0, y: 3.0, yaw: 1.5}
    """

    def attic(self, folder: Path, waypoints: str = WAYPOINTS, walled: bool = False) -> list[str]:
        """A room of 3 by 2 m as a PNG in mode scale, drawn white on black."""
        pixels = np.zeros((20, 30), dtype=np.uint8)
        pixels[[0, -1]], pixels[:, [0, -1]] = 255, 255
        if walled:
            pixels[:, 12] = 255
        file = written(folder, pixels, "attic.png", mode="scale", negate=1)
        (folder / "places.yaml").write_text(waypoints)
        return ["import", str(file), str(folder / "places.yaml"), str(folder / "attic")]

    def test_makes_a_floor_that_is_driven_on(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        words = self.attic(tmp_path)
        assert main([*words, "--keepout", words[1]]) == 0
        assert "attic: 3 x 2 m, 2 waypoints, 1 docks" in capsys.readouterr().out
        files = read_floor(tmp_path / "attic")
        assert np.array_equal(files.floor.grid.cells, read_map(tmp_path / "map.yaml").cells)
        assert files.waypoints == read_waypoints(tmp_path / "places.yaml")
        assert "trinary" in (tmp_path / "attic" / "map.yaml").read_text()
        mask = tmp_path / "attic" / "keepout.yaml"
        for ours, another in (("origin: [-1, 2, 0]", "origin: [-1, 2.1, 0]"), ("resolution: 0.1", "resolution: 0.05")):
            right = mask.read_text()
            mask.write_text(right.replace(ours, another))
            with pytest.raises(FloorError, match=r"keepout\.yaml: size, resolution and origin must be those of map"):
                read_floor(tmp_path / "attic")
            mask.write_text(right)
        mask.write_bytes(b"\xff\xfe\x00")
        with pytest.raises(FloorError, match=r"keepout\.yaml: not a text in UTF-8"):
            read_floor(tmp_path / "attic")

    @pytest.mark.parametrize(
        ("old", "new", "walled", "complaint"),
        [
            ("kind: DOCK", "kind: OTHER", False, "one waypoint at least must be of kind DOCK"),
            ("x: 1.0", "x: 9.0", False, r"a map of 3 x 2 m from \(-1, 2\):\nwaypoint DESK-1: .* outside"),
            ("x: 1.0", "x: 1.85", False, "waypoint DESK-1: .* to the nearest obstacle, 0.175 m wanted"),
            ("x: 1.0", "x: 1.0", True, "waypoint DESK-1: no way there from the others"),
            ("kind: DESK", "kind: BED", False, "kind must be one of DESK"),
        ],
    )
    def test_a_floor_that_no_robot_can_use_is_refused_and_nothing_written(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str], old: str, new: str, walled: bool, complaint: str
    ) -> None:
        assert main(self.attic(tmp_path, self.WAYPOINTS.replace(old, new), walled)) == 1
        assert re.search(complaint, capfd.readouterr().err)
        assert not (tmp_path / "attic").exists()

    def test_a_mask_of_another_size_is_refused(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        words = self.attic(tmp_path)
        (tmp_path / "mask").mkdir()
        assert main([*words, "--keepout", str(written(tmp_path / "mask", [[0]]))]) == 1
        assert "size, resolution and origin must be those of" in capfd.readouterr().err
