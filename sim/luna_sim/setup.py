"""Building a world: floor files, robots on their docks or where they stood last."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from luna_floor.files import WaypointSet, read_waypoints
from luna_floor.lanes import read_lanes
from luna_floor.map_server import read_map
from luna_floor.model import FloorError
from luna_sim.core.floor import Floor
from luna_sim.core.parameters import RobotParameters
from luna_sim.core.robot import RobotState
from luna_sim.core.world import World
from luna_sim.store import SavedState

_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")


class SetupError(ValueError):
    """Arguments or files from which no world can be made."""


@dataclass(frozen=True, slots=True)
class FloorFiles:
    """A floor as it was read from its folder."""

    floor: Floor
    waypoints: WaypointSet


def read_floor(folder: Path) -> FloorFiles:
    """Read `map.yaml`, `waypoints.yaml` and, where they are there, `keepout.yaml` and `lanes.yaml`.

    Raises:
        FloorError: a file is missing or wrong.
    """
    waypoints = read_waypoints(folder / "waypoints.yaml")
    grid = read_map(folder / "map.yaml")
    keep_out = read_map(folder / "keepout.yaml") if (folder / "keepout.yaml").exists() else None
    if keep_out is not None and not keep_out.fits(grid):
        raise FloorError(f"{folder / 'keepout.yaml'}: size, resolution and origin must be those of map.yaml")
    lanes = read_lanes(folder / "lanes.yaml") if (folder / "lanes.yaml").exists() else ()
    return FloorFiles(Floor(grid, keep_out, waypoints.docks, lanes), waypoints)


def robot_names(text: str) -> tuple[str, ...]:
    """The names in a list such as `luna1,luna2`.

    Raises:
        SetupError: a name that ROS does not take, or one twice.
    """
    names = tuple(part.strip() for part in text.split(","))
    for name in names:
        if not _NAME.fullmatch(name):
            raise SetupError(f"robot name {name!r}: must be a-z, 0-9 and _, beginning with a letter, at most 31 long")
    if len(set(names)) < len(names):
        raise SetupError("robot names: one is used twice")
    return names


def build_world(
    files: FloorFiles,
    names: Sequence[str],
    parameters: RobotParameters,
    seed: int,
    saved: SavedState | None,
    now_ns: int,
    people: int = 0,
) -> World:
    """A world with these robots: where they were saved, if they fit there still, else on docks of their own.

    Raises:
        SetupError: there are more robots than docks.
    """
    floor = files.floor
    if len(names) > len(floor.docks):
        raise SetupError(f"{len(names)} robots, but the floor has only {len(floor.docks)} docks")
    usable = saved if saved is not None and saved.map_id == files.waypoints.map_id else None
    # Time never runs backwards for the nodes that follow it.
    start_ns = max(now_ns, saved.time_ns) if saved is not None else now_ns
    world = World(floor, parameters, seed, start_ns, people)
    kept = _fitting(usable, names, floor, parameters)
    homes = _homes([n for n in names if n not in kept], floor, kept.values())
    for name in names:
        world.add_robot(name, kept[name] if name in kept else world.fresh_state(homes[name]))
    return world


def _fitting(
    saved: SavedState | None, names: Sequence[str], floor: Floor, parameters: RobotParameters
) -> dict[str, RobotState]:
    """Saved robots that stand on free floor and apart from each other."""
    radius, kept = parameters.drive.radius, dict[str, RobotState]()
    for name in names:
        state = saved.robots.get(name) if saved is not None else None
        if state is None or floor.clearance(state.pose.x, state.pose.y) < radius - 0.02:
            continue
        if all(state.pose.distance_to(o.pose.x, o.pose.y) >= 2 * radius - 0.02 for o in kept.values()):
            kept[name] = RobotState(state.pose, min(max(0.0, state.energy), parameters.battery.capacity))
    return kept


def _homes(names: Sequence[str], floor: Floor, standing: Iterable[RobotState]) -> dict[str, str]:
    """A dock for each robot: the one with its number if that is free, else the first free one."""
    taken = list(standing)
    free = [c for c, d in floor.docks.items() if all(d.distance_to(s.pose.x, s.pose.y) > 0.5 for s in taken)]
    homes: dict[str, str] = {}
    for name in names:
        number = re.search(r"\d+$", name)
        own = f"DOCK-{number.group()}" if number else ""
        if own in free:
            homes[name] = own
            free.remove(own)
    for name in names:
        if name not in homes:
            if not free:
                raise SetupError(f"robot {name}: no dock is free")
            homes[name] = free.pop(0)
    return homes
