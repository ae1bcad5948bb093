"""Follows map → odom → base_link (REP 105) from the transforms that pass by."""

from __future__ import annotations

from dataclasses import dataclass

from luna_robot.geometry import Pose

MAX_CHAIN = 16
"""Frames between base and map; a longer chain is a loop."""


@dataclass(frozen=True, slots=True)
class Transform:
    """Pose of `child` in `parent`; `stamp` in nanoseconds of ROS time."""

    parent: str
    child: str
    pose: Pose
    stamp: int = 0


class TransformTree:
    """Keeps the newest transform of each frame. In the plane: tilt is left out."""

    def __init__(self) -> None:
        self._by_child: dict[str, Transform] = {}

    def put(self, transform: Transform) -> None:
        self._by_child[transform.child] = transform

    def pose_of(self, frame: str, base: str) -> Pose | None:
        """Pose of `frame` in `base`; None = they are not connected."""
        pose = Pose(0.0, 0.0, 0.0)
        for _ in range(MAX_CHAIN):
            if frame == base:
                return pose
            transform = self._by_child.get(frame)
            if transform is None:
                return None
            pose = transform.pose.then(pose)
            frame = transform.parent
        return None
