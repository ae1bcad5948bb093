"""Shelves and furniture as models: a table is a top, legs, panels between them and a lamp."""

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping

from luna_floor.gazebo.sdf import Ball, Box, Cylinder, Look, Model, Part
from luna_floor.gazebo.textures import BOOK_TEXTURES
from luna_floor.model import Circle, Furniture, FurnitureKind, Rect, Shelf
from luna_floor.picture import SPINES

SHELF_HEIGHT, LOW_SHELF_HEIGHT, ROOM_HEIGHT = 1.9, 1.3, 2.6
_OAK, _DARK_OAK, _WALNUT = Look("#c79a6b"), Look("#a27b4b"), Look("#6b4a2f")
_FABRIC, _CUSHION = Look("#5b7890"), Look("#7f9cb5")
_CHAIR, _CHAIR_BACK = Look("#7d8b74"), Look("#a9b6a0")
_STEEL, _SCREEN, _DARK = Look("#7d868f"), Look("#b9d4e0", glow=True), Look("#2f343a")
_CONCRETE, _POT, _SOIL = Look("#a7a39b"), Look("#a5643f"), Look("#4a3b2d")
_LEAVES = (Look("#477a49"), Look("#6ea36b"), Look("#5b8f5a"))
_LAMP, _SHADE = Look("#3d4248"), Look("#ffe9b8", glow=True)
_INSET = 0.02
"""Panels stand back from the edge of a top by so much: less than a cell of the map."""


def shelf_models(shelves: Iterable[Shelf]) -> Iterator[Model]:
    """One model a row of a block: its units stand without a gap and share one carcass."""
    rows: dict[str, list[Shelf]] = {}
    for shelf in shelves:
        rows.setdefault(shelf.code.rpartition("-")[0], []).append(shelf)
    for code, units in rows.items():
        first, last = units[0].rect, units[-1].rect
        whole = Rect(first.x, first.y, last.x + last.width - first.x, last.y + last.height - first.y)
        model = Model(f"shelf_{code}", whole.centre.x, whole.centre.y)
        _carcass(model, whole, SHELF_HEIGHT)
        for unit in units:
            _books(model, unit.code, unit.rect, SHELF_HEIGHT, along_y=True)
        yield model


def furniture_models(furniture: Iterable[Furniture]) -> Iterator[Model]:
    """One model a piece, with the chairs that stand at it."""
    model: Model | None = None
    for piece in furniture:
        if model is None or piece.kind is not FurnitureKind.CHAIR:
            if model is not None:
                yield model
            model = Model(piece.code, piece.shape.centre.x, piece.shape.centre.y)
        _Placed(model, piece).draw()
    if model is not None:
        yield model


class _Placed:
    """One piece in its model; `box` and the like take places relative to the piece's middle."""

    def __init__(self, model: Model, piece: Furniture) -> None:
        self.model, self.piece = model, piece
        self.x, self.y = piece.shape.centre.x - model.x, piece.shape.centre.y - model.y
        shape = piece.shape
        self.dx, self.dy = (2 * shape.radius,) * 2 if isinstance(shape, Circle) else (shape.width, shape.height)

    def draw(self) -> None:
        _DRAWN[self.piece.kind](self)

    def outline(self, low: float, high: float, inset: float = 0.0) -> Part:
        """The piece's own outline, as a part from one height to another."""
        middle, length = (low + high) / 2, high - low
        if isinstance(self.piece.shape, Circle):
            return self._part(Cylinder(self.dx / 2 - inset, length), 0, 0, middle)
        return self._part(Box(self.dx - 2 * inset, self.dy - 2 * inset, length), 0, 0, middle)

    def solid(self, height: float) -> None:
        """What a robot bumps into."""
        self.model.collisions.append(self.outline(0.0, height))

    def body(self, look: Look, low: float, high: float, inset: float = 0.0) -> None:
        self.model.visuals.append((self.outline(low, high, inset), look))

    def box(self, look: Look, size: tuple[float, float, float], at: tuple[float, float, float], yaw: float = 0) -> None:
        self.model.visuals.append((self._part(Box(*size), *at, yaw), look))

    def cylinder(self, look: Look, radius: float, length: float, at: tuple[float, float, float]) -> None:
        self.model.visuals.append((self._part(Cylinder(radius, length), *at), look))

    def ball(self, look: Look, radius: float, at: tuple[float, float, float]) -> None:
        self.model.visuals.append((self._part(Ball(radius), *at), look))

    def at_back(self, off: float, width: float, look: Look, thick: float, low: float, high: float) -> None:
        """A board across the side that the piece has its back to."""
        turn = self.piece.back
        reach = self.dx / 2 if abs(math.cos(turn)) > 0.5 else self.dy / 2
        away = reach - off
        at = (away * math.cos(turn), away * math.sin(turn), (low + high) / 2)
        self.box(look, (thick, width, high - low), at, turn)

    def choose(self) -> random.Random:
        """The same choices for the same piece."""
        return random.Random(self.piece.code)  # noqa: S311 - colours of books

    def _part(self, solid: Box | Cylinder | Ball, x: float, y: float, z: float, yaw: float = 0.0) -> Part:
        count = len(self.model.collisions) + len(self.model.visuals)
        return Part(f"{self.piece.code}_{count}", solid, self.x + x, self.y + y, z, yaw)


