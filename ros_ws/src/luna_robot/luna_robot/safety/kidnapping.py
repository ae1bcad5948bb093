"""After hands have moved the robot: a person gives its pose, and localisation takes it."""

from __future__ import annotations

import math

from luna_robot.geometry import Pose, wrap

MAP = "map"
NEAR, TURNED = 1.0, math.pi / 4
"""m and rad between the pose that a person gave and the estimate: AMCL's first match corrects a rough guess."""


class Kidnapping:
    """What was seen since the robot was lifted. What AMCL would pass over, as a pose in another frame, is no pose.

    It is the newest estimate that must be near the given pose, whichever of the two messages came first: AMCL tells
    its estimate once for a pose that it was given, and again only when the robot has moved.
    """

    def __init__(self) -> None:
        self._lifted = False
        self._given: Pose | None = None
        self._estimate: Pose | None = None

    def observe_lifted(self, lifted: bool) -> None:
        """What the base says. Lifted again, the pose that was given counts no more."""
        self._lifted = lifted
        if lifted:
            self._given = None

    def observe_given(self, frame: str, pose: Pose) -> str:
        """A person says where it stands; the result is why that does not count, empty if it does."""
        if frame != MAP:
            return f"frame {frame!r} must be {MAP!r}"
        if not pose.is_finite():
            return "every number must be finite"
        if self._lifted:
            return "the robot is still lifted: put it down first"
        self._given = pose
        return ""

    def observe_estimate(self, pose: Pose) -> None:
        """AMCL's."""
        self._estimate = pose

    @property
    def over(self) -> bool:
        """A person has given the pose, and localisation has it."""
        given, estimate = self._given, self._estimate
        if given is None or estimate is None or not estimate.is_finite():
            return False
        return given.distance_to(estimate) <= NEAR and abs(wrap(given.yaw - estimate.yaw)) <= TURNED
