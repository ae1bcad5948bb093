"""The waypoint navigator in a process of its own: `ros2 run luna_robot waypoint_navigator`; `onboard` is all three."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rclpy.node import Node

from luna_robot.nodes.common import tick_together
from luna_robot.nodes.navigation_link import RemoteExecutor
from luna_robot.nodes.run import Closable, run
from luna_robot.nodes.waypoint_navigator import WaypointNavigator


def build() -> tuple[Sequence[Node], Closable]:
    navigator = WaypointNavigator()
    tick_together(navigator, (navigator, RemoteExecutor(navigator, navigator)))
    return (navigator,), navigator


def main(args: list[str] | None = None) -> int:
    """Runs until SIGINT or SIGTERM; the exit code."""
    return run(build, args)


if __name__ == "__main__":
    sys.exit(main())
