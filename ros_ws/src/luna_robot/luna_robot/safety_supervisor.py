"""The safety supervisor, always a process of its own: `ros2 run luna_robot safety_supervisor`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from rclpy.node import Node

from luna_robot.nodes.run import Closable, run
from luna_robot.nodes.safety_supervisor import SafetySupervisor

NICE = -10
"""Before the nodes that it watches and all else, where its user may raise itself (systemd's `LimitNICE`)."""


def build() -> tuple[Sequence[Node], Closable]:
    supervisor = SafetySupervisor()
    return (supervisor,), supervisor


def main(args: list[str] | None = None) -> int:
    """Runs until SIGINT or SIGTERM."""
    with suppress(PermissionError):
        nice = min(NICE, os.getpriority(os.PRIO_PROCESS, 0))
        os.setpriority(os.PRIO_PROCESS, 0, nice)  # threads that are made from here on have it as well
    return run(build, args)


if __name__ == "__main__":
    sys.exit(main())
