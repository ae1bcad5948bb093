"""Docking and undocking as Nav2's docking server does them: by the dock in the camera, not by the map."""

import math

from luna_sim.core.disc import segment_distance
from luna_sim.core.geometry import STILL, Pose, Twist, clamp
from luna_sim.core.navigation import NavigateTask
from luna_sim.core.outcome import SUCCEEDED, Code, Ending, Outcome, Progress, Stage, failed
from luna_sim.core.parameters import DockLimits
from luna_sim.core.path import Path
from luna_sim.core.task import Situation, Task
from luna_sim.core.traffic import keep_off

_DOCKING = frozenset(code for code in Code if code >= Code.DOCK_NOT_IN_DB)
_UNDOCKING = frozenset({Code.DOCK_NOT_VALID, Code.FAILED_TO_CONTROL, Code.DOCKING_UNKNOWN})
"""Codes that DockRobot and UndockRobot may end with (Jazzy)."""
_LOOK_BEHIND = 0.15
"""Metres that are kept free behind a robot that leaves its dock."""
_TURN = 0.6
"""rad/s, the most that steering on the last part may turn."""


def staging_pose(dock: Pose, limits: DockLimits) -> Pose:
    """Where docking begins: in front of the dock, looking at it."""
    return dock.ahead(-limits.staging_distance)


def on_dock(pose: Pose, dock: Pose, limits: DockLimits) -> bool:
    """Whether the charging contacts touch."""
    off = dock.inverse().compose(pose)
    return math.hypot(off.x, off.y) <= 1.5 * limits.contact_distance and abs(off.yaw) <= 1.5 * limits.contact_angle


def steer(pose: Pose, line: Pose, speed: float) -> Twist:
    """Drive along a line through a pose, forwards or backwards (speed < 0), and settle on it.

    For small errors: lateral' = v * heading, heading' = angular, so that these gains damp both ways.
    """
    off = line.inverse().compose(pose)
    angular = -3.0 * off.yaw - 8.0 * math.copysign(1.0, speed) * clamp(off.y, -0.08, 0.08)
    return Twist(speed, clamp(angular, -_TURN, _TURN))


class DockTask(Task):
    """To the staging pose (unless told that the robot is there), then onto the dock."""

    def __init__(self, dock: Pose, approach: NavigateTask | None, approach_time: float, limits: DockLimits) -> None:
        super().__init__()
        self._dock = dock
        self._approach = approach
        self._approach_time = approach_time
        self._limits = limits
        self._controlling_for = 0.0

    @property
    def path(self) -> Path | None:
        return None if self._approach is None else self._approach.path

    @property
    def drive(self) -> NavigateTask | None:
        return self._approach

    def end(self, outcome: Outcome) -> None:
        super().end(outcome)
        if self._approach is not None:
            self._approach.end(outcome)

    def _own_code(self, code: int) -> int:
        """What goes wrong in navigation, goes wrong on the way to the staging pose."""
        return code if code in _DOCKING else Code.FAILED_TO_STAGE

    def progress(self, pose: Pose) -> Progress:
        left = pose.distance_to(self._dock.x, self._dock.y)
        stage = Stage.CONTROLLING if self._approach is None else Stage.NAV_TO_STAGING_POSE
        return Progress(self.elapsed, left, left / self._limits.speed, 0, stage)

    def _step(self, now: Situation) -> Twist:
        if now.docked:
            self.end(SUCCEEDED)
            return STILL
        return self._control(now) if self._approach is None else self._stage(self._approach, now)

    def _stage(self, approach: NavigateTask, now: Situation) -> Twist:
        wanted = approach.step(now)
        if approach.outcome is None:
            if self.elapsed > self._approach_time:
                self.end(failed(Code.FAILED_TO_STAGE, "the staging pose was not reached in time"))
        elif approach.outcome.ending is Ending.SUCCEEDED:
            self._approach = None
        else:
            self.end(failed(Code.FAILED_TO_STAGE, f"staging pose: {approach.outcome.message}"))
        return wanted

    def _control(self, now: Situation) -> Twist:
        self._controlling_for += now.dt
        off = self._dock.inverse().compose(now.truth)
        if self._controlling_for > self._limits.timeout or off.x > self._limits.contact_distance:
            self.end(failed(Code.FAILED_TO_CONTROL, "the dock was missed"))
            return STILL
        return steer(now.truth, self._dock, clamp(-0.8 * off.x, 0.02, self._limits.speed))


class UndockTask(Task):
    """Backwards off the dock to the staging pose. A robot that is not docked has nothing to do.

    It waits while somebody stands behind it, until its time is over. (Nav2's docking server, which LUNA's parameters
    leave without its collision check since a dock is to be touched, would not look.)
    """

    def __init__(self, dock: Pose | None, time_limit: float, limits: DockLimits, radius: float) -> None:
        """`radius`: the robot's, metres."""
        super().__init__()
        self._dock = dock
        self._time_limit = time_limit
        self._limits = limits
        self._radius = radius

    def _own_code(self, code: int) -> int:
        return code if code in _UNDOCKING else Code.FAILED_TO_CONTROL

    def progress(self, pose: Pose) -> Progress:
        left = 0.0 if self._dock is None else self._limits.staging_distance - self._backed(pose, self._dock)
        return Progress(self.elapsed, max(0.0, left), max(0.0, left) / self._limits.speed, 0, Stage.CONTROLLING)

    def _step(self, now: Situation) -> Twist:
        if self._dock is None or self._backed(now.truth, self._dock) >= self._limits.staging_distance - 0.02:
            self.end(SUCCEEDED)
            return STILL
        if self.elapsed > self._time_limit:
            self.end(failed(Code.FAILED_TO_CONTROL, "the robot did not come off its dock in time"))
            return STILL
        if self._is_blocked(now):
            return STILL
        return steer(now.truth, self._dock, -self._limits.speed)

    def _is_blocked(self, now: Situation) -> bool:
        """Whether somebody would be touched within the next bit of the way back."""
        here, there = now.pose, now.pose.ahead(-_LOOK_BEHIND)
        ends = (here.x, here.y), (there.x, there.y)
        return any(
            segment_distance(d, *ends) < min(d.radius, math.hypot(d.x - here.x, d.y - here.y) - 1e-6)
            for d in keep_off(now.neighbours, here, self._radius)
        )

    def _backed(self, pose: Pose, dock: Pose) -> float:
        return -dock.inverse().compose(pose).x
