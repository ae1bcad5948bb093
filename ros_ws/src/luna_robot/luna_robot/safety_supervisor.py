"""The safety supervisor, always a process of its own: `ros2 run luna_robot safety_supervisor`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rclpy.node import Node

from luna_robot.nodes.run import Closable, run
from luna_robot.nodes.safety_supervisor import SafetySupervisor


def build() -> tuple[Sequence[Node], Closable]:
    supervisor = SafetySupervisor()
    return (supervisor,), supervisor


def main(args: list[str] | None = None) -> int:
    """Runs until SIGINT or SIGTERM."""
    return run(build, args)


if __name__ == "__main__":
    sys.exit(main())
