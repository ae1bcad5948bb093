"""The people on the floor as RViz shows them."""

from rclpy.node import Node
from visualization_msgs.msg import MarkerArray

from luna_sim.core.world import World
from luna_sim.ros import messages
from luna_sim.ros.periods import due

_PERIOD_NS = 100_000_000
"""In simulated time."""


class CrowdTopic:
    """Publishes `/people` while somebody listens."""

    def __init__(self, node: Node, world: World) -> None:
        self._world = world
        self._publisher = node.create_publisher(MarkerArray, "/people", 1)
        self._at = 0

    def publish(self, ns: int) -> None:
        """Publish what is due; called with the world's guard held."""
        if due(ns, self._at, _PERIOD_NS):
            self._at = ns
            if self._publisher.get_subscription_count():
                self._publisher.publish(messages.people_msg(self._world.people, ns))
