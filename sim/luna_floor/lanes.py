"""The file of a floor's one-way aisles, `lanes.yaml`: metres and radians, frame `map`."""

from collections.abc import Sequence
from pathlib import Path

from luna_floor.files import read_yaml
from luna_floor.model import OneWay, Rect


def lanes_yaml(lanes: Sequence[OneWay]) -> str:
    """`x` and `y` are the south-west corner, `heading` is the direction of travel, counter-clockwise from east."""
    lines = [
        f"  - {{code: {lane.code}, x: {lane.rect.x:g}, y: {lane.rect.y:g}, width: {lane.rect.width:g}, "
        f"height: {lane.rect.height:g}, heading: {lane.heading:.6f}}}"
        for lane in lanes
    ]
    return "\n".join(["lanes:" if lines else "lanes: []", *lines]) + "\n"


def read_lanes(path: Path) -> tuple[OneWay, ...]:
    """Read such a file.

    Raises:
        FloorError: it is missing or a value in it is wrong.
    """
    return tuple(
        OneWay(
            e.text("code"),
            Rect(e.number("x"), e.number("y"), e.number("width", above=0), e.number("height", above=0)),
            e.number("heading"),
        )
        for e in read_yaml(path).entries("lanes")
    )
