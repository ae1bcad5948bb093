"""The verbs of `./luna sim`. Thin: each one hands its words to a program in the ROS environment.

A group of verbs with a module of its own is hung in at the end of this one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.layout import this_checkout
from luna_embedded.planning import Place, place
from luna_embedded.sim import fault_cli

app = typer.Typer(
    help="The simulator alone, without a library around it; floors, pictures and recordings.",
    invoke_without_command=True,
)

State = Annotated[
    Path | None,
    typer.Option("--state", envvar="LUNA_STATE", metavar="DIR", help="State directory.", show_default=".luna/state"),
]


def _place(state: Path | None) -> Place:
    return place(this_checkout(), state)


@app.callback()
def start(
    context: typer.Context,
    floor: Annotated[
        str, typer.Option(metavar="FLOOR", help="A floor below sim/maps, or a folder with map.yaml and waypoints.yaml.")
    ] = "library",
    robots: Annotated[str, typer.Option(metavar="N|NAMES", help="How many robots, or their names: a,b,c.")] = "1",
    speed: Annotated[float, typer.Option(metavar="X", help="How many times as fast as real time, 0.1 to 100.")] = 1.0,
    people: Annotated[int | None, typer.Option(min=0, metavar="N", help="How many people walk about.")] = None,
    seed: Annotated[int, typer.Option(help="For everything that is left to chance.")] = 1,
    scenario: Annotated[Path | None, typer.Option(metavar="FILE", help="Faults that happen at set times.")] = None,
    state: State = None,
) -> None:
    """Start the simulator alone, in the foreground; Ctrl-C ends it, and the robots stay where they are."""
    from luna_embedded.sim.alone import Wanted, become_simulator

    if context.invoked_subcommand is None:
        wanted = Wanted(floor, robots, speed, seed, people, scenario)
        become_simulator(this_checkout(), _place(state).state, wanted, os.environ)
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if given:
        verb = context.invoked_subcommand
        raise Refusal(f"--{given[0]} says nothing to {verb}.", f"See ./luna sim {verb} --help.", Exit.USAGE)


@app.command()
def build(
    plan: Annotated[
        Path | None, typer.Argument(metavar="[PLAN]", help="A floor plan (YAML); none: every one in sim/.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Argument(metavar="[FOLDER]", help="Where to; none: sim/maps/ and the plan's name.")
    ] = None,
) -> None:
    """Make maps, masks, pictures and waypoints from floor plans."""
    from luna_embedded.sim.floors import build_floors

    raise typer.Exit(build_floors(this_checkout(), plan, folder, os.environ))


@app.command("import")
def import_map(
    map_file: Annotated[Path, typer.Argument(metavar="MAP.yaml", help="A map as map_server serves it.")],
    waypoints: Annotated[Path, typer.Argument(metavar="WAYPOINTS.yaml", help="Named places on it, docks among them.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the floor goes.")],
    keepout: Annotated[
        Path | None, typer.Option(metavar="MASK.yaml", help="Zones to keep out of: a mask of the map's size.")
    ] = None,
) -> None:
    """Make a floor of any map: `./luna sim --floor FOLDER` drives on it."""
    from luna_embedded.sim.floors import import_floor

    raise typer.Exit(import_floor(this_checkout(), map_file, waypoints, folder, keepout, os.environ))


@app.command()
def record(
    file: Annotated[Path, typer.Argument(metavar="FILE.mcap", help="Where to.")],
    seconds: Annotated[
        float | None, typer.Option("--for", min=0.1, metavar="S", help="So many seconds of the simulator's time.")
    ] = None,
    topics: Annotated[
        str, typer.Option(metavar="A,B", help="Topics, by name or its last part; all. None: what people look at.")
    ] = "",
    state: State = None,
) -> None:
    """Record what the robots say, for Foxglove and ros2 bag, until Ctrl-C."""
    from luna_embedded.sim.reach import become_ros_program

    words = [str(file), *(["--for", str(seconds)] if seconds else []), *(["--topics", topics] if topics else [])]
    become_ros_program(this_checkout(), _place(state).state, "luna_sim.recording", words, os.environ)


@app.command()
def picture(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to: .png or .svg.")],
    recording: Annotated[
        Path | None, typer.Option("--from", metavar="FILE.mcap", help="A recording, for trails. None: as it is now.")
    ] = None,
    floor: Annotated[
        str, typer.Option(metavar="FLOOR", help="A floor below sim/maps or a folder. None: that of the simulator.")
    ] = "",
    state: State = None,
) -> None:
    """Draw the floor with robots and their trails."""
    from luna_embedded.sim.floors import draw_floor

    raise typer.Exit(draw_floor(this_checkout(), _place(state).state, file, recording, floor, os.environ))


fault_cli.hang_in(app)
