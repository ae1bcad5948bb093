"""The task executor in a process of its own: `ros2 run luna_robot task_executor`; `onboard` is all three."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from luna_interfaces.msg import RobotStatus
from rclpy.node import Node

from luna_robot.nodes.common import LATCHED, tick_together
from luna_robot.nodes.navigation_link import RemoteNavigation
from luna_robot.nodes.run import Closable, run
from luna_robot.nodes.status_publisher import EXECUTOR_STATUS
from luna_robot.nodes.task_executor import TaskExecutor


def build() -> tuple[Sequence[Node], Closable | None]:
    tasks = TaskExecutor(RemoteNavigation)
    tasks.tell = tasks.create_publisher(RobotStatus, EXECUTOR_STATUS, LATCHED).publish
    tick_together(tasks, (tasks,))
    return (tasks,), tasks


def main(args: list[str] | None = None) -> int:
    """Runs until SIGINT or SIGTERM; the exit code."""
    return run(build, args)


if __name__ == "__main__":
    sys.exit(main())
