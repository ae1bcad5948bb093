"""The floor as a picture of characters: two pixels to a cell, robots and their trails on top.

Pure: an image and poses in, a Rich text out.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image
from rich.color import Color
from rich.style import Style
from rich.text import Text

Rgb = tuple[int, int, int]
UPPER_HALF = "▀"
ARROWS = "→↗↑↖←↙↓↘"
TRAIL: Rgb = (255, 176, 59)
ROBOT = Style(color=Color.from_rgb(255, 255, 255), bgcolor=Color.from_rgb(200, 30, 60), bold=True)
GOAL = Style(color=Color.from_rgb(255, 255, 255), bgcolor=Color.from_rgb(20, 120, 70), bold=True)


@dataclass(frozen=True)
class Pose:
    """Position in metres and heading in radians, frame ``map``."""

    x: float
    y: float
    yaw: float


@dataclass(frozen=True)
class Mark:
    """A labelled spot on the plan, metres in frame ``map``."""

    x: float
    y: float
    label: str


@dataclass(frozen=True)
class FloorPlan:
    """A picture of the floor and where it lies.

    ``origin_x``/``origin_y`` (metres, frame ``map``) are the lower left corner of the picture,
    ``width_m``/``height_m`` its size: the convention of map_server's YAML.
    """

    image: Image.Image
    origin_x: float
    origin_y: float
    width_m: float
    height_m: float

    @classmethod
    def from_png(cls, png: bytes, *, resolution: float, origin_x: float, origin_y: float) -> FloorPlan:
        """Read a PNG whose pixels are ``resolution`` metres wide."""
        image = Image.open(io.BytesIO(png)).convert("RGB")
        return cls(image, origin_x, origin_y, image.width * resolution, image.height * resolution)

    def drawn(
        self, columns: int, *, robots: Sequence[Pose] = (), trail: Iterable[Pose] = (), goal: Mark | None = None
    ) -> Text:
        """The plan, ``columns`` characters wide, as many lines as its shape asks for."""
        canvas = _Canvas(self, columns)
        for x, y in dense(trail):
            canvas.dot(x, y, TRAIL)
        if goal is not None:
            canvas.label(goal.x, goal.y, f"⚑ {goal.label}", GOAL)
        for pose in robots:
            canvas.label(pose.x, pose.y, arrow(pose.yaw), ROBOT)
        return canvas.text()


def arrow(yaw: float) -> str:
    """The arrow that points nearest to a heading in radians (0 = along x, counter-clockwise)."""
    return ARROWS[round(yaw / (math.pi / 4)) % 8]


def dense(trail: Iterable[Pose], step: float = 0.2, leap: float = 2.0) -> Iterator[tuple[float, float]]:
    """Points of a trail at most ``step`` metres apart, so that it has no gaps; none across a ``leap`` (metres)."""
    for before, after in pairwise(trail):
        length = math.hypot(after.x - before.x, after.y - before.y)
        pieces = max(1, math.ceil(length / step)) if length <= leap else 1
        for number in range(pieces):
            share = number / pieces
            yield before.x + share * (after.x - before.x), before.y + share * (after.y - before.y)


class _Canvas:
    """One drawing: a grid of half-cell pixels and characters laid over it."""

    def __init__(self, plan: FloorPlan, columns: int) -> None:
        self._plan = plan
        self._columns = max(columns, 10)
        self._rows = max(2 * round(self._columns * plan.height_m / plan.width_m / 2), 2)
        small = plan.image.resize((self._columns, self._rows), Image.Resampling.BOX)
        self._pixels: list[list[Rgb]] = [
            [_rgb(small.getpixel((column, row))) for column in range(self._columns)] for row in range(self._rows)
        ]
        self._over: dict[tuple[int, int], tuple[str, Style]] = {}

    def dot(self, x: float, y: float, colour: Rgb) -> None:
        column, row = self._place(x, y)
        self._pixels[row][column] = colour

    def label(self, x: float, y: float, text: str, style: Style) -> None:
        column, row = self._place(x, y)
        start = min(column, self._columns - len(text))
        for offset, character in enumerate(text):
            self._over[(start + offset, row // 2)] = (character, style)

    def text(self) -> Text:
        drawn = Text(no_wrap=True)
        for line in range(self._rows // 2):
            for column in range(self._columns):
                drawn.append(*self._cell(column, line))
            drawn.append("\n")
        drawn.rstrip()
        return drawn

    def _cell(self, column: int, line: int) -> tuple[str, Style]:
        if (column, line) in self._over:
            return self._over[(column, line)]
        upper, lower = self._pixels[2 * line][column], self._pixels[2 * line + 1][column]
        return UPPER_HALF, Style(color=Color.from_rgb(*upper), bgcolor=Color.from_rgb(*lower))

    def _place(self, x: float, y: float) -> tuple[int, int]:
        """Pixel of a point; points off the picture land on its edge."""
        across = (x - self._plan.origin_x) / self._plan.width_m * self._columns
        down = (1 - (y - self._plan.origin_y) / self._plan.height_m) * self._rows
        return min(max(int(across), 0), self._columns - 1), min(max(int(down), 0), self._rows - 1)


def _rgb(pixel: float | tuple[int, ...] | None) -> Rgb:
    if not isinstance(pixel, tuple):
        raise TypeError("a picture in RGB is needed")
    return pixel[0], pixel[1], pixel[2]
