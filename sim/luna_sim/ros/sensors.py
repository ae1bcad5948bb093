"""What a robot's sensors show: computed and published only while somebody listens."""

from rclpy.node import Node
from sensor_msgs.msg import LaserScan

from luna_sim.core.robot import Robot
from luna_sim.core.world import World
from luna_sim.ros import messages

_SCAN_NS = 100_000_000
"""Period of `scan` in simulated time; an RPLIDAR A1 turns ten times a second."""


class Sensors:
    """The lidar of one robot. With `power_saver` it is off while the robot is docked, as on a TurtleBot 4."""

    def __init__(self, node: Node, robot: Robot, world: World, *, power_saver: bool) -> None:
        self._robot = robot
        self._world = world
        self._power_saver = power_saver
        # Reliable, depth 10: as rplidar_ros publishes it.
        self._scan = node.create_publisher(LaserScan, "scan", 10)
        self._scan_at = -_SCAN_NS

    def publish(self, ns: int) -> None:
        """Publish what is due; called with the world's guard held."""
        if ns - self._scan_at >= _SCAN_NS:
            self._scan_at = ns
            off = self._power_saver and self._robot.dock is not None
            if not off and self._scan.get_subscription_count():
                self._scan.publish(messages.scan_msg(self._world.scan(self._robot.name), _SCAN_NS / 1e9, ns))
