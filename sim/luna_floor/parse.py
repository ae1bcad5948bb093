"""From the YAML of a floor plan to a `FloorPlan`."""

import math
from collections.abc import Iterator
from pathlib import Path

import yaml

from luna_floor.entry import Entry
from luna_floor.model import (
    Area,
    FloorCover,
    FloorError,
    FloorPlan,
    Footprint,
    Furniture,
    FurnitureKind,
    KeepOut,
    OneWay,
    Opening,
    Point,
    Rect,
    Shelf,
    Wall,
    Waypoint,
    WaypointKind,
)

CHAIR = 0.45
"""Side of a chair, metres."""

_SIDES = {"n": math.pi / 2, "e": 0.0, "s": -math.pi / 2, "w": math.pi}
"""Sides of a table, and the direction of the back of a chair there."""


def load_plan(path: Path) -> FloorPlan:
    """Read a floor plan from a file.

    Raises:
        FloorError: the file can't be read or a value in it is wrong.
    """
    try:
        return parse_plan(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FloorError(f"{path}: {error.strerror}") from error
    except FloorError as error:
        raise FloorError(f"{path}: {error}") from error


def parse_plan(text: str) -> FloorPlan:
    """Read a floor plan from the text of its file.

    Raises:
        FloorError: the text is no YAML, or a value in it is wrong.
    """
    try:
        root = Entry(yaml.safe_load(text), "floor plan")
    except yaml.YAMLError as error:
        raise FloorError(f"not valid YAML: {error}") from error
    root.only(
        "map_id", "version", "title", "resolution", "robot", "outline", "areas", "walls", "shelf_blocks", "furniture",
        "docks", "keep_out", "one_way", "waypoints",
    )  # fmt: skip
    outline = root.entry("outline").only("points", "wall")
    plan = FloorPlan(
        map_id=root.text("map_id"),
        version=root.integer("version", at_least=1),
        title=root.text("title"),
        resolution=root.number("resolution", above=0),
        robot=_footprint(root.entry("robot")),
        outline=outline.points("points"),
        outer_wall=outline.number("wall", above=0),
        areas=tuple(_area(e) for e in root.entries("areas")),
        walls=tuple(_wall(e) for e in root.entries("walls")),
        shelves=tuple(s for e in root.entries("shelf_blocks") for s in _shelves(e)),
        furniture=tuple(f for e in root.entries("furniture") for f in _furniture(e)),
        keep_out=tuple(_keep_out(e) for e in root.entries("keep_out")),
        one_way=tuple(_one_way(e) for e in root.entries("one_way")),
        waypoints=(
            *(_waypoint(e) for e in root.entries("waypoints")),
            *(_dock(e) for e in root.entries("docks")),
        ),
    )
    _check_outline(plan)
    _check_unique(plan)
    return plan


def _footprint(e: Entry) -> Footprint:
    e.only("radius", "clearance")
    return Footprint(e.number("radius", above=0), e.number("clearance", above=0))


def _area(e: Entry) -> Area:
    e.only("name", "floor", "rect", "label")
    rect = e.rect("rect")
    return Area(
        e.text("name"), e.choice("floor", FloorCover), rect, e.point("label") if e.has("label") else rect.centre
    )


def _wall(e: Entry) -> Wall:
    e.only("name", "from", "to", "thickness", "openings")
    openings = tuple(
        Opening(o.number("at"), o.number("width", above=0))
        for o in (x.only("at", "width") for x in e.entries("openings"))
    )
    wall = Wall(e.text("name"), e.point("from"), e.point("to"), e.number("thickness", above=0), openings)
    if wall.length == 0:
        raise e.error("from and to are the same point")
    if any(o.at < 0 or o.at + o.width > wall.length for o in openings):
        raise e.error(f"an opening reaches beyond the wall's {wall.length:g} m")
    return wall


def _shelves(e: Entry) -> Iterator[Shelf]:
    e.only("code", "title", "rect", "rows", "pitch", "units")
    first, block, pitch = e.rect("rect"), e.text("code"), e.number("pitch", above=0)
    if pitch <= first.width:
        raise e.error(f"pitch {pitch:g} leaves no aisle between rows {first.width:g} wide")
    for row in range(e.integer("rows", at_least=1)):
        for unit in range(e.integer("units", at_least=1)):
            place = Rect(first.x + row * pitch, first.y + unit * first.height, first.width, first.height)
            yield Shelf(f"{block}{row + 1}-{unit + 1}", block, place)


def _furniture(e: Entry) -> Iterator[Furniture]:
    e.only("code", "kind", "rect", "circle", "chairs")
    code, shape = e.text("code"), e.shape()
    yield Furniture(code, e.choice("kind", FurnitureKind), shape)
    for side, count in e.counts("chairs", tuple(_SIDES)).items():
        if not isinstance(shape, Rect):
            raise e.error("only a rect has sides for chairs")
        for number in range(count):
            place = _chair(shape, side, (number + 0.5) / count)
            yield Furniture(f"{code}-{side}{number + 1}", FurnitureKind.CHAIR, place, _SIDES[side])


def _chair(table: Rect, side: str, share: float) -> Rect:
    """A chair a hand's breadth off the table, `share` of the way along that side."""
    gap = 0.05
    middle = Point(table.x + share * table.width, table.y + share * table.height)
    x, y = {
        "n": (middle.x - CHAIR / 2, table.y + table.height + gap),
        "s": (middle.x - CHAIR / 2, table.y - gap - CHAIR),
        "e": (table.x + table.width + gap, middle.y - CHAIR / 2),
        "w": (table.x - gap - CHAIR, middle.y - CHAIR / 2),
    }[side]
    return Rect(x, y, CHAIR, CHAIR)


def _keep_out(e: Entry) -> KeepOut:
    e.only("code", "reason", "rect")
    return KeepOut(e.text("code"), e.text("reason"), e.rect("rect"))


def _one_way(e: Entry) -> OneWay:
    e.only("code", "rect", "heading")
    return OneWay(e.text("code"), e.rect("rect"), e.angle("heading"))


def _waypoint(e: Entry) -> Waypoint:
    e.only("code", "name", "kind", "at", "yaw")
    kind = e.choice("kind", WaypointKind)
    if kind is WaypointKind.DOCK:
        raise e.error("a dock belongs under docks")
    at = e.point("at")
    return Waypoint(e.text("code"), e.text("name"), kind, at.x, at.y, e.angle("yaw"))


def _dock(e: Entry) -> Waypoint:
    e.only("code", "name", "at", "yaw")
    at = e.point("at")
    return Waypoint(e.text("code"), e.text("name"), WaypointKind.DOCK, at.x, at.y, e.angle("yaw"))


def _check_outline(plan: FloorPlan) -> None:
    if min(p.x for p in plan.outline) != 0 or min(p.y for p in plan.outline) != 0:
        raise FloorError("outline: its south-west corner must be the origin [0, 0]")


def _check_unique(plan: FloorPlan) -> None:
    groups = {
        "shelf_blocks": [s.code for s in plan.shelves],
        "furniture": [f.code for f in plan.furniture],
        "keep_out": [k.code for k in plan.keep_out],
        "one_way": [o.code for o in plan.one_way],
        "waypoints and docks": [w.code for w in plan.waypoints],
    }
    for group, codes in groups.items():
        seen: set[str] = set()
        for code in codes:
            if code in seen:
                raise FloorError(f"{group}: the code {code} is used twice")
            seen.add(code)
