"""Floors: handing plans and maps to `luna_floor`, which needs no ROS, but the libraries of that environment."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from luna_embedded.exit_codes import Exit
from luna_embedded.layout import Checkout, python_of
from luna_embedded.parts.variables import inherited


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


def _floor_program(checkout: Checkout, words: Sequence[str], environment: Mapping[str, str]) -> int:
    variables = {**inherited(environment), "PYTHONPATH": ":".join(map(str, checkout.import_roots))}
    command = [str(python_of(checkout.ros_env)), "-m", "luna_floor", *words]
    return Exit.FAILED if subprocess.run(command, env=variables, check=False).returncode else Exit.OK
