"""Everything that is generated from a floor plan."""

import io
from collections.abc import Iterator

from luna_floor.files import WaypointSet, map_yaml, pgm_bytes, waypoints_yaml
from luna_floor.gazebo.textures import textures
from luna_floor.gazebo.world import world_sdf
from luna_floor.grid import draw_grid, draw_keep_out
from luna_floor.lanes import lanes_yaml
from luna_floor.model import FloorPlan
from luna_floor.picture import draw_picture


def floor_files(plan: FloorPlan) -> Iterator[tuple[str, bytes]]:
    """Name and content of every generated file."""
    yield from exact_files(plan)
    yield from pictures(plan)


def exact_files(plan: FloorPlan) -> Iterator[tuple[str, bytes]]:
    """Those that are the same to the byte on every machine."""
    grid, keep_out = draw_grid(plan), draw_keep_out(plan)
    yield "map.pgm", pgm_bytes(grid)
    yield "map.yaml", map_yaml(grid, "map.pgm").encode()
    yield "keepout.pgm", pgm_bytes(keep_out)
    yield "keepout.yaml", map_yaml(keep_out, "keepout.pgm").encode()
    yield "waypoints.yaml", waypoints_yaml(WaypointSet(plan.map_id, plan.version, plan.waypoints)).encode()
    yield "lanes.yaml", lanes_yaml(plan.one_way).encode()
    yield "world.sdf", world_sdf(plan).encode()


def pictures(plan: FloorPlan) -> Iterator[tuple[str, bytes]]:
    """The picture for consoles, and the textures that the world names by paths relative to itself."""
    png = io.BytesIO()
    draw_picture(plan).save(png, format="PNG", optimize=True)
    yield "map.png", png.getvalue()
    yield from textures(plan)
