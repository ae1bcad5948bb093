"""Reading one entry of a YAML file: every complaint names the entry and the key."""

import math
import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, TypeVar

from luna_floor.model import Circle, FloorError, Point, Rect, Shape

Choice = TypeVar("Choice", bound=StrEnum)
_REQUIRED = object()


class Entry:
    """A mapping of a YAML file together with its place in the file, e.g. `waypoints[3] (DESK-1)`."""

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, dict):
            raise FloorError(f"{place}: expected a mapping, found {type(value).__name__}")
        self._value: dict[str, Any] = value
        name = value.get("code") or value.get("name") or value.get("location_code")
        self.place = f"{place} ({name})" if name and place.endswith("]") else place

    def error(self, message: str) -> FloorError:
        return FloorError(f"{self.place}: {message}")

    def only(self, *known: str) -> "Entry":
        """Refuse keys that nobody reads: a typing error would go unnoticed."""
        unknown = sorted(str(key) for key in self._value if key not in known)
        if unknown:
            raise self.error(f"unknown key {unknown[0]!r}; known are {', '.join(known)}")
        return self

    def has(self, key: str) -> bool:
        return self._value.get(key) is not None

    def text(self, key: str) -> str:
        value = self._get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"{key} must be a non-empty text, found {value!r}")
        return value.strip()

    def number(self, key: str, *, above: float = -math.inf, default: float | None = None) -> float:
        value = self._get(key, _REQUIRED if default is None else default)
        return self._number(key, value, above)

    def integer(self, key: str, *, at_least: int) -> int:
        value = self._get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < at_least:
            raise self.error(f"{key} must be a whole number of at least {at_least}, found {value!r}")
        return value

    def flag(self, key: str) -> bool:
        """Yes or no, also as 1 or 0; no if missing."""
        value = self._get(key, False)
        if value not in (False, True):
            raise self.error(f"{key} must be 0 or 1, found {value!r}")
        return bool(value)

    def choice(self, key: str, kind: type[Choice]) -> Choice:
        value = self._get(key)
        try:
            return kind(value)
        except ValueError:
            raise self.error(f"{key} must be one of {', '.join(kind)}, found {value!r}") from None

    def numbers(self, key: str, count: int) -> list[float]:
        return self._numbers(key, self._get(key), count)

    def point(self, key: str) -> Point:
        return Point(*self.numbers(key, 2))

    def points(self, key: str) -> tuple[Point, ...]:
        value = self._get(key)
        if not isinstance(value, list) or len(value) < 3:
            raise self.error(f"{key} must be a list of at least three points [x, y]")
        return tuple(Point(*self._numbers(f"{key}[{i}]", one, 2)) for i, one in enumerate(value))

    def rect(self, key: str) -> Rect:
        x, y, width, height = self.numbers(key, 4)
        if width <= 0 or height <= 0:
            raise self.error(f"{key} must have a positive width and height, found {width} x {height}")
        return Rect(x, y, width, height)

    def shape(self) -> Shape:
        if self.has("rect") == self.has("circle"):
            raise self.error("needs either rect or circle")
        if self.has("rect"):
            return self.rect("rect")
        x, y, radius = self.numbers("circle", 3)
        if radius <= 0:
            raise self.error(f"circle must have a positive radius, found {radius}")
        return Circle(x, y, radius)

    def angle(self, key: str) -> float:
        """Degrees in the file, radians in (-pi, pi] here."""
        return to_radians(self.number(key))

    def entry(self, key: str) -> "Entry":
        return Entry(self._get(key), f"{self.place}.{key}" if self.place != "floor plan" else key)

    def entries(self, key: str) -> Iterator["Entry"]:
        value = self._get(key, [])
        if not isinstance(value, list):
            raise self.error(f"{key} must be a list, found {type(value).__name__}")
        prefix = "" if self.place == "floor plan" else f"{self.place}."
        for index, one in enumerate(value):
            yield Entry(one, f"{prefix}{key}[{index}]")

    def counts(self, key: str, names: tuple[str, ...]) -> dict[str, int]:
        """A mapping of some of `names` to counts; missing altogether means none."""
        if not self.has(key):
            return {}
        inner = self.entry(key).only(*names)
        return {name: inner.integer(name, at_least=1) for name in names if inner.has(name)}

    def _get(self, key: str, default: object = _REQUIRED) -> Any:
        value = self._value.get(key, default)
        if value is _REQUIRED:
            raise self.error(f"{key} is missing")
        return value

    def _numbers(self, key: str, value: object, count: int) -> list[float]:
        if not isinstance(value, list) or len(value) != count:
            raise self.error(f"{key} must be a list of {count} numbers, found {value!r}")
        return [self._number(key, one, -math.inf) for one in value]

    def _number(self, key: str, value: object, above: float) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= sys.float_info.max:
            raise self.error(f"{key} must be a number, found {value!r}")
        if value <= above:
            raise self.error(f"{key} must be greater than {above:g}, found {value!r}")
        return float(value)


def to_radians(degrees: float) -> float:
    """The same direction in (-pi, pi]."""
    return -math.remainder(-math.radians(degrees), 2 * math.pi) or 0.0
