"""Listens to topics as soon as there are such, and writes what they say, unread, into a bag."""

import importlib
import time
from collections.abc import Callable, Collection
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock

from luna_sim.recording.bag import Bag
from luna_sim.recording.definitions import UnknownMessage

USUAL = (
    "tf", "tf_static", "odom", "scan", "map", "plan", "status", "status_markers", "waypoint_markers", "people",
)  # fmt: skip
"""Last names of the topics that are recorded unless told otherwise, of every robot."""
_DEPTH = 100
_LOOK = 1.0
"""Seconds of wall time between looks for new topics."""


class Recorder(Node):
    """A node that records. Times are those of the simulator: what comes before its first /clock waits for it.

    A clock that is set back does not take them along: they go on from where they were, in the order of arrival.
    """

    def __init__(self, bag: Bag, wanted: Collection[str]) -> None:
        super().__init__("luna_sim_record", enable_rosout=False, start_parameter_services=False)
        self.heard_clock_at = time.monotonic()
        self.time_ns = 0
        """The simulator's time, which never runs back here."""
        self._clock_ns = 0
        self.complaints: list[str] = []
        self._bag = bag
        self._wanted = frozenset(wanted)
        self._looked_at = 0.0
        self._waiting: list[tuple[str, bytes]] = []
        self._topics: set[str] = set()
        clock_qos = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        self.create_subscription(Clock, "/clock", self._on_clock, clock_qos)

    @property
    def topics(self) -> frozenset[str]:
        """What is listened to."""
        return frozenset(self._topics)

    def look(self) -> None:
        """Listen to what is new; call it often, it looks once a second."""
        if time.monotonic() - self._looked_at < _LOOK:
            return
        self._looked_at = time.monotonic()
        for topic, kinds in self.get_topic_names_and_types():
            if topic not in self._topics and self._wants(topic) and self.count_publishers(topic):
                self._listen(topic, kinds[0])

    def _wants(self, topic: str) -> bool:
        return "all" in self._wanted or topic in self._wanted or topic.rpartition("/")[2] in self._wanted

    def _listen(self, topic: str, kind: str) -> None:
        self._topics.add(topic)
        qos = self._offered(topic)
        try:
            package, folder, last = kind.split("/")
            message = getattr(importlib.import_module(f"{package}.{folder}"), last)
            self._bag.add_topic(topic, kind, qos)
        except (ImportError, AttributeError, UnknownMessage) as error:
            self.complaints.append(f"{topic} is not recorded: {error}")
            return
        self.create_subscription(message, topic, self._writes(topic), qos, raw=True)

    def _offered(self, topic: str) -> QoSProfile:
        """What every publisher of the topic offers: more than that would shut one out."""
        offers = [info.qos_profile for info in self.get_publishers_info_by_topic(topic)]
        reliable = all(offer.reliability == ReliabilityPolicy.RELIABLE for offer in offers)
        latched = all(offer.durability == DurabilityPolicy.TRANSIENT_LOCAL for offer in offers)
        return QoSProfile(
            history=HistoryPolicy.KEEP_LAST,
            depth=_DEPTH,
            reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
        )

    def _writes(self, topic: str) -> Callable[[Any], None]:
        def write(message: Any) -> None:
            if self.time_ns:
                self._bag.add(topic, bytes(message), self.time_ns)
            else:
                self._waiting.append((topic, bytes(message)))

        return write

    def _on_clock(self, message: Clock) -> None:
        self.heard_clock_at = time.monotonic()
        now = message.clock.sec * 1_000_000_000 + message.clock.nanosec
        self.time_ns = self.time_ns + max(0, now - self._clock_ns) if self.time_ns else now
        self._clock_ns = now
        waiting, self._waiting = self._waiting, []
        for topic, one in waiting:
            self._bag.add(topic, one, self.time_ns)
