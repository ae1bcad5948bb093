"""Floors: handing plans, maps and pictures to programs that need no ROS, but the libraries of its environment."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from luna_embedded.exit_codes import Exit
from luna_embedded.layout import Checkout, python_of
from luna_embedded.parts.variables import inherited
from luna_embedded.planning import remembered_floor
from luna_embedded.sim.alone import Alone, alone, floor_folder
from luna_embedded.state import Lock, StateDir, read_json


def build_floors(checkout: Checkout, plan: Path | None, folder: Path | None, environment: Mapping[str, str]) -> int:
    """Generate everything from one plan, or from each in sim/. Returns an exit code; what is wrong is on stderr."""
    plans = [plan] if plan else sorted((checkout.root / "sim").glob("*.yaml"))
    for one in plans:
        target = folder or checkout.root / "sim/maps" / one.stem
        if code := _floor_program(checkout, ("build", str(one), str(target)), environment):
            return code
    return Exit.OK


def import_floor(
    checkout: Checkout,
    map_file: Path,
    waypoints: Path,
    folder: Path,
    keep_out: Path | None,
    environment: Mapping[str, str],
) -> int:
    """Make a floor of a map. Returns an exit code; what is wrong is on stderr."""
    mask = ("--keepout", str(keep_out)) if keep_out else ()
    return _floor_program(checkout, ("import", *mask, str(map_file), str(waypoints), str(folder)), environment)


def draw_floor(
    checkout: Checkout, state: StateDir, file: Path, recording: Path | None, floor: str, environment: Mapping[str, str]
) -> int:
    """A picture of a floor with the robots of a recording, or those of the simulator of this state. Raises Refusal.

    A whole LUNA, if it runs, goes before a simulator that was started alone. Returns an exit code.
    """
    lonely, whole = alone(state), Lock(state).is_held()
    words = ["--floor", str(floor_folder(checkout, floor or _floor_of(state, lonely, whole)))]
    if recording:
        words += ["--recording", str(recording)]
    else:
        words += ["--state-dir", str(state.simulator if whole else lonely.path)]
    return _program(checkout, "luna_sim.picture", [*words, str(file)], environment)


def _floor_of(state: StateDir, lonely: Alone, whole: bool) -> str:
    return remembered_floor(state) if whole else str(read_json(lonely.run_file).get("floor", "library"))


def _floor_program(checkout: Checkout, words: Sequence[str], environment: Mapping[str, str]) -> int:
    return _program(checkout, "luna_floor", words, environment)


def _program(checkout: Checkout, module: str, words: Sequence[str], environment: Mapping[str, str]) -> int:
    variables = {**inherited(environment), "PYTHONPATH": ":".join(map(str, checkout.import_roots))}
    command = [str(python_of(checkout.ros_env)), "-m", module, *words]
    return Exit.FAILED if subprocess.run(command, env=variables, check=False).returncode else Exit.OK
