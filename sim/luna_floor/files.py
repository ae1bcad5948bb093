"""Writing a floor: map_server's PGM and YAML, and the waypoints; and reading waypoints."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from luna_floor.entry import Entry
from luna_floor.grid import Cell, Grid
from luna_floor.model import FloorError, Waypoint, WaypointKind

OCCUPIED_THRESHOLD = 0.65
FREE_THRESHOLD = 0.25
"""What is as dark as that or darker is occupied; as light or lighter, free."""
_PIXEL = {Cell.FREE: 254, Cell.OCCUPIED: 0, Cell.UNKNOWN: 128}
"""Grey levels. Unknown is darker than map_saver's 205, which a free threshold of 0.25 would read as free."""


@dataclass(frozen=True, slots=True)
class WaypointSet:
    """The waypoints of a map."""

    map_id: str
    version: int
    waypoints: tuple[Waypoint, ...]

    @property
    def docks(self) -> tuple[Waypoint, ...]:
        return tuple(w for w in self.waypoints if w.kind is WaypointKind.DOCK)


def pgm_bytes(grid: Grid) -> bytes:
    """A binary PGM (P5) of a grid, north up."""
    pixels = np.empty(grid.cells.shape, dtype=np.uint8)
    for cell, grey in _PIXEL.items():
        pixels[grid.cells == cell] = grey
    return f"P5\n{grid.columns} {grid.rows}\n255\n".encode() + np.flipud(pixels).tobytes()


def map_yaml(grid: Grid, image: str) -> str:
    """The map_server description of a grid."""
    return (
        f"image: {image}\nmode: trinary\nresolution: {grid.resolution:.9g}\n"
        f"origin: [{grid.origin_x:.9g}, {grid.origin_y:.9g}, 0]\nnegate: 0\n"
        f"occupied_thresh: {OCCUPIED_THRESHOLD:g}\nfree_thresh: {FREE_THRESHOLD:g}\n"
    )


def waypoints_yaml(waypoints: WaypointSet) -> str:
    """The waypoint file of a floor: metres and radians, frame `map`."""
    lines = [f"map_id: {_scalar(waypoints.map_id)}", f"version: {waypoints.version}", "waypoints:"]
    lines += [_waypoint_line(w) for w in waypoints.waypoints]
    return "\n".join(lines) + "\n"


def read_waypoints(path: Path) -> WaypointSet:
    """Read a waypoint file.

    Raises:
        FloorError: it is missing or a value in it is wrong.
    """
    root = read_yaml(path)
    waypoints = tuple(_waypoint(e) for e in root.entries("waypoints"))
    codes = [w.code for w in waypoints]
    if len(set(codes)) < len(codes):
        raise root.error("a location_code is used twice")
    return WaypointSet(root.text("map_id"), root.integer("version", at_least=1), waypoints)


def write_files(folder: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write files into a folder, which is made if it is missing."""
    for name, content in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _waypoint_line(w: Waypoint) -> str:
    return (
        f"  - {{location_code: {_scalar(w.code)}, name: {_scalar(w.name)}, kind: {w.kind.value}, "
        f"x: {w.x:.3f}, y: {w.y:.3f}, yaw: {w.yaw:.6f}}}"
    )


def _scalar(text: str) -> str:
    """A text as YAML reads it back within braces: bare where it can be."""
    try:
        bare = yaml.safe_load(f"[{text}]") == [text]
    except yaml.YAMLError:
        bare = False
    return text if bare else json.dumps(text, ensure_ascii=False)


def _waypoint(e: Entry) -> Waypoint:
    yaw = e.number("yaw", default=0.0)
    if not -math.pi - 1e-3 <= yaw <= math.pi + 1e-3:
        raise e.error(f"yaw must be radians between -pi and pi, found {yaw:g}")
    return Waypoint(
        e.text("location_code"), e.text("name"), e.choice("kind", WaypointKind), e.number("x"), e.number("y"), yaw
    )


def read_yaml(path: Path) -> Entry:
    """The root of a YAML file. Raises FloorError if it is missing or no YAML."""
    try:
        return Entry(yaml.safe_load(path.read_text(encoding="utf-8")), str(path))
    except OSError as error:
        raise FloorError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FloorError(f"{path}: not a text in UTF-8, as YAML is: {error}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise FloorError(f"{path}: not valid YAML: {error}") from error
