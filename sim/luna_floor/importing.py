"""A floor of one's own: any map that map_server serves, and a file of waypoints on it."""

import io
from collections.abc import Iterator
from pathlib import Path

from luna_floor.checks import check_floor
from luna_floor.files import WaypointSet, map_yaml, pgm_bytes, read_waypoints, waypoints_yaml
from luna_floor.grid import Grid
from luna_floor.map_server import read_map
from luna_floor.model import FloorError, Footprint
from luna_floor.picture import draw_map

ROBOT = Footprint(radius=0.175, clearance=0.0)
"""A TurtleBot 4; how much room people want around it where it stops is theirs to say, on a map of theirs."""


def imported_files(map_file: Path, waypoint_file: Path, keep_out_file: Path | None) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file of the floor, the map in mode `trinary`, whatever it was.

    Raises:
        FloorError: a file is not what it should be, or no robot can use the floor; says where and why.
    """
    grid, waypoints = read_map(map_file), read_waypoints(waypoint_file)
    keep_out = read_map(keep_out_file) if keep_out_file else None
    if keep_out is not None and not keep_out.fits(grid):
        raise FloorError(f"{keep_out_file}: size, resolution and origin must be those of {map_file}")
    _check(grid, waypoints, keep_out, map_file, waypoint_file)
    yield "map.pgm", pgm_bytes(grid)
    yield "map.yaml", map_yaml(grid, "map.pgm").encode()
    png = io.BytesIO()
    draw_map(grid).save(png, format="PNG", optimize=True)
    yield "map.png", png.getvalue()
    yield "waypoints.yaml", waypoints_yaml(waypoints).encode()
    if keep_out is not None:
        yield "keepout.pgm", pgm_bytes(keep_out)
        yield "keepout.yaml", map_yaml(keep_out, "keepout.pgm").encode()


def _check(
    grid: Grid, waypoints: WaypointSet, keep_out: Grid | None, map_file: Path, waypoint_file: Path
) -> None:
    if not waypoints.docks:
        raise FloorError(f"{waypoint_file}: one waypoint at least must be of kind DOCK, for robots to start on")
    try:
        check_floor(grid, keep_out, waypoints.waypoints, ROBOT)
    except FloorError as error:
        size = f"{grid.columns * grid.resolution:g} x {grid.rows * grid.resolution:g} m"
        where = f"a map of {size} from ({grid.origin_x:g}, {grid.origin_y:g})"
        raise FloorError(f"{waypoint_file} on {map_file}, {where}:\n{error}") from error
