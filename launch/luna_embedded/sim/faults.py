"""`./luna sim fault|faults|clear`: one place to ask for faults, whether the simulator or the machines have them."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Mapping, Sequence

from rich.console import Console

from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.layout import Checkout, python_of
from luna_embedded.sim.machine_faults import Kind, MachineFaults
from luna_embedded.sim.reach import simulator_variables
from luna_embedded.state import Lock, StateDir

_PROGRAM = "luna_sim.faulting"
_ENDINGS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


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
    if seconds is None:
        made = MachineFaults(state).begin(Kind(kind), robot)
        console.print(f"{made.kind} robot={made.robot}")
        return Exit.OK
    real = seconds / _speed(checkout, state, environment)
    # Held back from before the fault begins until it has ended: whatever ends this program, it ends the fault first.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)
    try:
        made = MachineFaults(state).begin(Kind(kind), robot)
        try:
            console.print(f"{made.kind} robot={made.robot}, {seconds:g} s of simulated time: {real:.1f} s")
            called_off = signal.sigtimedwait(_ENDINGS, real)
        finally:
            MachineFaults(state).end(made)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return Exit.INTERRUPTED if called_off else Exit.OK


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


def _speed(checkout: Checkout, state: StateDir, environment: Mapping[str, str]) -> float:
    """How many times as fast as real time the simulation really runs. Raises Refusal if nobody knows."""
    command = [str(python_of(checkout.ros_env)), "-m", _PROGRAM, "faults", "--json"]
    variables = simulator_variables(checkout, state, environment)
    told = subprocess.run(command, env=variables, check=False, capture_output=True, text=True)
    if told.returncode:
        what = f"How fast the simulation runs is not known: {told.stderr.strip()}"
        raise Refusal(what, "See ./luna logs sim; or leave out for=, and end the fault with ./luna sim clear.")
    speed = json.loads(told.stdout)["speed"]
    return float(speed["reached"] or speed["asked"])


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
