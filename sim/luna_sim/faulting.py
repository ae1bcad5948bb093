"""Asks a running simulator for faults: what `./luna sim fault`, `faults` and `clear` do.

python -m luna_sim.faulting fault LIFTED luna1 for=5
python -m luna_sim.faulting faults
python -m luna_sim.faulting -          # such words on each line of standard input, a line of JSON for each
"""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from typing import Any

import yaml

from luna_sim.core.faults import FaultError

DEADLINE = 10.0
"""Seconds within which a simulator must have answered."""


def main(words: Sequence[str] | None = None) -> int:
    """0: done; 1: the simulator says no; 2: wrong words; 3: no simulator answers."""
    parser = argparse.ArgumentParser(prog="./luna sim", description="Faults of the running simulation.")
    usage = "fault KIND [ROBOT] [KEY=VALUE ...] | faults | clear"
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar=usage)
    options = parser.parse_args(words)
    if not options.words:
        parser.error("fault, faults or clear?")
    # Imported late: help and wrong words are told without waiting for ROS.
    from luna_sim.ros.fault_client import FaultClient, Unanswered

    with FaultClient(DEADLINE) as client:
        if options.words == ["-"]:
            _converse(client)
            return 0
        try:
            print(_do(client, options.words))
        except Unanswered as error:
            print(error, file=sys.stderr)
            return 3
        except FaultError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


def _converse(client: Any) -> None:
    from luna_sim.ros.fault_client import Unanswered

    for line in sys.stdin:
        try:
            answer: dict[str, Any] = {"done": True, "said": _do(client, shlex.split(line))}
        except (FaultError, Unanswered, ValueError) as error:
            answer = {"done": False, "said": str(error)}
        print(json.dumps(answer), flush=True)


def _do(client: Any, words: Sequence[str]) -> str:
    """What the simulator says to it. Raises FaultError and Unanswered."""
    match list(words):
        case ["fault", kind, *rest]:
            entry = entry_of(kind, rest)
            number = client.inject(entry)
            return f"fault {number}: {told(entry)}"
        case ["faults"]:
            return listed(client.state())
        case ["faults", "--json"]:
            return json.dumps(client.state())
        case ["clear"]:
            return str(client.clear())
    raise FaultError(f"{' '.join(words)!r} is none of fault KIND [ROBOT] [KEY=VALUE ...], faults [--json], clear")


def entry_of(kind: str, words: Sequence[str]) -> dict[str, Any]:
    """`LIFTED luna1 for=5` as an entry of a scenario. Raises FaultError."""
    entry: dict[str, Any] = {"fault": kind}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            key, value = "robot", word
        if key in entry:
            raise FaultError(f"{key}: is given twice")
        try:
            entry[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise FaultError(f"{key}: {value!r} is no value") from None
    return entry


def told(entry: dict[str, Any]) -> str:
    """An entry in one line."""
    return " ".join([str(entry["fault"]), *(f"{k}={v}" for k, v in entry.items() if k != "fault" and v is not None)])


def listed(state: dict[str, Any]) -> str:
    """The simulator's state for people."""
    speed = state["speed"]
    lines = [f"simulation: {speed['asked']:g}x asked, {speed['reached']:g}x reached"]
    for fault in state["faults"]:
        entry = {key: value for key, value in fault.items() if key not in ("number", "holds")}
        lines.append(f"{fault['number']:>3}  {told(entry)}{'' if fault['holds'] else '  (waits)'}")
    return "\n".join(lines if state["faults"] else [*lines, "no faults"])


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
