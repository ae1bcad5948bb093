"""What a floor plan is made of. Metres and radians, frame `map` (x east, y north)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class FloorError(ValueError):
    """A floor plan, map or waypoint file that can't be used; the message names the entry and what is wrong with it."""


class WaypointKind(StrEnum):
    """What people use a waypoint for."""

    DESK = "DESK"
    STUDY = "STUDY"
    SHELF = "SHELF"
    RETURN = "RETURN"
    DOCK = "DOCK"
    OTHER = "OTHER"


class FurnitureKind(StrEnum):
    """How a piece of furniture looks; all of them are obstacles."""

    COUNTER = "counter"
    DESK = "desk"
    TABLE = "table"
    SHELF = "shelf"
    SOFA = "sofa"
    MACHINE = "machine"
    PILLAR = "pillar"
    PLANT = "plant"
    CHAIR = "chair"


class FloorCover(StrEnum):
    """What lies on the floor, for pictures."""

    STONE = "stone"
    CARPET = "carpet"
    WOOD = "wood"
    LINO = "lino"
    MEADOW = "meadow"
    SKY = "sky"
    RUG = "rug"
    MAT = "mat"


@dataclass(frozen=True, slots=True)
class Point:
    """A point on the floor."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Rect:
    """An upright rectangle; (x, y) is its south-west corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def corners(self) -> tuple[Point, ...]:
        """Counter-clockwise from the south-west."""
        east, north = self.x + self.width, self.y + self.height
        return (Point(self.x, self.y), Point(east, self.y), Point(east, north), Point(self.x, north))

    @property
    def centre(self) -> Point:
        return Point(self.x + self.width / 2, self.y + self.height / 2)


@dataclass(frozen=True, slots=True)
class Circle:
    """A disc on the floor."""

    x: float
    y: float
    radius: float

    @property
    def centre(self) -> Point:
        return Point(self.x, self.y)


Shape = Rect | Circle


@dataclass(frozen=True, slots=True)
class Area:
    """A room or zone with its floor covering."""

    name: str
    cover: FloorCover
    rect: Rect
    label: Point


@dataclass(frozen=True, slots=True)
class Opening:
    """A doorway: where it starts along its wall, and how wide it is."""

    at: float
    width: float


@dataclass(frozen=True, slots=True)
class Wall:
    """A straight inner wall, drawn about its centre line."""

    name: str
    start: Point
    end: Point
    thickness: float
    openings: tuple[Opening, ...]

    @property
    def length(self) -> float:
        return math.hypot(self.end.x - self.start.x, self.end.y - self.start.y)

    def solid_parts(self) -> Iterator[tuple[Point, Point]]:
        """What is left of the centre line between the openings."""
        done = 0.0
        for opening in sorted(self.openings, key=lambda one: one.at):
            if opening.at > done:
                yield self._along(done), self._along(opening.at)
            done = opening.at + opening.width
        if done < self.length:
            yield self._along(done), self._along(self.length)

    def _along(self, distance: float) -> Point:
        share = distance / self.length
        return Point(
            self.start.x + share * (self.end.x - self.start.x), self.start.y + share * (self.end.y - self.start.y)
        )


@dataclass(frozen=True, slots=True)
class Shelf:
    """One shelf unit, e.g. code A3-2."""

    code: str
    block: str
    rect: Rect


@dataclass(frozen=True, slots=True)
class Furniture:
    """One piece of furniture; a seat has its back in direction `back` (radians)."""

    code: str
    kind: FurnitureKind
    shape: Shape
    back: float = math.pi / 2


@dataclass(frozen=True, slots=True)
class Waypoint:
    """A named pose: where a robot stands and where it looks."""

    code: str
    name: str
    kind: WaypointKind
    x: float
    y: float
    yaw: float


@dataclass(frozen=True, slots=True)
class KeepOut:
    """An area that no robot may enter."""

    code: str
    reason: str
    rect: Rect


@dataclass(frozen=True, slots=True)
class OneWay:
    """An aisle with a preferred heading (radians)."""

    code: str
    rect: Rect
    heading: float


@dataclass(frozen=True, slots=True)
class Footprint:
    """The robot that the floor is made for, and the free space it wants where it stops."""

    radius: float
    clearance: float


@dataclass(frozen=True, slots=True)
class FloorPlan:
    """A whole floor."""

    map_id: str
    version: int
    title: str
    resolution: float
    robot: Footprint
    outline: tuple[Point, ...]
    outer_wall: float
    areas: tuple[Area, ...]
    walls: tuple[Wall, ...]
    shelves: tuple[Shelf, ...]
    furniture: tuple[Furniture, ...]
    keep_out: tuple[KeepOut, ...]
    one_way: tuple[OneWay, ...]
    waypoints: tuple[Waypoint, ...]

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the outline, whose south-west corner is the origin."""
        return max(p.x for p in self.outline), max(p.y for p in self.outline)

    @property
    def docks(self) -> tuple[Waypoint, ...]:
        return tuple(w for w in self.waypoints if w.kind is WaypointKind.DOCK)
