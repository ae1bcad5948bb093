"""A picture of a floor with robots, their trails and people on it. `./luna sim picture` calls it.

Trails come from a recording; without one, robots are where the simulator saved them last, at most a second ago.
"""

import argparse
import base64
import io
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from luna_floor.grid import Grid
from luna_floor.map_server import read_map
from luna_floor.model import FloorError
from luna_floor.parse import load_plan
from luna_floor.picture import draw_detailed, draw_map
from luna_sim.core.geometry import Pose
from luna_sim.recording.reading import RecordingError, Seen, read_recording
from luna_sim.store import StateError, StateStore

COLOURS = ("#d1495b", "#2e86ab", "#3c8d40", "#8e5bb5", "#e08e2b", "#178f8a", "#b5488c", "#6b6f2a")
PERSON = "#5a6068"
_RADIUS, _PERSON_RADIUS = 0.32, 0.25
"""Metres. Robots are drawn larger than they are, to be seen."""
_LETTERS, _AWAY, _PAD = 0.46, 0.42, 0.12
"""Metres: size of a name, how far from a robot's edge its middle is (above and below), and what is around it."""
_SCALE = 40
"""Pixels a metre, at most."""
_LONGEST = 2400
_SMOOTH = 2
_PALETTE = 256


@dataclass(frozen=True, slots=True)
class Drawn:
    """A floor as an image, and where a point of the map is on it: pixels from the upper left."""

    image: Image.Image
    scale: float
    grid: Grid

    def at(self, x: float, y: float) -> tuple[float, float]:
        north = self.grid.origin_y + self.grid.rows * self.grid.resolution
        return (x - self.grid.origin_x) * self.scale, (north - y) * self.scale


def main(arguments: list[str] | None = None) -> int:
    """Draw; 0 is a picture, 1 none."""
    options = _parser().parse_args(arguments)
    if options.file.suffix not in (".png", ".svg"):
        print(f"{options.file}: a picture ends in .png or .svg", file=sys.stderr)
        return 1
    try:
        seen = read_recording(options.recording) if options.recording else _saved(options.state_dir)
        floor = drawn_floor(options.floor)
        content = svg(floor, seen).encode() if options.file.suffix == ".svg" else png(floor, seen)
        options.file.write_bytes(content)
    except (FloorError, RecordingError, StateError) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{options.file}: {error.strerror}", file=sys.stderr)
        return 1
    print(f"{options.file}: {len(seen.robots)} robots, {len(seen.people)} people, {len(content) / 1000:.0f} kB")
    return 0


def drawn_floor(folder: Path) -> Drawn:
    """A floor by its plan if it has one in LUNA's source tree, else by its map. Raises FloorError."""
    grid = read_map(folder / "map.yaml")
    plan = folder.parent.parent / f"{folder.name}.yaml"
    image = draw_detailed(load_plan(plan)) if plan.is_file() else draw_map(grid)
    scale = min(_SCALE, _LONGEST / (max(grid.columns, grid.rows) * grid.resolution))
    size = (round(grid.columns * grid.resolution * scale), round(grid.rows * grid.resolution * scale))
    return Drawn(image.convert("RGB").resize(size, Image.Resampling.LANCZOS), scale, grid)


def png(floor: Drawn, seen: Seen) -> bytes:
    """The picture as PNG with a palette, which keeps it small."""
    size = (floor.image.width * _SMOOTH, floor.image.height * _SMOOTH)
    big = Drawn(floor.image.resize(size, Image.Resampling.BICUBIC), floor.scale * _SMOOTH, floor.grid)
    pen = ImageDraw.Draw(big.image)
    for _, colour, points in _trails(seen):
        line = [big.at(*point) for point in points]
        for width, fill in ((0.16, "#ffffff"), (0.09, colour)):
            pen.line(line, fill=fill, width=round(width * big.scale), joint="curve")
        _disc(pen, big.at(*points[0]), 0.09 * big.scale, "#ffffff", colour, 0.04 * big.scale)
    for person in seen.people:
        _disc(pen, big.at(*person), _PERSON_RADIUS * big.scale, "#dfe3e8", PERSON, 0.05 * big.scale)
        _disc(pen, big.at(*person), 0.11 * big.scale, PERSON, PERSON, 1)
    font = ImageFont.load_default(_LETTERS * big.scale)
    for _, colour, pose in _robots(seen):
        _disc(pen, big.at(pose.x, pose.y), _RADIUS * big.scale, colour, "#ffffff", 0.05 * big.scale)
        pen.polygon([big.at(*corner) for corner in _arrow(pose)], fill="#ffffff")
    for name, colour, place in _names(seen):
        at = big.at(*place)
        left, top, right, bottom = pen.textbbox(at, name, font=font, anchor="mm")
        pad = _PAD * big.scale
        pen.rounded_rectangle((left - pad, top - pad, right + pad, bottom + pad), radius=2 * pad, fill="#ffffff")
        pen.text(at, name, font=font, fill=colour, anchor="mm")
    out = io.BytesIO()
    small = big.image.resize(floor.image.size, Image.Resampling.LANCZOS)
    small.quantize(_PALETTE, dither=Image.Dither.NONE).save(out, format="PNG", optimize=True)
    return out.getvalue()


