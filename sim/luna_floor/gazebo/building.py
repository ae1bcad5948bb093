"""Ground and walls."""

import math
from collections.abc import Iterator

from luna_floor.gazebo.pieces import ROOM_HEIGHT
from luna_floor.gazebo.sdf import Box, Look, Model, Part
from luna_floor.gazebo.textures import FLOOR_TEXTURE
from luna_floor.model import FloorPlan, Point, Wall

_PLASTER, _OUTER, _GLASS = Look("#e8e4da"), Look("#cfc9bd"), Look("#9fc4dc", transparency=0.4)
_DOOR_HEIGHT = 2.1
_SINK = 0.002
"""The floor's looks lie this much above its collision, so that nothing flickers through."""
_WINDOW, _WINDOW_PITCH = 1.8, 3.0


def floor_model(plan: FloorPlan) -> Model:
    """What robots drive on: a slab whose top is z = 0, with the coverings as a picture on it."""
    width, height = plan.size
    middle = Point(width / 2, height / 2)
    model = Model("floor", middle.x, middle.y)
    model.collisions.append(Part("slab", Box(width + 4, height + 4, 0.2), z=-0.1))
    # A box's top shows a texture with its upper edge towards +x: turned by a quarter, north is up.
    cover = Part("cover", Box(height, width, 0.01), z=_SINK - 0.005, yaw=math.pi / 2)
    model.visuals.append((cover, Look("#e3e4dc", FLOOR_TEXTURE)))
    return model


def walls_model(plan: FloorPlan) -> Model:
    """Outer and inner walls; doorways have a lintel, outer walls windows."""
    model = Model("walls")
    for number, (start, end) in enumerate(_outer_faces(plan)):
        _outer_wall(model, f"outer_{number}", start, end, plan.outer_wall)
    for number, wall in enumerate(plan.walls):
        _inner_wall(model, f"inner_{number}", wall)
    return model


def _outer_faces(plan: FloorPlan) -> Iterator[tuple[Point, Point]]:
    """Edges of the outline, counter-clockwise; longer by the wall's thickness where the building turns back on itself.

    There two walls, each on the inside of its edge, would leave the corner between them open.
    """
    corners = plan.outline if _area(plan.outline) > 0 else plan.outline[::-1]
    count = len(corners)
    for i in range(count):
        before, a, b, after = (corners[(i + k) % count] for k in (-1, 0, 1, 2))
        length = math.dist((a.x, a.y), (b.x, b.y))
        ux, uy = (b.x - a.x) / length, (b.y - a.y) / length
        back = plan.outer_wall if _turn(before, a, b) < 0 else 0.0
        on = plan.outer_wall if _turn(a, b, after) < 0 else 0.0
        yield Point(a.x - back * ux, a.y - back * uy), Point(b.x + on * ux, b.y + on * uy)


def _outer_wall(model: Model, name: str, start: Point, end: Point, thick: float) -> None:
    length, yaw = math.dist((start.x, start.y), (end.x, end.y)), math.atan2(end.y - start.y, end.x - start.x)
    # inside is to the left
    x = (start.x + end.x) / 2 - math.sin(yaw) * thick / 2
    y = (start.y + end.y) / 2 + math.cos(yaw) * thick / 2
    part = Part(name, Box(length, thick, ROOM_HEIGHT), x, y, ROOM_HEIGHT / 2, yaw)
    model.collisions.append(part)
    model.visuals.append((Part(f"{name}_wall", part.solid, x, y, part.z, yaw), _OUTER))
    count = int((length - 1.0) // _WINDOW_PITCH)
    for number in range(count):
        along = (number - (count - 1) / 2) * _WINDOW_PITCH
        wx, wy = x + along * math.cos(yaw), y + along * math.sin(yaw)
        glass = Part(f"{name}_window_{number}", Box(_WINDOW, thick + 0.02, 1.2), wx, wy, 1.5, yaw)
        model.visuals.append((glass, _GLASS))


def _inner_wall(model: Model, name: str, wall: Wall) -> None:
    yaw = math.atan2(wall.end.y - wall.start.y, wall.end.x - wall.start.x)
    for number, (a, b) in enumerate(wall.solid_parts()):
        x, y, length = (a.x + b.x) / 2, (a.y + b.y) / 2, math.dist((a.x, a.y), (b.x, b.y))
        part = Part(f"{name}_{number}", Box(length, wall.thickness, ROOM_HEIGHT), x, y, ROOM_HEIGHT / 2, yaw)
        model.collisions.append(part)
        model.visuals.append((Part(f"{name}_{number}_wall", part.solid, x, y, part.z, yaw), _PLASTER))
    for number, opening in enumerate(wall.openings):
        middle = opening.at + opening.width / 2
        x, y = wall.start.x + middle * math.cos(yaw), wall.start.y + middle * math.sin(yaw)
        height = (ROOM_HEIGHT + _DOOR_HEIGHT) / 2
        lintel = Box(opening.width, wall.thickness, ROOM_HEIGHT - _DOOR_HEIGHT)
        model.visuals.append((Part(f"{name}_lintel_{number}", lintel, x, y, height, yaw), _PLASTER))


def _area(corners: tuple[Point, ...]) -> float:
    pairs = zip(corners, corners[1:] + corners[:1], strict=True)
    return sum(a.x * b.y - b.x * a.y for a, b in pairs) / 2


def _turn(a: Point, b: Point, c: Point) -> float:
    """Positive for a turn to the left."""
    return (b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x)
