"""`./luna ros`: hands a command to the ROS environment, in the domain of the run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NoReturn

from luna_embedded.layout import Checkout
from luna_embedded.parts.variables import ros_part_variables
from luna_embedded.planning import recorded_run
from luna_embedded.state import StateDir
from luna_embedded.supervision.control import ask


def become_ros_command(
    checkout: Checkout, state: StateDir, words: Sequence[str], environment: Mapping[str, str]
) -> NoReturn:
    """Go on as that command: its signals, its streams and its exit code are this process's. Raises Refusal."""
    ask(state.control_socket, "status")
    run = recorded_run(checkout, state, environment)
    command = [run.ros_python, "-m", "luna_ros_cli", *words]
    os.execve(command[0], command, ros_part_variables(run))  # noqa: S606 - a program of ours, its arguments as they are