def svg(floor: Drawn, seen: Seen) -> str:
    """The picture as SVG: the floor as an image in it, the rest as shapes."""
    base = io.BytesIO()
    floor.image.quantize(_PALETTE, dither=Image.Dither.NONE).save(base, format="PNG", optimize=True)
    width, height, scale = floor.image.width, floor.image.height, floor.scale
    image = base64.b64encode(base.getvalue()).decode()
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f'<image width="{width}" height="{height}" href="data:image/png;base64,{image}"/>',
    ]
    for _, colour, points in _trails(seen):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (floor.at(*point) for point in points))
        for wide, stroke in ((0.16, "#ffffff"), (0.09, colour)):
            style = f'fill="none" stroke="{stroke}" stroke-width="{wide * scale:.1f}" stroke-linejoin="round"'
            lines.append(f'<polyline {style} points="{path}"/>')
    lines += [_circle(floor.at(*person), _PERSON_RADIUS * scale, "#dfe3e8", PERSON) for person in seen.people]
    for _, colour, pose in _robots(seen):
        corners = " ".join(f"{a:.1f},{b:.1f}" for a, b in (floor.at(*corner) for corner in _arrow(pose)))
        lines.append(_circle(floor.at(pose.x, pose.y), _RADIUS * scale, colour, "#ffffff"))
        lines.append(f'<polygon fill="#ffffff" points="{corners}"/>')
    for name, colour, place in _names(seen):
        (x, y), size = floor.at(place[0], place[1] - _LETTERS / 3), _LETTERS * scale
        style = f'font-family="sans-serif" font-size="{size:.1f}" text-anchor="middle" paint-order="stroke"'
        outline = f'stroke="#ffffff" stroke-width="{0.1 * scale:.1f}"'
        lines.append(f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" {style} {outline}>{escape(name)}</text>')
    return "\n".join([*lines, "</svg>\n"])


def _trails(seen: Seen) -> Iterator[tuple[str, str, list[tuple[float, float]]]]:
    colours = _colours(seen)
    for name, points in sorted(seen.trails.items()):
        if len(points) > 1:
            yield name, colours[name], points


def _robots(seen: Seen) -> Iterator[tuple[str, str, Pose]]:
    colours = _colours(seen)
    for name, pose in sorted(seen.robots.items()):
        yield name, colours[name], pose


def _names(seen: Seen) -> Iterator[tuple[str, str, tuple[float, float]]]:
    """Each robot's name, its colour and where the middle of it is, metres.

    Above the robot; below, right or left of it where another robot or name is above.
    """
    font = ImageFont.load_default(100)
    taken = {name: _Box(pose.x, pose.y, _RADIUS, _RADIUS) for name, _, pose in _robots(seen)}
    for name, colour, pose in _robots(seen):
        half = font.getlength(name) / 100 * _LETTERS / 2 + _PAD
        beside, over = _RADIUS + half + _PAD, _RADIUS + _AWAY
        places = [(pose.x + dx, pose.y + dy) for dx, dy in ((0, over), (0, -over), (beside, 0), (-beside, 0))]
        boxes = [_Box(x, y, half, _LETTERS / 2 + _PAD) for x, y in places]
        free = (n for n, box in enumerate(boxes) if not any(box.meets(other) for other in taken.values()))
        number = next(free, 0)
        taken[f"name of {name}"] = boxes[number]
        yield name, colour, places[number]


@dataclass(frozen=True, slots=True)
class _Box:
    """Its middle, and half of its width and height."""

    x: float
    y: float
    half_width: float
    half_height: float

    def meets(self, other: "_Box") -> bool:
        across = abs(self.x - other.x) < self.half_width + other.half_width
        return across and abs(self.y - other.y) < self.half_height + other.half_height


def _colours(seen: Seen) -> dict[str, str]:
    return {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(sorted(seen.robots))}


def _arrow(pose: Pose) -> list[tuple[float, float]]:
    """Where a robot looks: a triangle on it."""
    turns = ((0.0, 0.75), (2.4, 0.6), (-2.4, 0.6))
    return [
        (pose.x + _RADIUS * far * math.cos(pose.yaw + turn), pose.y + _RADIUS * far * math.sin(pose.yaw + turn))
        for turn, far in turns
    ]


def _disc(
    pen: ImageDraw.ImageDraw, at: tuple[float, float], radius: float, fill: str, edge: str, line: float
) -> None:
    x, y = at
    box = (x - radius, y - radius, x + radius, y + radius)
    pen.ellipse(box, fill=fill, outline=edge, width=max(1, round(line)))


def _circle(at: tuple[float, float], radius: float, fill: str, edge: str) -> str:
    place = f'cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{radius:.1f}"'
    return f'<circle {place} fill="{fill}" stroke="{edge}" stroke-width="{radius / 4:.1f}"/>'


def _saved(folder: Path | None) -> Seen:
    state = StateStore(folder).load() if folder else None
    return Seen(robots={name: robot.pose for name, robot in state.robots.items()} if state else {})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m luna_sim.picture", description=__doc__)
    parser.add_argument("file", type=Path, help="where to; ends in .png or .svg")
    parser.add_argument("--floor", type=Path, required=True, help="folder of the floor")
    parser.add_argument("--recording", type=Path, help="MCAP recording to take trails from")
    parser.add_argument("--state-dir", type=Path, help="folder in which a simulator keeps the robots' places")
    return parser


if __name__ == "__main__":
    sys.exit(main())
