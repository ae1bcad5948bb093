"""Speed limit and keep-out zones."""

from __future__ import annotations

from pathlib import Path

import pytest

from luna_robot.geometry import Pose
from luna_robot.keepout import NOWHERE, KeepoutError, KeepoutZones, load_keepout
from luna_robot.safety.bounds import KEEPOUT, OVERSPEED, Bounds, breaches
from luna_robot.safety.latch import Stop

LIBRARY = Path(__file__).parents[3] / "sim" / "maps" / "library" / "keepout.yaml"
CHILDREN = Pose(7.0, 13.0, 0.0)
DESK = Pose(6.8, 7.2, 0.0)
YAML = "{{image: mask.pgm, mode: {mode}, resolution: 0.5, origin: [-1, 2, {yaw}], negate: {negate}}}\n"


def mask(folder: Path, image: bytes, mode: str = "trinary", yaw: float = 0.0, negate: int = 0) -> Path:
    (folder / "mask.pgm").write_bytes(image)
    path = folder / "mask.yaml"
    path.write_text(YAML.format(mode=mode, yaw=yaw, negate=negate))
    return path


def test_the_librarys_zones_are_where_the_plan_has_them():
    zones = load_keepout(LIBRARY)
    assert zones.forbids(CHILDREN) and zones.forbids(Pose(3.0, 0.8, 0.0))
    assert not any(zones.forbids(pose) for pose in (DESK, Pose(-1.0, 13.0, 0.0), Pose(7.0, 99.0, 0.0)))


def test_rows_are_read_from_the_north_and_the_origin_counts(tmp_path: Path):
    zones = load_keepout(mask(tmp_path, b"P5\n# drawn by hand\n3 2\n255\n" + bytes([0, 254, 205, 254, 254, 0])))
    assert [[zones.forbids(Pose(x, y, 0.0)) for x in (-0.9, -0.4, 0.4)] for y in (2.9, 2.4)] == [
        [True, False, False],
        [False, False, True],
    ]
    assert not any(NOWHERE.forbids(Pose(x, 0.0, 0.0)) for x in (-1.0, 0.0, 1.0))


def test_negated_what_is_bright_is_forbidden(tmp_path: Path):
    zones = load_keepout(mask(tmp_path, b"P5 1 1 255 \xff", negate=1))
    assert zones.forbids(Pose(-0.9, 2.1, 0.0))


@pytest.mark.parametrize(
    ("image", "given"),
    [
        (b"P5 2 2 255 \x00", {}),
        (b"P2 1 1 255 0", {}),
        (b"P5 1 1 65535 \x00\x00", {}),
        (b"P5 " + b" " * 100_000, {}),
        (b"P5 1 1 255 \x00", {"mode": "raw"}),
        (b"P5 1 1 255 \x00", {"yaw": 0.5}),
    ],
)
def test_a_mask_that_cannot_be_read_is_named(tmp_path: Path, image: bytes, given: dict):
    with pytest.raises(KeepoutError, match=r"mask\.yaml"):
        load_keepout(mask(tmp_path, image, **given))


def test_without_a_file_or_its_image_there_are_no_zones_to_run_on(tmp_path: Path):
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(KeepoutError, match=str(path)):
            load_keepout(path)
    mask(tmp_path, b"")
    (tmp_path / "mask.pgm").unlink()
    with pytest.raises(KeepoutError, match=r"mask\.pgm"):
        load_keepout(tmp_path / "mask.yaml")


def test_two_measurements_in_a_row_are_too_fast_and_told_once():
    bounds = Bounds(0.356, NOWHERE)
    told = [bounds.observe_speed(speed) for speed in (0.3, 0.4, 0.3, -0.4, 0.5, 0.5, float("nan"), 0.4, 0.4)]
    assert [breach is not None for breach in told] == [False] * 4 + [True] + [False] * 3 + [True]
    assert told[4] is not None and told[4].code == OVERSPEED and "0.50" in told[4].text


def test_a_zone_is_breached_when_it_is_entered():
    bounds = Bounds(1.0, KeepoutZones(1.0, (0.0, 0.0), 1, 1, b"\x01"))
    outside, inside = Pose(-0.5, 0.5, 0.0), Pose(0.5, 0.5, 0.0)
    told = [bounds.observe_pose(pose) for pose in (outside, inside, inside, outside, inside)]
    assert [breach and breach.code for breach in told] == [None, KEEPOUT, None, None, KEEPOUT]


def test_a_breach_is_a_fault_as_long_as_its_stop_holds():
    stops = (Stop("KEEPOUT-1", "entered", "safety_supervisor", 1), Stop("OVERSPEED-2", "theirs", "staff", 2))
    assert [(fault.code, fault.text) for fault in breaches(stops, "safety_supervisor")] == [(KEEPOUT, "entered")]
