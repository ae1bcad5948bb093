"""Driving to a pose: follow the path, give way to other robots, turn to the final heading."""

import math

from luna_sim.core.floor import Floor
from luna_sim.core.follower import Follower, turn_by
from luna_sim.core.geometry import STILL, Pose, Twist, wrap
from luna_sim.core.outcome import SUCCEEDED, Code, Progress, failed
from luna_sim.core.parameters import RobotParameters
from luna_sim.core.path import Path
from luna_sim.core.planner import PlanError, Planner
from luna_sim.core.task import Situation, Task
from luna_sim.core.traffic import STANDOFF, free_way, has_priority, keep_off, standing

_CLOSE_ENOUGH = 0.03
"""Metres; the path is followed this near to its end although the tolerance is wider."""
_AIMED = 0.03
"""Radians, likewise."""
_PROGRESS = 0.05
_RETRY = 2.0
"""Seconds between attempts to plan around a robot in the way."""


class NavigateTask(Task):
    """Drives one path to its end; plans anew around robots that stay in the way."""

    def __init__(self, goal: Pose, path: Path, planner: Planner, floor: Floor, parameters: RobotParameters) -> None:
        super().__init__()
        self.goal = goal
        self.recoveries = 0
        self._planner = planner
        self._floor = floor
        self._parameters = parameters
        self._limits = parameters.navigation
        self._follower = Follower(path, floor, parameters)
        self._arrived = False
        self._blocked = 0.0
        self._stood = 0.0
        self._retry_at = 0.0
        self._best = math.inf
        self._best_at = 0.0

    @property
    def path(self) -> Path:
        """What is being followed now."""
        return self._follower.path

    def progress(self, pose: Pose) -> Progress:
        left = 0.0 if self._arrived else self._follower.remaining(pose)
        turn = abs(wrap(self.goal.yaw - pose.yaw)) / self._limits.rotate_speed
        return Progress(self.elapsed, left, left / self._limits.desired_linear_vel + turn, self.recoveries)

    def _step(self, now: Situation) -> Twist:
        self._follower.advance(now.pose)
        if not self._arrived:
            self._arrived = now.pose.distance_to(self.goal.x, self.goal.y) < _CLOSE_ENOUGH or self._overshot(now.pose)
        return self._turn(now) if self._arrived else self._follow(now)

    def _overshot(self, pose: Pose) -> bool:
        """At the path's end, within the tolerance, and the goal no longer ahead."""
        at_end = self._follower.nearest >= len(self.path.xs) - 1
        within = pose.distance_to(self.goal.x, self.goal.y) < self._limits.xy_goal_tolerance
        return at_end and within and abs(pose.bearing_to(self.goal.x, self.goal.y)) > math.pi / 2

    def _turn(self, now: Situation) -> Twist:
        left = wrap(self.goal.yaw - now.pose.yaw)
        if abs(left) < _AIMED and abs(now.velocity.linear) < 0.01:
            self.end(SUCCEEDED)
            return STILL
        return turn_by(left, self._limits.rotate_speed, self._parameters.drive.angular_acceleration)

    def _follow(self, now: Situation) -> Twist:
        self._watch_progress(now.pose)
        way = free_way(
            self.path, self._follower.nearest, now.pose, now.rank, self._parameters.drive.radius, now.neighbours
        )
        if way <= STANDOFF:
            return self._wait(now)
        self._blocked = 0.0
        self._watch_standing(now)
        speed = self._limits.desired_linear_vel
        if way < math.inf:
            speed = min(speed, math.sqrt(self._parameters.drive.linear_acceleration * (way - STANDOFF)))
        return self._follower.command(
            now.pose, speed, keep_off(now.neighbours, now.pose, self._parameters.drive.radius)
        )

    def _watch_standing(self, now: Situation) -> None:
        """The way looks free and yet the robot stands, so it pushes against something: plan anew."""
        self._stood = self._stood + now.dt if now.velocity.is_zero else 0.0
        if self._stood > self._limits.patience:
            self._stood = 0.0
            self._around(now)

    def _wait(self, now: Situation) -> Twist:
        """Another robot is in the way: wait, and after some patience find a way around it."""
        self._blocked += now.dt
        first = has_priority(now.rank, now.neighbours, now.pose)
        patience = self._limits.patience * (0.4 if first else 1.0)
        if self._blocked >= patience and self.elapsed >= self._retry_at:
            self._retry_at = self.elapsed + _RETRY
            self._around(now)
        return STILL

    def _around(self, now: Situation) -> None:
        discs = standing(now.neighbours, now.pose, 0.06)
        try:
            path = self._planner.plan(now.pose, self.goal, discs)
        except PlanError:
            return
        self._follower = Follower(path, self._floor, self._parameters)
        self._best = path.length
        self.recoveries += 1
        self._blocked = 0.0

    def _watch_progress(self, pose: Pose) -> None:
        left = self._follower.remaining(pose)
        if left < self._best - _PROGRESS:
            self._best, self._best_at = left, self.elapsed
        elif self.elapsed - self._best_at > self._limits.progress_timeout:
            self.end(failed(Code.FAILED_TO_MAKE_PROGRESS, "the way stayed blocked"))
