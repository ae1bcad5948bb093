"""Names and places that launch arguments say in words. Each function refuses what makes no sense, with what would."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml

_NAMESPACE = re.compile(r"/?[A-Za-z][A-Za-z0-9_]*(/[A-Za-z][A-Za-z0-9_]*)*")
_SECRET_PATH = re.compile(r"/[A-Za-z0-9_-]{32,}")
NONE = "none"
"""How an argument says that a file is not wanted."""


class Values(Protocol):
    """The values of a launch file's arguments, as text."""

    def __getitem__(self, name: str) -> str: ...


class ArgumentError(ValueError):
    """An argument of a launch file says what cannot be."""


@dataclass(frozen=True, slots=True)
class Place:
    """A pose on the map: metres and radians."""

    x: float
    y: float
    yaw: float


def absolute(namespace: str) -> str:
    """`luna1` or `/luna1` as `/luna1`; no namespace is empty, so that `absolute(…) + "/status"` is always a name."""
    if namespace in ("", "/"):
        return ""
    if not _NAMESPACE.fullmatch(namespace):
        raise ArgumentError(f"namespace:={namespace}: expected letters, digits and underscores, such as luna1")
    return "/" + namespace.strip("/")


def robots(text: str) -> tuple[str, ...]:
    """`luna1,luna2` as two namespaces, each once."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names or len(set(names)) != len(names) or not all(_NAMESPACE.fullmatch(name) for name in names):
        raise ArgumentError(f"robots:={text}: expected different names, separated by commas, such as luna1,luna2")
    return names


def place(text: str, argument: str) -> Place | None:
    """`1.0, 2.0, 3.14` as a pose (m, m, rad); empty is none."""
    if not text.strip():
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 3 or not all(math.isfinite(number) for number in numbers):
        raise ArgumentError(f"{argument}:={text}: expected x,y,yaw in metres and radians, such as 1.5,2.0,3.14")
    return Place(*numbers)


def port(text: str, argument: str) -> int:
    """A TCP port."""
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise ArgumentError(f"{argument}:={text}: expected a port, 1 to 65535")
    return int(text)


def readable(text: str, argument: str) -> str:
    """A file that is there, as an absolute path."""
    path = Path(text).expanduser()
    if not path.is_file():
        raise ArgumentError(f"{argument}:={text}: there is no such file")
    return str(path.absolute())


def beside(text: str, map_file: str, name: str, argument: str) -> str:
    """The file that an argument names; the one called `name` beside the map if it says nothing; empty for `none`."""
    if text == NONE:
        return ""
    return readable(text or str(Path(map_file).with_name(name)), argument)


def checkout(start: Path, environment: Mapping[str, str] = os.environ) -> Path | None:
    """LUNA's source tree: what `LUNA_ROOT` names, or else the one that `start` lies in, symbolic links followed."""
    if environment.get("LUNA_ROOT"):
        return Path(environment["LUNA_ROOT"])
    folders = start.resolve().parents
    return next((folder for folder in folders if (folder / "sim" / "library.yaml").is_file()), None)


def docks(waypoints_file: str, count: int) -> list[Place]:
    """The first `count` docks of a floor, by their codes."""
    content: Any = yaml.safe_load(Path(waypoints_file).read_text(encoding="utf-8"))
    found = {str(one["location_code"]): one for one in content["waypoints"] if one["kind"] == "DOCK"}
    if len(found) < count:
        raise ArgumentError(f"robots: {count} of them, but {waypoints_file} has {len(found)} docks")
    codes = sorted(found, key=lambda code: (len(code), code))[:count]
    return [Place(found[code]["x"], found[code]["y"], found[code]["yaw"]) for code in codes]


def secret_path(text: str) -> str:
    """The path under which rosbridge is found: were it easy, each program of the machine could drive the robot."""
    if not _SECRET_PATH.fullmatch(text):
        raise ArgumentError(
            "rosbridge_path (or LUNA_ROSBRIDGE_PATH): expected a slash and 32 or more letters, digits, _ or -, such as "
            "the answer of: python3 -c \"import secrets; print('/' + secrets.token_urlsafe(32))\""
        )
    return text
