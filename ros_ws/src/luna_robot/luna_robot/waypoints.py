"""The robot's list of named places."""

from __future__ import annotations

from dataclasses import dataclass

from luna_robot.geometry import Pose


@dataclass(frozen=True, slots=True)
class Waypoint:
    """A named place, in frame "map"."""

    location_code: str
    name: str
    pose: Pose
    kind: str = "OTHER"


@dataclass(frozen=True, slots=True)
class WaypointTable:
    """All named places of one map, in one version."""

    map_id: str = ""
    version: int = 0
    waypoints: tuple[Waypoint, ...] = ()

    def find(self, location_code: str) -> Waypoint | None:
        """By location code, case-insensitive."""
        wanted = location_code.casefold()
        return next((w for w in self.waypoints if w.location_code.casefold() == wanted), None)

    def nearest(self, pose: Pose) -> Waypoint | None:
        """The place with the smallest straight-line distance; None if there is none."""
        return min(self.waypoints, key=lambda w: w.pose.distance_to(pose), default=None)
