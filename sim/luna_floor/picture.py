"""The floor as a picture for people, with the same pixel geometry as the occupancy grid.

Drawn several times larger and scaled down, so that edges are smooth.
"""

import math
import random
from collections.abc import Iterable

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFilter, ImageFont

from luna_floor.grid import Cell, Grid, wall_outline
from luna_floor.model import (
    Area,
    Circle,
    FloorCover,
    FloorPlan,
    Furniture,
    FurnitureKind,
    KeepOut,
    OneWay,
    Point,
    Rect,
    Shelf,
    Waypoint,
    WaypointKind,
)

OVERSAMPLING = 4
_COVER = {
    FloorCover.STONE: "#ebe7df",
    FloorCover.CARPET: "#e3e4dc",
    FloorCover.WOOD: "#efe0c6",
    FloorCover.LINO: "#dfe5e8",
    FloorCover.MEADOW: "#dde9d5",
    FloorCover.SKY: "#d8e5ef",
    FloorCover.RUG: "#f3d9a4",
    FloorCover.MAT: "#c9c3b8",
}
_FURNITURE = {
    FurnitureKind.COUNTER: ("#b9855a", "#8a5d39"),
    FurnitureKind.DESK: ("#c79a6b", "#96703f"),
    FurnitureKind.TABLE: ("#d2a876", "#a27b4b"),
    FurnitureKind.SHELF: ("#8d6444", "#664528"),
    FurnitureKind.SOFA: ("#7f9cb5", "#5b7890"),
    FurnitureKind.MACHINE: ("#7d868f", "#565e66"),
    FurnitureKind.PILLAR: ("#a7a39b", "#7a766f"),
    FurnitureKind.PLANT: ("#6ea36b", "#477a49"),
    FurnitureKind.CHAIR: ("#a9b6a0", "#7d8b74"),
}
SPINES = ("#b5483c", "#d98e3f", "#e2c15c", "#5d8a66", "#3f6f8f", "#6d5a8d", "#a8a39a", "#34495e", "#c9704f")
_WAYPOINT = {
    WaypointKind.DESK: "#c0392b",
    WaypointKind.STUDY: "#2471a3",
    WaypointKind.SHELF: "#7d6608",
    WaypointKind.RETURN: "#8e44ad",
    WaypointKind.DOCK: "#1e8449",
    WaypointKind.OTHER: "#5d6d7e",
}
_CELLS = {Cell.FREE: "#ebe7df", Cell.OCCUPIED: "#4a4f57", Cell.UNKNOWN: "#ffffff"}
_WALL, _WALL_EDGE, _INK, _OUTSIDE = "#4a4f57", "#34383e", "#5f6368", "#ffffff"


def draw_picture(plan: FloorPlan) -> Image.Image:
    """The floor, north up, one pixel per cell of the grid."""
    return _whole(plan).finished(plan)


def _whole(plan: FloorPlan) -> "_Canvas":
    canvas = _ground(plan)
    for dock in plan.docks:
        _dock(canvas, dock)
    _shadows(canvas, plan)
    for piece in sorted(plan.furniture, key=lambda f: f.kind is not FurnitureKind.CHAIR):
        _furniture(canvas, piece)
    for shelf in plan.shelves:
        _shelf(canvas, shelf)
    _walls(canvas, plan)
    for area in plan.areas:
        canvas.text(area.label, area.name, 0.46, _INK)
    for waypoint in plan.waypoints:
        _waypoint(canvas, waypoint)
    return canvas


