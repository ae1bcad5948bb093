"""The status publisher in a process of its own: `ros2 run luna_robot status_publisher`; `onboard` is all three."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rclpy.node import Node

from luna_robot.nodes.common import tick_together
from luna_robot.nodes.run import Closable, run
from luna_robot.nodes.status_publisher import StatusPublisher


def build() -> tuple[Sequence[Node], Closable | None]:
    status = StatusPublisher()
    status.listen()
    tick_together(status, (status,))
    return (status,), None


def main(args: list[str] | None = None) -> int:
    """Runs until SIGINT or SIGTERM; the exit code."""
    return run(build, args)


if __name__ == "__main__":
    sys.exit(main())
