"""A floor as files: its map, its zones to keep out of, its zones to drive slowly in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from luna_bringup.names import ArgumentError, beside, readable

Program = tuple[str, str]
"""Package and executable."""

_KEEPOUT = ("keepout.yaml", "keepout_map")
"""A mask's name beside the map, and the argument that names another."""
_MAP_SERVER = ("nav2_map_server", "map_server")
_INFO_SERVER = ("nav2_map_server", "costmap_filter_info_server")


@dataclass(frozen=True, slots=True)
class Floor:
    """Absolute paths of map_server's YAML files; a mask that the floor has not is empty."""

    map: str
    keepout: str
    speed: str

    @staticmethod
    def of(map_file: str, keepout_map: str, speed_map: str) -> Floor:
        """From launch arguments. Raises ArgumentError."""
        if not map_file:
            raise ArgumentError("map: expected the YAML file of the floor's map, such as map:=/etc/luna/floor/map.yaml")
        file = readable(map_file, "map")
        keepout = beside(keepout_map, file, *_KEEPOUT)
        return Floor(file, keepout, beside(speed_map, file, "speed.yaml", "speed_map"))

    @property
    def name(self) -> str:
        """The folder's name: floors are kept in one each."""
        return Path(self.map).parent.name

    def programs(self) -> dict[str, Program]:
        """The servers of map and masks, by the names that their parameters have in nav2.yaml."""
        servers = {"map_server": _MAP_SERVER}
        for kind, mask in (("keepout", self.keepout), ("speed", self.speed)):
            if mask:
                servers |= {f"{kind}_mask_server": _MAP_SERVER, f"{kind}_info_server": _INFO_SERVER}
        return servers

    def files(self) -> dict[str, str]:
        """What each server of `programs` that serves a file serves."""
        served = {"map_server": self.map, "keepout_mask_server": self.keepout, "speed_mask_server": self.speed}
        return {server: file for server, file in served.items() if file}

    def filters(self) -> str:
        """The file in config/filters that puts the costmaps' filters to use; empty if there is no mask.

        A file, since a ROS parameter cannot be an empty list, and costmaps are nodes inside other nodes' processes.
        """
        names = "_".join(kind for kind, mask in (("keepout", self.keepout), ("speed", self.speed)) if mask)
        return f"{names}.yaml" if names else ""


def keepout_mask(map_file: str, keepout_map: str) -> str:
    """The mask of `Floor.of`; empty where neither a map nor a mask is given, as on a robot whose Nav2 is another's.

    Raises ArgumentError.
    """
    return beside(keepout_map, map_file, *_KEEPOUT) if map_file or keepout_map else ""
