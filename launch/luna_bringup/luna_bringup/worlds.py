"""Floors that can be simulated: a folder with map, waypoints and the world that Gazebo loads."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from luna_bringup.names import ArgumentError, Place, docks, readable


@dataclass(frozen=True, slots=True)
class SimulatedFloor:
    """Absolute paths of its files, and the name by which Gazebo knows the world."""

    map: str
    waypoints: str
    world: str
    world_name: str

    @staticmethod
    def of(floor: str, world: str, world_name: str, places: Iterable[Path]) -> SimulatedFloor:
        """From launch arguments: a floor's name in one of `places`, or a folder; the rest is found in it if empty.

        Raises:
            ArgumentError: something of it is not there.
        """
        folder = _folder(floor, places)
        file = readable(world or str(folder / "world.sdf"), "world")
        map_file, waypoints = (readable(str(folder / name), "floor") for name in ("map.yaml", "waypoints.yaml"))
        return SimulatedFloor(map_file, waypoints, file, world_name or _name(file))

    def homes(self, count: int) -> list[Place]:
        """Where so many docked robots stand. Raises ArgumentError if there are fewer docks."""
        return docks(self.waypoints, count)


def _folder(floor: str, places: Iterable[Path]) -> Path:
    if Path(floor).expanduser().is_dir() and (Path(floor).expanduser() / "map.yaml").is_file():
        return Path(floor).expanduser().absolute()
    known = {file.parent.name: file.parent for place in reversed(list(places)) for file in place.glob("*/map.yaml")}
    if floor not in known:
        ours = f"one of {', '.join(sorted(known))}" if known else "none of LUNA's is known here (LUNA_ROOT)"
        raise ArgumentError(f"floor:={floor}: expected a folder with map.yaml, waypoints.yaml and world.sdf, or {ours}")
    return known[floor].absolute()


def _name(world: str) -> str:
    """The name of the world in a file: topics of Gazebo have it in them."""
    try:
        element = ET.parse(world).getroot().find("world")  # noqa: S314 - Gazebo reads it next, all of it
    except ET.ParseError as error:
        raise ArgumentError(f"world:={world}: expected a world of Gazebo (SDF): {error}") from error
    name = element.get("name") if element is not None else None
    if not name:
        raise ArgumentError(f"world:={world}: expected a world of Gazebo (SDF) with a name")
    return name
