"""`./luna sim fault|faults|clear`: one place to ask for faults, whether the simulator or the machines have them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence

from rich.console import Console

from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.layout import Checkout, python_of
from luna_embedded.sim.machine_faults import Kind, MachineFaults
from luna_embedded.sim.reach import simulator_variables
from luna_embedded.state import Lock, StateDir

_PROGRAM = "luna_sim.faulting"


def fault(
    checkout: Checkout,
    state: StateDir,
    kind: str,
    words: Sequence[str],
    environment: Mapping[str, str],
    console: Console,
) -> int:
    """Make a fault; one of a machine with `for` is waited for and ended. Returns an exit code; raises Refusal."""
    if kind not in list(Kind):
        code = _simulator(checkout, state, ["fault", kind, *words], environment)
        if code:
            console.print(f"Outside of the simulator there are: {', '.join(Kind)}")
        return code
    robot, seconds = _read(words)
    faults = MachineFaults(state)
    made = faults.begin(Kind(kind), robot)
    console.print(f"{made.kind} robot={made.robot}" + (f", {seconds:g} s of simulated time" if seconds else ""))
    if seconds is not None:
        try:
            time.sleep(seconds / faults.speed)
        finally:
            MachineFaults(state).end(made)
    return Exit.OK


def listed(checkout: Checkout, state: StateDir, environment: Mapping[str, str], console: Console) -> int:
    """Print speed and faults. Returns an exit code; raises Refusal."""
    for holding in MachineFaults(state).holding() if Lock(state).is_held() else ():
        console.print(f"  -  {holding.kind} robot={holding.robot}")
    return _simulator(checkout, state, ["faults"], environment)


def clear(checkout: Checkout, state: StateDir, environment: Mapping[str, str], console: Console) -> int:
    """End every fault. Returns an exit code; raises Refusal."""
    if Lock(state).is_held() and (count := MachineFaults(state).clear()):
        console.print(f"{count} faults outside of the simulator cleared")
    return _simulator(checkout, state, ["clear"], environment)


def _simulator(checkout: Checkout, state: StateDir, words: Sequence[str], environment: Mapping[str, str]) -> int:
    command = [str(python_of(checkout.ros_env)), "-m", _PROGRAM, *words]
    variables = simulator_variables(checkout, state, environment)
    return subprocess.run(command, env=variables, check=False).returncode


def _read(words: Sequence[str]) -> tuple[str | None, float | None]:
    """Robot and duration of a fault of a machine. Raises Refusal."""
    robot, seconds = None, None
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key == "robot":
            robot = value or word
        elif key == "for" and (seconds := _seconds(value)) is not None:
            continue
        else:
            raise Refusal(f"{word} says nothing here.", "It takes a robot and for=SECONDS.", Exit.USAGE)
    return robot, seconds


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0.0 < seconds < 1e7 else None