def _table(at: _Placed) -> None:
    _board(at, _OAK, 0.75)
    choose = at.choose()
    reach_x, reach_y = at.dx / 2 - 0.2, at.dy / 2 - 0.2
    _lamp(at, 0.0 if at.dx < at.dy else reach_x * choose.choice((-1, 1)), 0.0, 0.75)
    for _ in range(choose.randint(1, 3)):
        x, y = choose.uniform(-reach_x, reach_x) * 0.7, choose.uniform(-reach_y, reach_y)
        book = Look(choose.choice(SPINES))
        at.box(book, (0.16, 0.23, 0.03), (x, y, 0.765), choose.uniform(-0.6, 0.6))


def _desk(at: _Placed) -> None:
    _board(at, _OAK, 0.75)
    _screen(at, 0.75)


def _counter(at: _Placed) -> None:
    at.solid(1.05)
    at.body(_WALNUT, 0.0, 1.0, _INSET)
    at.body(_OAK, 1.0, 1.05)
    _screen(at, 1.05)
    _lamp(at, 0.4 * at.dx * (at.dx >= at.dy), 0.4 * at.dy * (at.dx < at.dy), 1.05)


def _board(at: _Placed, look: Look, height: float) -> None:
    """A top on legs, with panels between them down to the floor."""
    at.solid(height)
    at.body(look, height - 0.04, height)
    at.body(_DARK_OAK, 0.02, height - 0.04, _INSET)
    if not isinstance(at.piece.shape, Circle):
        for sx in (-1, 1):
            for sy in (-1, 1):
                middle = (sx * (at.dx / 2 - 0.03), sy * (at.dy / 2 - 0.03), (height - 0.04) / 2)
                at.box(_WALNUT, (0.06, 0.06, height - 0.04), middle)


def _lamp(at: _Placed, x: float, y: float, height: float) -> None:
    at.cylinder(_LAMP, 0.07, 0.02, (x, y, height + 0.01))
    at.cylinder(_LAMP, 0.012, 0.34, (x, y, height + 0.19))
    at.cylinder(_SHADE, 0.09, 0.12, (x, y, height + 0.38))


def _screen(at: _Placed, height: float) -> None:
    turn = 0.0 if at.dx < at.dy else math.pi / 2
    at.box(_DARK, (0.16, 0.2, 0.12), (0, 0, height + 0.06), turn)
    at.box(_DARK, (0.03, 0.52, 0.32), (0, 0, height + 0.28), turn)


def _low_shelf(at: _Placed) -> None:
    shape = at.piece.shape
    if isinstance(shape, Circle):
        at.solid(LOW_SHELF_HEIGHT)
        at.body(_WALNUT, 0.0, LOW_SHELF_HEIGHT)
        return
    _carcass(at.model, shape, LOW_SHELF_HEIGHT)
    _books(at.model, at.piece.code, shape, LOW_SHELF_HEIGHT, along_y=shape.height > shape.width)


