"""Zones that the robot must not enter: a keep-out mask as Nav2's map_server reads it (YAML and PGM)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from luna_robot.geometry import Pose

MAX_CELLS = 100_000_000
_HEADER = re.compile(rb"P5(?:\s|#[^\n]*\n)+(\d+)(?:\s|#[^\n]*\n)+(\d+)(?:\s|#[^\n]*\n)+(\d+)\s")


class KeepoutError(ValueError):
    """The mask cannot be read; the text names the file and what is wrong."""


@dataclass(frozen=True, slots=True)
class KeepoutZones:
    """A grid in frame "map". `forbidden` has a byte a cell, rows from the north (top of the image) down."""

    resolution: float = 1.0
    """Metres a cell."""
    origin: tuple[float, float] = (0.0, 0.0)
    """Of the lower left corner, metres."""
    columns: int = 0
    rows: int = 0
    forbidden: bytes = b""

    def forbids(self, pose: Pose) -> bool:
        """Whether the robot's centre must not be there. Beyond the mask nothing is forbidden."""
        column = math.floor((pose.x - self.origin[0]) / self.resolution)
        row = self.rows - 1 - math.floor((pose.y - self.origin[1]) / self.resolution)
        if not (0 <= column < self.columns and 0 <= row < self.rows):
            return False
        return self.forbidden[row * self.columns + column] != 0


NOWHERE = KeepoutZones()


def load_keepout(path: Path) -> KeepoutZones:
    """Read a mask in mode trinary or scale. Raises KeepoutError: a robot does not run without zones it should have."""
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
        image = (path.parent / told["image"]).read_bytes()
        return _zones(told, image)
    except (OSError, yaml.YAMLError, LookupError, TypeError, ValueError) as error:
        raise KeepoutError(f"keep-out mask {path}: {error}") from error


def _zones(told: dict[str, Any], image: bytes) -> KeepoutZones:
    x, y, yaw = (float(value) for value in told["origin"])
    resolution, threshold = float(told["resolution"]), float(told.get("occupied_thresh", 0.65))
    if told.get("mode", "trinary") not in ("trinary", "scale"):
        raise ValueError(f"mode {told['mode']!r} is neither trinary nor scale")
    if yaw != 0.0 or resolution <= 0.0 or not all(map(math.isfinite, (x, y, resolution))):
        raise ValueError("origin must be finite and not turned, resolution above zero")
    header = _HEADER.match(image)
    if header is None or int(header[3]) != 255:
        raise ValueError("the image is not a binary PGM (P5) with 255 grey levels")
    columns, rows, pixels = int(header[1]), int(header[2]), image[header.end() :]
    if columns * rows > MAX_CELLS or len(pixels) != columns * rows:
        raise ValueError(f"{len(pixels)} pixels are not {columns} x {rows}")
    negate = bool(told.get("negate", 0))
    table = bytes(int((grey if negate else 255 - grey) / 255 > threshold) for grey in range(256))
    return KeepoutZones(resolution, (x, y), columns, rows, pixels.translate(table))
