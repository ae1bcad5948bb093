"""`./luna ros`: hands a command to the ROS environment, in the domain of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from luna_embedded.layout import Checkout
from luna_embedded.sim.reach import become_ros_program
from luna_embedded.state import StateDir


def become_ros_command(
    checkout: Checkout, state: StateDir, words: Sequence[str], environment: Mapping[str, str]
) -> NoReturn:
    """Go on as that command: its signals, its streams and its exit code are this process's. Raises Refusal."""
    become_ros_program(checkout, state, "luna_ros_cli", words, environment)