def draw_ground(plan: FloorPlan) -> Image.Image:
    """Coverings and markings alone, north up, two pixels per cell."""
    return _ground(plan).finished(plan, OVERSAMPLING // 2)


def draw_detailed(plan: FloorPlan) -> Image.Image:
    """As `draw_picture`, two pixels per cell: to print, or to draw on."""
    return _whole(plan).finished(plan, OVERSAMPLING // 2)


def draw_map(grid: Grid) -> Image.Image:
    """A map that has no plan, north up, one pixel per cell."""
    colours = np.empty((*grid.cells.shape, 3), dtype=np.uint8)
    for cell, colour in _CELLS.items():
        colours[grid.cells == cell] = ImageColor.getrgb(colour)
    return Image.fromarray(np.flipud(colours))


def _ground(plan: FloorPlan) -> "_Canvas":
    canvas = _Canvas(plan)
    for area in plan.areas:
        _area(canvas, area)
    for zone in plan.keep_out:
        _keep_out(canvas, zone)
    for lane in plan.one_way:
        _one_way(canvas, lane)
    return canvas


class _Canvas:
    """Drawing in metres onto an oversampled image."""

    def __init__(self, plan: FloorPlan) -> None:
        width, height = plan.size
        self.height = height
        self.scale = OVERSAMPLING / plan.resolution
        self.image = Image.new("RGB", (round(width * self.scale), round(height * self.scale)), _OUTSIDE)
        self.pen = ImageDraw.Draw(self.image)

    def at(self, x: float, y: float) -> tuple[float, float]:
        return x * self.scale, (self.height - y) * self.scale

    def box(self, rect: Rect) -> tuple[float, float, float, float]:
        left, top = self.at(rect.x, rect.y + rect.height)
        right, bottom = self.at(rect.x + rect.width, rect.y)
        return left, top, right - 1, bottom - 1

    def rect(
        self, rect: Rect, fill: str | None, edge: str | None = None, *, line: float = 0.03, round_: float = 0.0
    ) -> None:
        self.pen.rounded_rectangle(
            self.box(rect), radius=round_ * self.scale, fill=fill, outline=edge, width=self._line(line) if edge else 0
        )

    def disc(
        self, x: float, y: float, radius: float, fill: str | None, edge: str | None = None, *, line: float = 0.03
    ) -> None:
        cx, cy = self.at(x, y)
        r = radius * self.scale
        self.pen.ellipse(
            (cx - r, cy - r, cx + r, cy + r), fill=fill, outline=edge, width=self._line(line) if edge else 0
        )

    def polygon(self, points: Iterable[Point], fill: str) -> None:
        self.pen.polygon([self.at(p.x, p.y) for p in points], fill=fill)

    def line(self, start: Point, end: Point, colour: str, width: float) -> None:
        self.pen.line((self.at(start.x, start.y), self.at(end.x, end.y)), fill=colour, width=self._line(width))

    def text(self, at: Point, text: str, size: float, colour: str, anchor: str = "mm") -> None:
        font = ImageFont.load_default(size * self.scale)
        self.pen.text(self.at(at.x, at.y), text, font=font, fill=colour, anchor=anchor)

    def finished(self, plan: FloorPlan, shrink: int = OVERSAMPLING) -> Image.Image:
        size = (self.image.width // shrink, self.image.height // shrink)
        mask = Image.new("L", self.image.size, 0)
        ImageDraw.Draw(mask).polygon([self.at(p.x, p.y) for p in plan.outline], fill=255)
        whole = Image.composite(self.image, Image.new("RGB", self.image.size, _OUTSIDE), mask)
        return whole.resize(size, Image.Resampling.LANCZOS)

    def _line(self, metres: float) -> int:
        return max(1, round(metres * self.scale))


def _area(canvas: _Canvas, area: Area) -> None:
    canvas.rect(area.rect, _COVER[area.cover])
    if area.cover is FloorCover.WOOD:
        _planks(canvas, area.rect, 0.6, "#e9d8ba")
    elif area.cover is FloorCover.STONE:
        _planks(canvas, area.rect, 1.2, "#e2ddd3")
        _planks(canvas, area.rect, 1.2, "#e2ddd3", across=True)
    elif area.cover is FloorCover.RUG:
        inner = Rect(area.rect.x + 0.15, area.rect.y + 0.15, area.rect.width - 0.3, area.rect.height - 0.3)
        canvas.rect(area.rect, _COVER[area.cover], "#d9a95c", line=0.08, round_=0.3)
        canvas.rect(inner, None, "#e6c07b", line=0.04, round_=0.2)


def _planks(canvas: _Canvas, rect: Rect, pitch: float, colour: str, *, across: bool = False) -> None:
    length = rect.width if across else rect.height
    for index in range(1, int(length / pitch) + 1):
        offset = index * pitch
        if across:
            start, end = Point(rect.x + offset, rect.y), Point(rect.x + offset, rect.y + rect.height)
        else:
            start, end = Point(rect.x, rect.y + offset), Point(rect.x + rect.width, rect.y + offset)
        canvas.line(start, end, colour, 0.025)


def _keep_out(canvas: _Canvas, zone: KeepOut) -> None:
    """Hatched, as on a building plan."""
    rect, pitch = zone.rect, 0.4
    for index in range(1, int((rect.width + rect.height) / pitch) + 1):
        offset = index * pitch
        start = Point(rect.x + max(0.0, offset - rect.height), rect.y + min(offset, rect.height))
        end = Point(rect.x + min(offset, rect.width), rect.y + max(0.0, offset - rect.width))
        canvas.line(start, end, "#d9a07f", 0.03)
    canvas.rect(rect, None, "#c97b55", line=0.05)


def _one_way(canvas: _Canvas, lane: OneWay) -> None:
    """Arrows on the floor along the aisle (headings along an axis)."""
    rect = lane.rect
    up = 1 if lane.heading > 0 else -1
    for share in (0.2, 0.5, 0.8):
        x, y = rect.x + rect.width / 2, rect.y + share * rect.height + 0.55
        arrow = (
            Point(x - 0.2, y - up * 0.15),
            Point(x, y + up * 0.2),
            Point(x + 0.2, y - up * 0.15),
            Point(x, y - up * 0.05),
        )
        canvas.polygon(arrow, "#c2c5b6")


def _dock(canvas: _Canvas, dock: Waypoint) -> None:
    """A plate in front of where the robot stands, whatever of the four ways it looks."""
    ahead = (round(math.cos(dock.yaw)), round(math.sin(dock.yaw)))
    for middle, size, colours in ((0.25, (0.4, 0.4), ("#cfd5d2", "#9aa5a0")), (0.38, (0.14, 0.28), ("#58655f", None))):
        x, y = dock.x + middle * ahead[0], dock.y + middle * ahead[1]
        width, height = size if ahead[0] else size[::-1]
        canvas.rect(Rect(x - width / 2, y - height / 2, width, height), *colours, round_=0.04)


def _shadows(canvas: _Canvas, plan: FloorPlan) -> None:
    """A soft shadow to the south-east of everything that stands on the floor."""
    layer = Image.new("L", canvas.image.size, 0)
    pen = ImageDraw.Draw(layer)
    shift = 0.07 * canvas.scale
    for shape in [s.rect for s in plan.shelves] + [f.shape for f in plan.furniture]:
        rect = shape if isinstance(shape, Rect) else _square(shape)
        left, top, right, bottom = canvas.box(rect)
        draw = pen.rectangle if isinstance(shape, Rect) else pen.ellipse
        draw((left + shift, top + shift, right + shift, bottom + shift), fill=90)
    soft = layer.filter(ImageFilter.GaussianBlur(0.06 * canvas.scale))
    canvas.image.paste(Image.new("RGB", canvas.image.size, "#6b665c"), mask=soft)


def _square(disc: Circle) -> Rect:
    return Rect(disc.x - disc.radius, disc.y - disc.radius, 2 * disc.radius, 2 * disc.radius)


def _furniture(canvas: _Canvas, piece: Furniture) -> None:
    fill, edge = _FURNITURE[piece.kind]
    if isinstance(piece.shape, Circle):
        if piece.kind is FurnitureKind.PLANT:
            _plant(canvas, piece.shape, fill, edge)
        else:
            canvas.disc(piece.shape.x, piece.shape.y, piece.shape.radius, fill, edge)
        return
    corner = {FurnitureKind.CHAIR: 0.12, FurnitureKind.SOFA: 0.15, FurnitureKind.PILLAR: 0.0}.get(piece.kind, 0.06)
    canvas.rect(piece.shape, fill, edge, round_=corner)
    if piece.kind is FurnitureKind.SHELF:
        _spines(canvas, piece.shape, piece.code)
    elif piece.kind is FurnitureKind.COUNTER:
        r = piece.shape
        canvas.rect(Rect(r.x + 0.12, r.y + 0.12, r.width - 0.24, r.height - 0.24), "#d3a477", round_=0.05)
    elif piece.kind is FurnitureKind.MACHINE:
        r = piece.shape
        canvas.rect(Rect(r.x + 0.1, r.y + 0.1, r.width - 0.2, r.height * 0.45), "#b9d4e0", round_=0.03)


def _plant(canvas: _Canvas, pot: Circle, fill: str, edge: str) -> None:
    canvas.disc(pot.x, pot.y, pot.radius, fill, edge)
    for dx, dy in ((0.4, 0.3), (-0.4, 0.2), (0.0, -0.45), (0.15, 0.0)):
        canvas.disc(pot.x + dx * pot.radius, pot.y + dy * pot.radius, pot.radius * 0.42, "#84b97f")


def _shelf(canvas: _Canvas, shelf: Shelf) -> None:
    fill, edge = _FURNITURE[FurnitureKind.SHELF]
    canvas.rect(shelf.rect, fill, edge, line=0.025)
    _spines(canvas, shelf.rect, shelf.code)


def _spines(canvas: _Canvas, rect: Rect, code: str) -> None:
    """Two rows of books, back to back along the longer side; the same books for the same shelf."""
    upright = rect.height >= rect.width
    length, depth = (rect.height, rect.width) if upright else (rect.width, rect.height)
    choose = random.Random(code)  # noqa: S311 - colours of books
    for side in (0.12, 0.56):
        at = 0.06
        while at < length - 0.12:
            thick = min(choose.uniform(0.06, 0.14), length - 0.06 - at)
            across, deep = side * depth, depth * choose.uniform(0.26, 0.32)
            place = (
                Rect(rect.x + across, rect.y + at, deep, thick)
                if upright
                else Rect(rect.x + at, rect.y + across, thick, deep)
            )
            canvas.rect(place, choose.choice(SPINES))
            at += thick + (0.0 if choose.random() < 0.92 else 0.12)


def _walls(canvas: _Canvas, plan: FloorPlan) -> None:
    for wall in plan.walls:
        for start, end in wall.solid_parts():
            canvas.polygon(wall_outline(start, end, wall.thickness), _WALL)
    corners = plan.outline
    for a, b in zip(corners, corners[1:] + corners[:1], strict=True):
        canvas.line(a, b, _WALL, 2 * plan.outer_wall)
        for end in (a, b):
            canvas.rect(
                Rect(end.x - plan.outer_wall, end.y - plan.outer_wall, 2 * plan.outer_wall, 2 * plan.outer_wall), _WALL
            )


def _waypoint(canvas: _Canvas, waypoint: Waypoint) -> None:
    """A dot; places of study carry their number, desks their code behind where the robot stands."""
    colour = _WAYPOINT[waypoint.kind]
    at = Point(waypoint.x, waypoint.y)
    radius = {WaypointKind.SHELF: 0.09, WaypointKind.DOCK: 0.09, WaypointKind.STUDY: 0.3}.get(waypoint.kind, 0.14)
    canvas.disc(at.x, at.y, radius + 0.05, "#ffffff")
    canvas.disc(at.x, at.y, radius, colour)
    if waypoint.kind is WaypointKind.STUDY:
        canvas.text(at, waypoint.code.rpartition("-")[2], 0.42, "#ffffff")
    elif waypoint.kind in (WaypointKind.DESK, WaypointKind.RETURN):
        dx, dy = -math.cos(waypoint.yaw), -math.sin(waypoint.yaw)
        anchor = ("lm" if dx > 0 else "rm") if abs(dx) > abs(dy) else ("mb" if dy > 0 else "mt")
        canvas.text(Point(at.x + 0.3 * dx, at.y + 0.3 * dy), waypoint.code, 0.46, colour, anchor)
