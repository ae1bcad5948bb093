"""Interfaces by name: `std_msgs/msg/Bool`, their classes and their definitions, wherever the ament index has them."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from luna_ros_cli.errors import CommandError, near

KINDS = {"msg": "Messages", "srv": "Services", "action": "Actions"}
_INDEX = "share/ament_index/resource_index/rosidl_interfaces"
_FIELD = re.compile(r"^\s*([A-Za-z]\w*(?:/\w+)*)(?:<=\d+)?(?:\[[^\]]*\])?\s+\w+\s*(?![\w\s]*=)")
_PRIMITIVE = re.compile(r"(bool|byte|char|w?string|u?int(8|16|32|64)|float(32|64))$")


def load(kind: str, name: str) -> Any:
    """The class of `package/kind/Name` or `package/Name`. Raises CommandError."""
    package, found, last = split(name, kind)
    if found != kind:
        raise CommandError(f"{name} is a {found}, not a {kind}")
    if name_of(package, kind, last) not in set(all_names(kind)):
        raise CommandError(f"There is no interface {name}{near(name_of(package, kind, last), all_names(kind))}.")
    return getattr(importlib.import_module(f"{package}.{kind}"), last)


def name_of(package: str, kind: str, last: str) -> str:
    return f"{package}/{kind}/{last}"


def split(name: str, kind: str = "msg") -> tuple[str, str, str]:
    """Package, kind and last name; ``kind`` is that of a name of two parts. Raises CommandError."""
    parts = name.split("/")
    if len(parts) == 2:
        parts.insert(1, kind)
    if len(parts) != 3 or not all(parts) or parts[1] not in KINDS:
        raise CommandError(f"{name!r} is no interface; they are named as in std_msgs/msg/Bool.")
    return parts[0], parts[1], parts[2]


def _prefixes() -> Iterator[Path]:
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(":"):
        if prefix:
            yield Path(prefix)


def all_names(kind: str) -> list[str]:
    """All interfaces of a kind, by name."""
    found: set[str] = set()
    for prefix in _prefixes():
        for listing in (prefix / _INDEX).glob("*"):
            for line in listing.read_text().split():
                folder, _, file = line.partition("/")
                if folder == kind and file.endswith(f".{kind}"):
                    found.add(name_of(listing.name, kind, file.removesuffix(f".{kind}")))
    return sorted(found)


def definition(name: str) -> str:
    """The text of an interface's file. Raises CommandError."""
    package, kind, last = split(name)
    for prefix in _prefixes():
        path = prefix / "share" / package / kind / f"{last}.{kind}"
        if path.is_file():
            return path.read_text()
    known = [each for each_kind in KINDS for each in all_names(each_kind)]
    raise CommandError(f"There is no interface {name}{near(name, known)}.")


def shown(name: str, comments: bool = True, nested_comments: bool = False, depth: int = 0) -> Iterator[str]:
    """Lines of a definition; below each field that is a message stand that message's lines, by a tab further in."""
    package, _, _ = split(name)
    for raw in definition(name).splitlines():
        line = raw if comments else raw.partition("#")[0].rstrip()
        if line or comments:
            yield "\t" * depth + line
        match = _FIELD.match(raw.partition("#")[0])
        if match and not _PRIMITIVE.match(match[1]):
            inner = "std_msgs/Header" if match[1] == "Header" else match[1]
            full = name_of(*split(inner if "/" in inner else f"{package}/{inner}"))
            yield from shown(full, nested_comments, nested_comments, depth + 1)
