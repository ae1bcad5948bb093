"""Pictures that cover things in Gazebo: rows of books, and the floor with its coverings."""

import io
import random
from collections.abc import Iterator

from PIL import Image, ImageDraw

from luna_floor.model import FloorPlan
from luna_floor.picture import SPINES, draw_ground

BOOK_TEXTURES = tuple(f"textures/books_{number}.png" for number in range(1, 5))
FLOOR_TEXTURE = "textures/floor.png"
_WIDTH, _HEIGHT, _BOARDS = 400, 460, 5
_COLOURS = 64
"""Enough for what is drawn here; keeps the files small."""


def textures(plan: FloorPlan) -> Iterator[tuple[str, bytes]]:
    """Name and content of every texture of a world."""
    yield FLOOR_TEXTURE, floor_texture(plan)
    for name in BOOK_TEXTURES:
        yield name, book_texture(name)


def book_texture(name: str) -> bytes:
    """PNG of the front of a shelf 1.6 m wide; the same books for the same name."""
    choose = random.Random(name)  # noqa: S311 - colours of books
    image = Image.new("RGB", (_WIDTH, _HEIGHT), "#2c2019")
    pen = ImageDraw.Draw(image)
    room = (_HEIGHT - 8) / _BOARDS
    for board in range(_BOARDS):
        bottom = round(8 + (board + 1) * room) - 9
        at = 12
        while at < _WIDTH - 20:
            if choose.random() < 0.06:  # a gap where a book is out
                at += choose.randint(12, 30)
                continue
            thick, tall = choose.randint(7, 17), round(room * choose.uniform(0.62, 0.84))
            _spine(pen, choose, (at, bottom - tall, min(at + thick, _WIDTH - 12), bottom))
            at += thick + 1
        pen.rectangle((0, bottom + 1, _WIDTH, bottom + 9), fill="#7b5638")
    for left in (0, _WIDTH - 9):
        pen.rectangle((left, 0, left + 9, _HEIGHT), fill="#7b5638")
    pen.rectangle((0, 0, _WIDTH, 7), fill="#7b5638")
    return _png(image)


def floor_texture(plan: FloorPlan) -> bytes:
    """PNG of the ground, north up."""
    return _png(draw_ground(plan))


def _spine(pen: ImageDraw.ImageDraw, choose: random.Random, box: tuple[int, int, int, int]) -> None:
    left, top, right, _ = box
    pen.rectangle(box, fill=choose.choice(SPINES), outline="#241b15")
    if right - left > 8:
        height = top + choose.randint(8, 20)
        pen.rectangle((left + 2, height, right - 2, height + choose.randint(3, 9)), fill="#e9dcc0")


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.quantize(_COLOURS).save(out, format="PNG", optimize=True)
    return out.getvalue()
