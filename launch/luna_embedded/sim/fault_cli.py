"""The verbs of `./luna sim` that have to do with faults and time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from luna_embedded.layout import this_checkout
from luna_embedded.planning import place
from luna_embedded.state import StateDir

_console = Console(highlight=False, markup=False)
State = Annotated[
    Path | None,
    typer.Option("--state", envvar="LUNA_STATE", metavar="DIR", help="State directory.", show_default=".luna/state"),
]


def fault(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="Such as LIFTED; docs/simulation.md lists them.")],
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[ROBOT] [KEY=VALUE]...", help="Such as luna1 for=20.")
    ] = None,
    state: State = None,
) -> None:
    """Let something go wrong in the running simulation: `./luna sim fault LIFTED luna1 for=20`."""
    from luna_embedded.sim import faults

    raise typer.Exit(faults.fault(this_checkout(), _state(state), kind, words or (), os.environ, _console))


def list_faults(state: State = None) -> None:
    """Say how fast the simulation runs, and which faults hold or wait."""
    from luna_embedded.sim import faults

    raise typer.Exit(faults.listed(this_checkout(), _state(state), os.environ, _console))


def clear_faults(state: State = None) -> None:
    """End every fault."""
    from luna_embedded.sim import faults

    raise typer.Exit(faults.clear(this_checkout(), _state(state), os.environ, _console))


def set_speed(
    factor: Annotated[float, typer.Argument(metavar="X", help="Times real time, 0.1 to 100.")], state: State = None
) -> None:
    """Let the running simulation go faster or slower."""
    from luna_embedded.sim.reach import become_ros_program

    words = ["param", "set", "/luna_sim", "speed", str(float(factor))]
    become_ros_program(this_checkout(), _state(state), "luna_ros_cli", words, os.environ)


def _state(state: Path | None) -> StateDir:
    return place(this_checkout(), state).state


def hang_in(app: typer.Typer) -> None:
    """Make these verbs of a group."""
    app.command("fault")(fault)
    app.command("faults")(list_faults)
    app.command("clear")(clear_faults)
    app.command("speed")(set_speed)
