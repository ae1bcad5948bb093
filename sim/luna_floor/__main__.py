"""Command line: `python -m luna_floor build FLOOR.yaml FOLDER` and `python -m luna_floor check FLOOR.yaml`."""

import argparse
import sys
from pathlib import Path

from luna_floor.build import floor_files
from luna_floor.checks import check_plan
from luna_floor.files import write_files
from luna_floor.model import FloorError, FloorPlan
from luna_floor.parse import load_plan


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 is success, 1 a floor plan that can't be used."""
    options = _parser().parse_args(arguments)
    try:
        plan = load_plan(options.plan)
        check_plan(plan)
        if options.command == "build":
            write_files(options.folder, floor_files(plan))
    except FloorError as error:
        print(error, file=sys.stderr)
        return 1
    print(_summary(plan))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m luna_floor", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="generate map, keep-out mask, picture and waypoints")
    check = commands.add_parser("check", help="only say whether the floor can be driven on")
    for command in (build, check):
        command.add_argument("plan", type=Path, help="floor plan (YAML)")
    build.add_argument("folder", type=Path, help="folder for the generated files")
    return parser


def _summary(plan: FloorPlan) -> str:
    width, height = plan.size
    return (
        f"{plan.title}: {width:g} x {height:g} m, {len(plan.shelves)} shelves, {len(plan.furniture)} pieces of "
        f"furniture, {len(plan.waypoints)} waypoints, {len(plan.docks)} docks"
    )


if __name__ == "__main__":
    sys.exit(main())