def _sofa(at: _Placed) -> None:
    at.solid(0.85)
    at.body(_FABRIC, 0.0, 0.3)
    at.body(_CUSHION, 0.3, 0.45, _INSET)
    across = abs(math.cos(at.piece.back)) > 0.5
    width = at.dy if across else at.dx
    at.at_back(0.1, width, _FABRIC, 0.2, 0.3, 0.85)
    for side in (-1, 1):
        shift = side * (width / 2 - 0.08)
        place = (0.0, shift, 0.45) if across else (shift, 0.0, 0.45)
        at.box(_FABRIC, (at.dx, 0.16, 0.3) if across else (0.16, at.dy, 0.3), place)


def _chair(at: _Placed) -> None:
    at.solid(0.88)
    at.body(_CHAIR, 0.0, 0.42, 0.01)
    at.body(_CHAIR_BACK, 0.42, 0.47)
    at.at_back(0.03, min(at.dx, at.dy), _CHAIR_BACK, 0.06, 0.47, 0.88)


def _machine(at: _Placed) -> None:
    at.solid(1.3)
    at.body(_STEEL, 0.0, 1.2)
    at.body(_DARK, 1.2, 1.26, 0.03)
    at.box(_SCREEN, (at.dx * 0.7, at.dy * 0.55, 0.02), (0, 0, 1.27))


def _pillar(at: _Placed) -> None:
    at.solid(ROOM_HEIGHT)
    at.body(_CONCRETE, 0.0, ROOM_HEIGHT)


def _plant(at: _Placed) -> None:
    at.solid(1.2)
    at.body(_POT, 0.0, 0.45)
    at.body(_SOIL, 0.45, 0.46, 0.04)
    radius, choose = min(at.dx, at.dy) / 2, at.choose()
    at.cylinder(_WALNUT, 0.04, 0.5, (0, 0, 0.7))
    for number in range(6):
        turn, away = number * math.pi / 3, 0.45 * radius
        height = choose.uniform(0.85, 1.25)
        place = (away * math.cos(turn), away * math.sin(turn), height)
        at.ball(_LEAVES[number % len(_LEAVES)], choose.uniform(0.45, 0.6) * radius, place)


_DRAWN: Mapping[FurnitureKind, Callable[[_Placed], None]] = {
    FurnitureKind.TABLE: _table,
    FurnitureKind.DESK: _desk,
    FurnitureKind.COUNTER: _counter,
    FurnitureKind.SHELF: _low_shelf,
    FurnitureKind.SOFA: _sofa,
    FurnitureKind.CHAIR: _chair,
    FurnitureKind.MACHINE: _machine,
    FurnitureKind.PILLAR: _pillar,
    FurnitureKind.PLANT: _plant,
}


def _carcass(model: Model, whole: Rect, height: float) -> None:
    """The wood of shelves; books hide all of it but ends and top."""
    x, y = whole.centre.x - model.x, whole.centre.y - model.y
    model.collisions.append(Part("carcass", Box(whole.width, whole.height, height), x, y, height / 2))
    deep = whole.height > whole.width
    wood = Box(whole.width - 0.04 * deep, whole.height - 0.04 * (not deep), height)
    model.visuals.append((Part("wood", wood, x, y, height / 2), _WALNUT))


def _books(model: Model, code: str, unit: Rect, height: float, *, along_y: bool) -> None:
    """A picture of books along both long sides, flush with the outline. A box shows a texture upright on its sides."""
    x, y = unit.centre.x - model.x, unit.centre.y - model.y
    choose = random.Random(code)  # noqa: S311 - which books
    for side in (-1, 1):
        if along_y:
            solid, at = Box(0.02, unit.height, height - 0.06), (x + side * (unit.width / 2 - 0.01), y)
        else:
            solid, at = Box(unit.width, 0.02, height - 0.06), (x, y + side * (unit.height / 2 - 0.01))
        face = Look(_WALNUT.colour, choose.choice(BOOK_TEXTURES))
        model.visuals.append((Part(f"{code}_{side + 1}", solid, *at, height / 2), face))
