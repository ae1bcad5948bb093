"""Command line: builds floors from plans, checks plans, imports maps. `./luna sim` calls it."""

import argparse
import sys
from pathlib import Path

from luna_floor.build import floor_files
from luna_floor.checks import check_plan
from luna_floor.files import read_waypoints, write_files
from luna_floor.importing import imported_files
from luna_floor.map_server import read_map
from luna_floor.model import FloorError, FloorPlan
from luna_floor.parse import load_plan


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 is success, 1 a floor that can't be used."""
    options = _parser().parse_args(arguments)
    try:
        print(_import(options) if options.command == "import" else _plan(options))
    except FloorError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{options.folder}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m luna_floor", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="generate map, mask, waypoints, picture and world from a plan")
    check = commands.add_parser("check", help="only say whether the floor can be driven on")
    for command in (build, check):
        command.add_argument("plan", type=Path, help="floor plan (YAML)")
    bring = commands.add_parser("import", help="make a floor of a map_server map and a file of waypoints")
    bring.add_argument("map", type=Path, help="map (YAML)")
    bring.add_argument("waypoints", type=Path, help="waypoints (YAML)")
    bring.add_argument("--keepout", type=Path, help="mask of zones to keep out of (YAML), of the map's size")
    for command in (build, bring):
        command.add_argument("folder", type=Path, help="folder for the files")
    return parser


def _plan(options: argparse.Namespace) -> str:
    plan = load_plan(options.plan)
    check_plan(plan)
    if options.command == "build":
        write_files(options.folder, floor_files(plan))
    return _summary(plan)


def _import(options: argparse.Namespace) -> str:
    # All of it before anything is written: what is wrong leaves no half floor behind.
    write_files(options.folder, list(imported_files(options.map, options.waypoints, options.keepout)))
    grid, waypoints = read_map(options.folder / "map.yaml"), read_waypoints(options.folder / "waypoints.yaml")
    return (
        f"{waypoints.map_id}: {grid.columns * grid.resolution:g} x {grid.rows * grid.resolution:g} m, "
        f"{len(waypoints.waypoints)} waypoints, {len(waypoints.docks)} docks"
    )


def _summary(plan: FloorPlan) -> str:
    width, height = plan.size
    return (
        f"{plan.title}: {width:g} x {height:g} m, {len(plan.shelves)} shelves, {len(plan.furniture)} pieces of "
        f"furniture, {len(plan.waypoints)} waypoints, {len(plan.docks)} docks"
    )


if __name__ == "__main__":
    sys.exit(main())
