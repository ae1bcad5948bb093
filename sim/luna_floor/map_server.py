"""Reading maps as map_server does (Nav2 in Jazzy, nav2_map_server/src/map_io.cpp): free, occupied or unknown."""

from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from luna_floor.entry import Entry
from luna_floor.files import FREE_THRESHOLD, OCCUPIED_THRESHOLD, read_yaml
from luna_floor.grid import Cell, Grid
from luna_floor.model import FloorError

Levels = NDArray[np.float64]
"""Grey levels 0 (black) to 255, row 0 at the top; NaN where an image is transparent."""


class Mode(StrEnum):
    """How grey levels mean occupancy."""

    TRINARY = "trinary"
    SCALE = "scale"
    RAW = "raw"


def read_map(path: Path) -> Grid:
    """Read a map: YAML and the image that it names, in any mode and as PGM, PNG or BMP.

    What lies between free and occupied in modes `scale` and `raw` is free here, as in Nav2's costmaps, which take 100
    alone for an obstacle unless told otherwise.

    Raises:
        FloorError: a file is missing or not such a map, or the map is rotated.
    """
    e = read_yaml(path)
    origin = e.numbers("origin", 3)
    if origin[2]:
        raise e.error(f"origin: a map rotated by {origin[2]:g} is not supported; draw it anew with its rows along x")
    resolution = e.number("resolution", above=0)
    mode = e.choice("mode", Mode) if e.has("mode") else Mode.TRINARY
    levels = _levels(path.parent / Path(e.text("image")).expanduser())
    cells = _raw(levels) if mode is Mode.RAW else _judged(e, levels, mode)
    return Grid(np.flipud(cells).copy(), resolution, origin[0], origin[1])


def _judged(e: Entry, levels: Levels, mode: Mode) -> NDArray[np.int8]:
    """By the thresholds."""
    free = e.number("free_thresh", default=FREE_THRESHOLD)
    occupied = e.number("occupied_thresh", default=OCCUPIED_THRESHOLD)
    if not 0 <= free < occupied <= 1:
        raise e.error(f"free_thresh must lie below occupied_thresh, both from 0 to 1; found {free:g} and {occupied:g}")
    dark = levels / 255 if e.flag("negate") else 1 - levels / 255
    cells = np.full(levels.shape, Cell.UNKNOWN, dtype=np.int8)
    cells[dark < occupied if mode is Mode.SCALE else dark <= free] = Cell.FREE
    cells[dark >= occupied] = Cell.OCCUPIED
    return cells


def _raw(levels: Levels) -> NDArray[np.int8]:
    """A grey level is the occupancy itself: 0 to 100, everything else unknown."""
    cells = np.full(levels.shape, Cell.UNKNOWN, dtype=np.int8)
    cells[levels < Cell.OCCUPIED] = Cell.FREE
    cells[levels == Cell.OCCUPIED] = Cell.OCCUPIED
    return cells


def _levels(path: Path) -> Levels:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FloorError(f"{path}: {error.strerror}") from error
    if data[:2] == b"P5" and (levels := _pgm(data)) is not None:
        return levels
    return _image(path)


def _pgm(data: bytes) -> Levels | None:
    """A whole binary PGM with 255 grey levels, which most maps are; None for others. Format: Netpbm pgm(5)."""
    header: list[bytes] = []
    rest = data
    while len(header) < 4 and rest:
        token, _, rest = rest.lstrip(b" \t\r\n").partition(b"\n") if rest[:1] == b"#" else _token(rest)
        if token and not token.startswith(b"#"):
            header.append(token)
    if len(header) < 4 or not all(one.isdigit() for one in header[1:]):
        return None
    columns, rows, top = (int(one) for one in header[1:])
    if top != 255 or not 0 < rows * columns <= len(rest):
        return None
    return np.frombuffer(rest, dtype=np.uint8, count=rows * columns).reshape(rows, columns).astype(np.float64)


def _token(data: bytes) -> tuple[bytes, bytes, bytes]:
    """The next blank-separated word, the blank, and what follows."""
    end = next((i for i, byte in enumerate(data) if byte in b" \t\r\n"), len(data))
    return data[:end], data[end : end + 1], data[end + 1 :]


def _image(path: Path) -> Levels:
    """Any other image. Colours count by their brightness."""
    from PIL import Image, UnidentifiedImageError  # most maps are read without it

    try:
        with Image.open(path, formats=("PPM", "PNG", "BMP")) as image:
            if image.mode.startswith("I"):  # 16 bits a level
                return np.asarray(image, dtype=np.float64) / 257
            plain = image.convert("RGBA")
            levels = np.asarray(plain.convert("L"), dtype=np.float64).copy()
            levels[np.asarray(plain.getchannel("A")) < 255] = np.nan
            return levels
    except UnidentifiedImageError:
        raise FloorError(f"{path}: not an image that map_server reads (PGM, PNG or BMP)") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise FloorError(f"{path}: not a whole image: {error}") from error
