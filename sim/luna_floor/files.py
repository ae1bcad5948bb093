"""Files of a floor: map_server's PGM and YAML, and the waypoints."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from luna_floor.entry import Entry
from luna_floor.grid import Cell, Grid
from luna_floor.model import FloorError, FloorPlan, Waypoint, WaypointKind

OCCUPIED_THRESHOLD = 0.65
FREE_THRESHOLD = 0.25
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
        f"image: {image}\nmode: trinary\nresolution: {grid.resolution:g}\n"
        f"origin: [{grid.origin_x:g}, {grid.origin_y:g}, 0]\nnegate: 0\n"
        f"occupied_thresh: {OCCUPIED_THRESHOLD:g}\nfree_thresh: {FREE_THRESHOLD:g}\n"
    )


def waypoints_yaml(plan: FloorPlan) -> str:
    """The waypoint file of a floor: metres and radians, frame `map`."""
    lines = [f"map_id: {plan.map_id}", f"version: {plan.version}", "waypoints:"]
    lines += [_waypoint_line(w) for w in plan.waypoints]
    return "\n".join(lines) + "\n"


def read_map(path: Path) -> Grid:
    """Read a map_server map (YAML with a PGM beside it, trinary mode).

    Raises:
        FloorError: a file is missing or not such a map.
    """
    e = _read_yaml(path)
    image = path.parent / e.text("image")
    origin = e.numbers("origin", 3)
    if origin[2]:
        raise e.error("a rotated origin is not supported")
    dark = 1.0 - _read_pgm(image) / 255.0
    if e.has("negate") and e.number("negate"):
        dark = 1.0 - dark
    cells = np.full(dark.shape, Cell.UNKNOWN, dtype=np.int8)
    cells[dark > e.number("occupied_thresh", default=OCCUPIED_THRESHOLD)] = Cell.OCCUPIED
    cells[dark < e.number("free_thresh", default=FREE_THRESHOLD)] = Cell.FREE
    return Grid(np.flipud(cells).copy(), e.number("resolution", above=0), origin[0], origin[1])


def read_waypoints(path: Path) -> WaypointSet:
    """Read a waypoint file.

    Raises:
        FloorError: it is missing or a value in it is wrong.
    """
    root = _read_yaml(path)
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
        f"  - {{location_code: {w.code}, name: {w.name}, kind: {w.kind.value}, "
        f"x: {w.x:.3f}, y: {w.y:.3f}, yaw: {w.yaw:.6f}}}"
    )


def _waypoint(e: Entry) -> Waypoint:
    yaw = e.number("yaw", default=0.0)
    if not -math.pi - 1e-3 <= yaw <= math.pi + 1e-3:
        raise e.error(f"yaw must be radians between -pi and pi, found {yaw:g}")
    return Waypoint(
        e.text("location_code"), e.text("name"), e.choice("kind", WaypointKind), e.number("x"), e.number("y"), yaw
    )


def _read_yaml(path: Path) -> Entry:
    try:
        return Entry(yaml.safe_load(path.read_text(encoding="utf-8")), str(path))
    except OSError as error:
        raise FloorError(f"{path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise FloorError(f"{path}: not valid YAML: {error}") from error


def _read_pgm(path: Path) -> NDArray[np.float64]:
    """Grey levels 0..255 of a binary PGM, row 0 at the top. Format: Netpbm pgm(5)."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FloorError(f"{path}: {error.strerror}") from error
    header: list[bytes] = []
    rest = data
    while len(header) < 4 and rest:
        token, _, rest = rest.lstrip(b" \t\r\n").partition(b"\n") if rest[:1] == b"#" else _token(rest)
        if token and not token.startswith(b"#"):
            header.append(token)
    try:
        kind, columns, rows, top = header[0], int(header[1]), int(header[2]), int(header[3])
    except (IndexError, ValueError):
        raise FloorError(f"{path}: not a PGM image") from None
    if kind != b"P5" or top != 255 or len(rest) < rows * columns:
        raise FloorError(f"{path}: not a whole binary PGM image (P5) with 255 grey levels")
    return np.frombuffer(rest, dtype=np.uint8, count=rows * columns).reshape(rows, columns).astype(np.float64)


def _token(data: bytes) -> tuple[bytes, bytes, bytes]:
    """The next blank-separated word, the blank, and what follows."""
    end = next((i for i, byte in enumerate(data) if byte in b" \t\r\n"), len(data))
    return data[:end], data[end : end + 1], data[end + 1 :]
