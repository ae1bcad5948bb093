"""The floor as a grid of cells that are free or not: may a robot stand here, and if not, where near. Pure.

The grid is that of ROS's map_server (`map.yaml`, trinary): a cell is free if it is occupied with less than
`free_thresh`. Metres and radians in the frame `map`.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops, UnidentifiedImageError

FREE, TAKEN = 255, 0
STEPS = (2.0, 10.0, 50.0)
"""Metres around a place within which a free one is looked for, one after the other."""
FARTHEST = 1000
"""Cells, however small they are."""


class BadGrid(ValueError):
    """The picture of a grid cannot be read."""


@dataclass(frozen=True, slots=True)
class Frame:
    """How a grid lies in the frame `map`: metres a cell, and the pose of its lower left corner."""

    resolution: float
    origin_x: float
    origin_y: float
    origin_yaw: float

    def to_cells(self, x: float, y: float) -> tuple[float, float]:
        """Cells to the right of the left edge and above the lower edge."""
        dx, dy = x - self.origin_x, y - self.origin_y
        cos, sin = math.cos(self.origin_yaw), math.sin(self.origin_yaw)
        return (dx * cos + dy * sin) / self.resolution, (dy * cos - dx * sin) / self.resolution

    def to_metres(self, right: float, up: float) -> tuple[float, float]:
        dx, dy = right * self.resolution, up * self.resolution
        cos, sin = math.cos(self.origin_yaw), math.sin(self.origin_yaw)
        return self.origin_x + dx * cos - dy * sin, self.origin_y + dx * sin + dy * cos


def free_cells(picture: bytes, *, negate: bool, free_thresh: float) -> bytes:
    """A map_server picture as a PNG of free (white) and other (black) cells. Raises BadGrid."""
    grey = _opened(picture).convert("L")
    limit = 255 * free_thresh
    table = [FREE if (value if negate else 255 - value) < limit else TAKEN for value in range(256)]
    return as_png(grey.point(table))


def both_free(one: bytes, other: bytes) -> bytes:
    """The cells that are free in both pictures of `free_cells`. Raises BadGrid."""
    first, second = _opened(one), _opened(other)
    if first.size != second.size:
        raise BadGrid(f"grids of {first.size} and {second.size} cells are not of the same floor")
    return as_png(ImageChops.darker(first, second))


def as_png(picture: Image.Image) -> bytes:
    sink = io.BytesIO()
    picture.save(sink, "PNG", optimize=True)
    return sink.getvalue()


class Grid:
    """Where robots can stand. `cells`: a picture of `free_cells`, whose rows go from the top down."""

    def __init__(self, cells: bytes, frame: Frame) -> None:
        self._cells = _opened(cells).convert("L")
        self._frame = frame

    @property
    def size(self) -> tuple[int, int]:
        return self._cells.size

    def inside(self, x: float, y: float) -> bool:
        right, up = self._frame.to_cells(x, y)
        return 0 <= right < self._cells.width and 0 <= up < self._cells.height

    def stands(self, x: float, y: float, radius: float) -> bool:
        """Whether a round robot of this radius touches free cells alone; beyond the edge nothing is free."""
        right, up = self._frame.to_cells(x, y)
        reach = radius / self._frame.resolution
        for column in range(math.floor(right - reach), math.floor(right + reach) + 1):
            for row in range(math.floor(up - reach), math.floor(up + reach) + 1):
                if _gap(right, column) ** 2 + _gap(up, row) ** 2 < reach**2 and not self._free(column, row):
                    return False
        return self._free(math.floor(right), math.floor(up))

    def nearest(self, x: float, y: float, radius: float) -> tuple[float, float] | None:
        """The centre of the nearest cell that a robot can stand on, metres; None = none for fifty metres."""
        right, up = self._frame.to_cells(x, y)
        right, up = min(max(right, 0.0), self._cells.width), min(max(up, 0.0), self._cells.height)
        for step in STEPS:
            reach = min(math.ceil(step / self._frame.resolution), FARTHEST)
            found = self._nearest_within(right, up, reach, radius / self._frame.resolution)
            # In the corners of the square there may be one that is farther than another outside of it.
            if found is not None and (found[0] <= reach or step == STEPS[-1]):
                return self._frame.to_metres(found[1] + 0.5, found[2] + 0.5)
        return None

    def _nearest_within(self, right: float, up: float, reach: int, radius: float) -> tuple[float, int, int] | None:
        """Distance in cells, column and row (from below) of the nearest cell within a square."""
        left, low = math.floor(right) - reach, math.floor(up) - reach
        side = 2 * reach + 1
        standing = self._standing(left, low, side, radius)
        best: tuple[float, int, int] | None = None
        for index, value in enumerate(standing.tobytes()):
            if value == FREE:
                column, row = left + index % side, low + side - 1 - index // side
                distance = math.hypot(column + 0.5 - right, row + 0.5 - up)
                if best is None or distance < best[0]:
                    best = (distance, column, row)
        return best

    def _standing(self, left: int, low: int, side: int, radius: float) -> Image.Image:
        """The square's cells on whose centre a robot can stand, white; rows from the top down."""
        margin = math.ceil(radius) + 1
        top = self._cells.height - low - side
        box = (left - margin, top - margin, left + side + margin, top + side + margin)
        around = self._cells.crop(box)  # beyond the edges it is black: taken
        inner = (margin, margin, margin + side, margin + side)
        standing = around.crop(inner)
        for dx, dy in _touched(radius):
            shifted = around.crop((inner[0] + dx, inner[1] + dy, inner[2] + dx, inner[3] + dy))
            standing = ImageChops.darker(standing, shifted)
        return standing

    def _free(self, column: int, row: int) -> bool:
        if not (0 <= column < self._cells.width and 0 <= row < self._cells.height):
            return False
        return self._cells.getpixel((column, self._cells.height - 1 - row)) == FREE


def _gap(at: float, cell: int) -> float:
    """How far a point is from a cell along one axis; 0 inside."""
    return max(cell - at, at - cell - 1, 0.0)


def _touched(radius: float) -> Sequence[tuple[int, int]]:
    """The cells that a robot on the centre of cell 0, 0 touches besides."""
    reach = math.ceil(radius + 0.5)
    span = range(-reach, reach + 1)
    touched = [
        (dx, dy) for dx in span for dy in span if math.hypot(max(abs(dx) - 0.5, 0), max(abs(dy) - 0.5, 0)) < radius
    ]
    return [cell for cell in touched if cell != (0, 0)]


def _opened(picture: bytes) -> Image.Image:
    try:
        opened = Image.open(io.BytesIO(picture), formats=("PNG", "PPM"))
        opened.load()
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError) as error:
        raise BadGrid(f"it is no picture: {error}") from error
    return opened
