"""Navigator, executor and status publisher in one process: `ros2 run luna_robot onboard`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack

from rclpy.node import Node

from luna_robot.nodes.common import tick_together
from luna_robot.nodes.run import Closable, run
from luna_robot.nodes.status_publisher import StatusPublisher
from luna_robot.nodes.task_executor import TaskExecutor
from luna_robot.nodes.waypoint_navigator import WaypointNavigator


def build() -> tuple[Sequence[Node], Closable]:
    """The three nodes, and what must be closed of them. They talk to each other without ROS."""
    navigator = WaypointNavigator()
    tasks = TaskExecutor(lambda _: navigator)
    status = StatusPublisher()
    tasks.tell = status.take
    tick_together(navigator, (navigator, tasks, status))
    closing = ExitStack()
    closing.callback(tasks.close)
    closing.callback(navigator.close)
    return (navigator, tasks, status), closing


def main(args: list[str] | None = None) -> int:
    """Runs until SIGINT or SIGTERM."""
    return run(build, args)


if __name__ == "__main__":
    sys.exit(main())
