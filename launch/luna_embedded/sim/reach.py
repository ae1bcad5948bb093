"""How a program reaches the simulator that runs: that of a whole LUNA, or one that was started alone."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NoReturn

from luna_embedded.layout import Checkout, python_of
from luna_embedded.parts.variables import ros_part_variables
from luna_embedded.planning import recorded_run
from luna_embedded.sim.alone import alone
from luna_embedded.state import Lock, StateDir
from luna_embedded.supervision.control import ask


def simulator_variables(checkout: Checkout, state: StateDir, environment: Mapping[str, str]) -> dict[str, str]:
    """Environment variables of a ROS program that is to meet what runs with this state. Raises Refusal if nothing does.

    A whole LUNA goes before a simulator that was started alone.
    """
    lonely = alone(state)
    if lonely.runs() and not Lock(state).is_held():
        return lonely.variables(checkout, environment)
    ask(state.control_socket, "status")
    return ros_part_variables(recorded_run(checkout, state, environment))


def become_ros_program(
    checkout: Checkout, state: StateDir, module: str, words: Sequence[str], environment: Mapping[str, str]
) -> NoReturn:
    """Go on as a Python module in the domain of what runs: its signals, streams and exit code. Raises Refusal."""
    variables = simulator_variables(checkout, state, environment)
    command = [str(python_of(checkout.ros_env)), "-m", module, *words]
    os.execve(command[0], command, variables)  # noqa: S606 - a program of ours, its arguments as they are
