"""`./luna bench sim`: how fast the simulator runs, and with `--trials` how its robots get along with each other."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from luna_embedded.bench.sections import show
from luna_embedded.exit_codes import Exit
from luna_embedded.install.ros_variables import run_variables
from luna_embedded.layout import Checkout, python_of
from luna_embedded.parts.variables import inherited
from luna_embedded.ports import domain_is_used, pick_domain

DEADLINE_S = 3600.0


def bench_trials(checkout: Checkout, state: Path, goals: int, people: int, seed: int, console: Console) -> int:
    """``goals`` random goals for ten robots among ``people``, simulated without ROS, on each of LUNA's floors."""
    words = ["--robots", "10", "--goals", str(goals), "--people", str(people), "--seed", str(seed), "--quiet"]
    for floor in sorted(path.parent.name for path in (checkout.root / "sim/maps").glob("*/map.yaml")):
        console.print(f"[bold]{floor}[/]")
        if code := _run(checkout, state, "luna_sim.trials", words, console, floor, f"bench-sim-trials-{floor}.json"):
            return code
    return Exit.OK


def bench_sim(checkout: Checkout, state: Path, seconds: float, console: Console) -> int:
    """Real-time factors on one core: 1 to 50 robots, lidar off and on, without ROS and with it."""
    return _run(
        checkout, state, "luna_sim.bench", ["--seconds", str(seconds)], console, "library", "bench-sim.json"
    )


def _run(
    checkout: Checkout, state: Path, module: str, words: Sequence[str], console: Console, floor: str, name: str
) -> int:
    """A module of the simulator in the ROS environment; it writes the JSON that is printed then."""
    state.mkdir(parents=True, exist_ok=True)
    path = state / name
    folder = checkout.root / "sim" / "maps" / floor
    wheels = run_variables(checkout.ros_env, checkout.ros_install)
    roots = ":".join(map(str, checkout.import_roots))
    domain = os.environ.get("ROS_DOMAIN_ID") or str(pick_domain(f"{state}/bench-sim", domain_is_used))
    own = {
        "PYTHONPATH": f"{roots}:{wheels['PYTHONPATH']}",
        "ROS_LOG_DIR": str(state / "logs"),
        "ROS_DOMAIN_ID": domain,
        # Threads of numpy's would be on other cores.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [str(python_of(checkout.ros_env)), "-m", module, "--floor", str(folder), *words, "--out", str(path)],
        env={**inherited(os.environ), **wheels, **own},
        cwd=checkout.root,
        timeout=DEADLINE_S,
        check=False,
    )
    return show(done.returncode, path, console)
