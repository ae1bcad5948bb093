"""What a robot sees and means to do: scan, plan and costmaps, worked out and published only while somebody listens."""

from typing import Any

from nav_msgs.msg import OccupancyGrid
from nav_msgs.msg import Path as PathMsg
from rclpy.node import Node
from sensor_msgs.msg import LaserScan

from luna_sim.core.lidar import Ranges
from luna_sim.core.path import Path
from luna_sim.core.robot import Robot
from luna_sim.core.world import World
from luna_sim.ros import messages
from luna_sim.ros.periods import due
from luna_sim.ros.qos import LATCHED

_SCAN_NS = 100_000_000
"""Periods in simulated time: an RPLIDAR A1 turns ten times a second; the others are Nav2's in LUNA's parameters."""
_PLAN_NS = 1_000_000_000
_GLOBAL_NS = 1_000_000_000
_LOCAL_NS = 500_000_000


class Sensors:
    """Topics of one robot. With `power_saver` its lidar is off while it is docked, as on a TurtleBot 4."""

    def __init__(self, node: Node, robot: Robot, world: World, *, power_saver: bool) -> None:
        self._robot = robot
        self._world = world
        self._power_saver = power_saver
        # Reliable, depth 10: as rplidar_ros publishes it.
        self._scan = _Topic(node, LaserScan, "scan", 10, _SCAN_NS)
        self._plan = _Topic(node, PathMsg, "plan", 1, _PLAN_NS)
        self._global = _Topic(node, OccupancyGrid, "global_costmap/costmap", LATCHED, _GLOBAL_NS)
        self._local = _Topic(node, OccupancyGrid, "local_costmap/costmap", LATCHED, _LOCAL_NS)
        self._path: Path | None = None

    def publish(self, ns: int) -> None:
        """Publish what is due; called with the world's guard held."""
        if self._scan.is_due(ns):
            ranges = self._ranges()
            if ranges is not None:
                self._scan.publish(messages.scan_msg(ranges, _SCAN_NS / 1e9, ns))
        self._publish_plan(ns)
        robot = self._robot
        if self._global.is_due(ns):
            grid = self._world.costmaps.around(robot.localization.estimate, self._ranges())
            self._global.publish(messages.grid_msg(grid, ns))
        if self._local.is_due(ns):
            grid = self._world.costmaps.rolling(robot.odometry.pose, robot.localization.correction, self._ranges())
            self._local.publish(messages.grid_msg(grid, ns, messages.ODOM))

    def _publish_plan(self, ns: int) -> None:
        """Once a second while there is one, as Nav2 plans anew, and at once when it changes."""
        path = self._robot.task.path if self._robot.task is not None else None
        if path is not self._path:
            self._path = path
            self._plan.hurry()
        if path is not None and self._plan.is_due(ns):
            self._plan.publish(messages.path_msg(path, ns))

    def _ranges(self) -> Ranges | None:
        """What the lidar sees, nothing while it is off."""
        off = self._power_saver and self._robot.dock is not None
        return None if off else self._world.scan(self._robot.name)


class _Topic:
    """A publisher that works once a period, and only for listeners."""

    def __init__(self, node: Node, kind: Any, name: str, qos: Any, period_ns: int) -> None:
        self._publisher = node.create_publisher(kind, name, qos)
        self._period = period_ns
        self._at = -period_ns

    def is_due(self, ns: int) -> bool:
        """Whether a period has passed and somebody listens; counts as published then."""
        if not due(ns, self._at, self._period):
            return False
        self._at = ns
        return self._publisher.get_subscription_count() > 0

    def hurry(self) -> None:
        """Be due at once."""
        self._at = -self._period

    def publish(self, message: Any) -> None:
        self._publisher.publish(message)
