"""Reading a recording back: where robots and people were. Needs no ROS."""

import math
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from mcap.exceptions import McapError
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory

from luna_sim.core.geometry import Pose

FRAMES = ("map", "odom", "base_link")
_STEP = 0.03
"""Metres between two points of a trail."""


class RecordingError(ValueError):
    """A file that is no recording of robots."""


@dataclass
class Seen:
    """Where everybody was: `trails` in frame map, metres; `robots` and `people` as they were last."""

    trails: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    robots: dict[str, Pose] = field(default_factory=dict)
    people: list[tuple[float, float]] = field(default_factory=list)


def read_recording(path: Path) -> Seen:
    """Follow every robot's frames from `map` to `base_link`, and the people.

    Raises:
        RecordingError: the file is missing, damaged, or no robot's tf is in it.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}") from error
    with file:
        try:
            seen = _read(file)
        except (McapError, OSError, ValueError, struct.error) as error:  # one that is cut off ends in any of these
            raise RecordingError(f"{path}: not a whole MCAP recording: {error}") from error
    if not seen.robots:
        raise RecordingError(f"{path}: no robot's tf is in it")
    return seen


def _read(file: IO[bytes]) -> Seen:
    seen, odoms = Seen(), dict[str, Pose]()
    reader = make_reader(file, decoder_factories=[DecoderFactory()])
    summary = reader.get_summary()
    names = {channel.topic for channel in summary.channels.values()} if summary else set()
    wanted = [name for name in names if name.rpartition("/")[2] in ("tf", "people")]
    # As they came: times of a recording of others may run back, or stand.
    for _, channel, _, message in reader.iter_decoded_messages(topics=wanted, log_time_order=False):
        if channel.topic.endswith("/people"):
            seen.people = [(one.pose.position.x, one.pose.position.y) for one in message.markers]
        else:
            _follow(seen, odoms, channel.topic.rpartition("/")[0].strip("/") or "robot", message.transforms)
    return seen


def _follow(seen: Seen, odoms: dict[str, Pose], robot: str, transforms: list[Any]) -> None:
    for one in transforms:
        frames = (one.header.frame_id, one.child_frame_id)
        if frames == FRAMES[:2]:
            odoms[robot] = _pose(one.transform)
        elif frames == FRAMES[1:] and robot in odoms:
            pose = odoms[robot].compose(_pose(one.transform))
            seen.robots[robot] = pose
            trail = seen.trails.setdefault(robot, [(pose.x, pose.y)])
            if pose.distance_to(*trail[-1]) >= _STEP:
                trail.append((pose.x, pose.y))


def _pose(transform: Any) -> Pose:
    turn = transform.rotation
    return Pose(transform.translation.x, transform.translation.y, 2 * math.atan2(turn.z, turn.w))

