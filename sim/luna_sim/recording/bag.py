"""The file: channels as they are first heard of, messages as they came over the wire."""

from collections import Counter
from pathlib import Path
from types import TracebackType

import yaml
from mcap.writer import CompressionType, Writer
from rclpy.qos import QoSProfile

from luna_sim.recording.definitions import full_definition

_FOREVER = {"sec": 9223372036, "nsec": 854775807}


class Bag:
    """A recording that is being made. Its name is there once it is whole; until then it ends in `.part`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts: Counter[str] = Counter()
        self.first_ns = self.last_ns = 0
        self._part = path.with_name(path.name + ".part")
        self._file = self._part.open("wb")
        self._writer = Writer(self._file, compression=CompressionType.ZSTD)
        self._writer.start(profile="ros2", library="luna_sim")
        self._schemas: dict[str, int] = {}
        self._channels: dict[str, int] = {}

    def __enter__(self) -> "Bag":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep what was recorded; nothing recorded leaves no file. After a failure the `.part` stays."""
        if kind is None:
            self._writer.finish()
        self._file.close()
        if kind is None and self.counts:
            self._part.replace(self.path)
        elif not self.counts:
            self._part.unlink()

    def add_topic(self, topic: str, kind: str, qos: QoSProfile) -> None:
        """Make a channel. Raises UnknownMessage."""
        if kind not in self._schemas:
            data = full_definition(kind).encode()
            self._schemas[kind] = self._writer.register_schema(name=kind, encoding="ros2msg", data=data)
        self._channels[topic] = self._writer.register_channel(
            topic=topic,
            message_encoding="cdr",
            schema_id=self._schemas[kind],
            metadata={"offered_qos_profiles": _qos_yaml(qos)},
        )

    def add(self, topic: str, message: bytes, time_ns: int) -> None:
        """Write a message in CDR, heard at this time of the simulator."""
        self.first_ns = self.first_ns or time_ns
        self.last_ns = max(self.last_ns, time_ns)
        self.counts[topic] += 1
        self._writer.add_message(
            channel_id=self._channels[topic],
            log_time=time_ns,
            publish_time=time_ns,
            sequence=self.counts[topic],
            data=message,
        )


def _qos_yaml(qos: QoSProfile) -> str:
    """As rosbag2 writes it with numbers (metadata version 8), which Humble and Jazzy read."""
    profile = {
        "history": int(qos.history),
        "depth": qos.depth,
        "reliability": int(qos.reliability),
        "durability": int(qos.durability),
        "deadline": _FOREVER,
        "lifespan": _FOREVER,
        "liveliness": 1,
        "liveliness_lease_duration": _FOREVER,
        "avoid_ros_namespace_conventions": False,
    }
    return str(yaml.safe_dump([profile], sort_keys=False))
