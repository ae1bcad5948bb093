"""Driving to a pose: follow the path, give way, take turns in narrow passages, turn to the final heading."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from luna_sim.core.disc import Disc
from luna_sim.core.floor import Floor
from luna_sim.core.follower import Follower, turn_by
from luna_sim.core.geometry import STILL, Pose, Twist, wrap
from luna_sim.core.obstacle_memory import ObstacleMemory
from luna_sim.core.outcome import SUCCEEDED, Code, Outcome, Progress, failed
from luna_sim.core.parameters import RobotParameters
from luna_sim.core.passages import Crossing, Passages, Turns
from luna_sim.core.path import Path
from luna_sim.core.planner import PlanError, Planner
from luna_sim.core.progress import ProgressChecker
from luna_sim.core.recovery import Recoveries
from luna_sim.core.task import Neighbour, Situation, Task
from luna_sim.core.traffic import STANDOFF, free_way, has_priority, keep_off
from luna_sim.core.value import value

_CLOSE_ENOUGH = 0.03
"""Metres; the path is followed this near to its end although the tolerance is wider."""
_AIMED = 0.03
"""Radians, likewise."""
_RETRY = 2.0
"""Seconds between attempts to plan around what is in the way."""
_DETOUR = 4.0
"""Metres that a robot drives further rather than wait for another that will drive on."""
_LONG_WAIT = 10.0
"""Seconds after which any detour is taken."""
_LOOK = 1.5
"""Metres before a narrow passage from which on its turn is asked for."""
_HOLD = 0.45
"""Metres before a narrow passage at which a robot waits for its turn."""
_CLEAR = 0.35
"""Metres after a narrow passage at which the robot is out of it."""
_ASIDE = 25.0
"""Seconds that a robot stands aside at most."""
_LOOK_PERIOD = 1.0
"""Seconds between looks at what stands around (the update period of LUNA's global costmap)."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What all robots of one kind share."""

    floor: Floor
    parameters: RobotParameters
    planner: Planner
    squeezing: Planner
    """Plans with hardly any margin, where there is no other way."""
    passages: Passages
    turns: Turns


def make_ground(floor: Floor, parameters: RobotParameters) -> Ground:
    """Look at a floor; what was found is kept for the next world on the same one."""
    planner, squeezing, passages = _looked_at(floor, parameters)
    return Ground(floor, parameters, planner, squeezing, passages, Turns())


@lru_cache(maxsize=4)
def _looked_at(floor: Floor, parameters: RobotParameters) -> tuple[Planner, Planner, Passages]:
    squeezed = replace(parameters, navigation=replace(parameters.navigation, path_margin=0.02))
    return Planner(floor, parameters), Planner(floor, squeezed), Passages(floor, parameters)


@value
class _Ahead:
    """How far it may drive, whom it waits for then, and whether that is for its turn."""

    free: float
    blocker: Neighbour | None = None
    first: int | None = None


class NavigateTask(Task):
    """Drives one path to its end; plans anew around what stays in the way."""

    def __init__(self, goal: Pose, path: Path, ground: Ground, rank: int = 0) -> None:
        super().__init__()
        self.goal = goal
        self.rank = rank
        self.waits_for: int | None = None
        """Rank of the robot that it waits for now."""
        self.waits_for_turn = False
        self.waited = 0.0
        """Seconds that it has waited without a break."""
        self._ground = ground
        self._limits = ground.parameters.navigation
        self._drive = ground.parameters.drive
        self._obstacles = ObstacleMemory()
        self._looked_at = -math.inf
        self._recoveries = Recoveries(ground.parameters, self.clear_costmaps)
        self._crossings: tuple[Crossing, ...] = ()
        self._follow_path(path)
        self._arrived = False
        self._stood = 0.0
        self._retry_at = 0.0
        self._checker = ProgressChecker()
        self._recovered_at = 0.0
        self._no_way = False
        self._may_return: Callable[[Pose], bool] | None = None
        self._aside_since = 0.0

    @property
    def path(self) -> Path:
        """What is being followed now."""
        return self._follower.path

    @property
    def nearest(self) -> int:
        """Index of the path's point that the robot is at."""
        return self._follower.nearest

    @property
    def recoveries(self) -> int:
        return self._recoveries.count

    @property
    def stepping_aside(self) -> bool:
        """Whether it makes room for another robot."""
        return self._may_return is not None

    @property
    def drive(self) -> "NavigateTask":
        return self

    def step_aside(self, path: Path, may_return: Callable[[Pose], bool]) -> None:
        """Follow another path first, wait at its end until it may return, then go on to the goal."""
        self._may_return = may_return
        self._aside_since = self.elapsed
        self._follow_path(path)

    def clear_costmaps(self) -> None:
        """Forget what was seen standing in the way and is out of sight."""
        self._obstacles.clear()

    def progress(self, pose: Pose) -> Progress:
        left = 0.0 if self._arrived else self._follower.remaining(pose)
        turn = abs(wrap(self.goal.yaw - pose.yaw)) / self._limits.rotate_speed
        return Progress(self.elapsed, left, left / self._limits.desired_linear_vel + turn, self.recoveries)

    def end(self, outcome: Outcome) -> None:
        super().end(outcome)
        self._ground.turns.release(self.rank)

    def _own_code(self, code: int) -> int:
        """Codes of waypoints (6xx) and docking (9xx) are not a drive's."""
        return Code.FAILED_TO_MAKE_PROGRESS if 600 <= code < 700 or 900 <= code < 1000 else code

    def _step(self, now: Situation) -> Twist:
        self._follower.advance(now.pose)
        if self.elapsed - self._looked_at >= _LOOK_PERIOD:
            self._look(now)
        if self._recoveries.under_way:
            return self._recover(now)
        if self._may_return is not None:
            return self._make_room(now, self._may_return)
        if not self._arrived and self._may_arrive():
            self._arrived = now.pose.distance_to(self.goal.x, self.goal.y) < _CLOSE_ENOUGH or self._overshot(now.pose)
        return self._turn(now) if self._arrived else self._follow(now)

    def _overshot(self, pose: Pose) -> bool:
        """At the path's end, within the tolerance, and the goal no longer ahead."""
        at_end = self._follower.nearest >= len(self.path.xs) - 1
        within = pose.distance_to(self.goal.x, self.goal.y) < self._limits.xy_goal_tolerance
        return at_end and within and abs(pose.bearing_to(self.goal.x, self.goal.y)) > math.pi / 2

    def _turn(self, now: Situation) -> Twist:
        self.waits_for = None
        left = wrap(self.goal.yaw - now.pose.yaw)
        if abs(left) < _AIMED and abs(now.velocity.linear) < 0.01:
            self.end(SUCCEEDED)
            return STILL
        return turn_by(left, self._limits.rotate_speed, self._drive.angular_acceleration)

    def _follow(self, now: Situation) -> Twist:
        self._watch_progress(now.pose)
        ahead = self._look_ahead(now)
        if ahead.free <= STANDOFF:
            return self._wait(now, ahead)
        self._go_on()
        self._watch_standing(now)
        return self._drive_on(now, ahead.free)

    def _drive_on(self, now: Situation, free: float) -> Twist:
        speed = self._limits.desired_linear_vel
        if free < math.inf:
            speed = min(speed, math.sqrt(self._drive.linear_acceleration * (free - STANDOFF)))
        return self._follower.command(now.pose, speed, keep_off(now.neighbours, now.pose, self._drive.radius))

    def _look_ahead(self, now: Situation) -> _Ahead:
        way = free_way(self.path, self.nearest, now.pose, now.rank, self._drive.radius, now.neighbours)
        turn = self._turn_ahead()
        return turn if turn.free < way.free else _Ahead(way.free, way.blocker)

    def _turn_ahead(self) -> _Ahead:
        """Ask for the turn in passages that are near, give back those that are behind."""
        if not self._crossings:
            return _Ahead(math.inf)
        turns, here = self._ground.turns, self.path.along[self.nearest]
        for crossing in self._crossings:
            if crossing.begin - here > _LOOK:
                break
            if here > crossing.end + _CLEAR:
                turns.release(self.rank, crossing.passage)
                self._crossings = tuple(c for c in self._crossings if c is not crossing)
                continue
            first = turns.ask(self.rank, crossing)
            if first is not None:
                return _Ahead(max(0.0, crossing.begin - here - _HOLD), None, first)
        return _Ahead(math.inf)

    def _go_on(self) -> None:
        self.waits_for, self.waits_for_turn, self.waited = None, False, 0.0

    def _watch_standing(self, now: Situation) -> None:
        """The way looks free and yet the robot stands, so it pushes against something: plan anew."""
        self._stood = self._stood + now.dt if now.velocity.is_zero else 0.0
        if self._stood > self._limits.patience:
            self._stood = 0.0
            self._around(now, None)

    def _wait(self, now: Situation, ahead: _Ahead) -> Twist:
        """Somebody is in the way: wait, and after some patience find a way around."""
        self.waited += now.dt
        self.waits_for_turn = ahead.first is not None
        self.waits_for = ahead.first if ahead.blocker is None else ahead.blocker.rank
        first = has_priority(now.rank, now.neighbours, now.pose)
        patience = self._limits.patience * (0.4 if first else 1.0)
        if ahead.blocker is not None and self.waited >= patience and self.elapsed >= self._retry_at:
            self._retry_at = self.elapsed + _RETRY
            self._around(now, ahead.blocker)
        return STILL

    def _look(self, now: Situation) -> None:
        self._looked_at = self.elapsed
        self._obstacles.look(now.pose, now.neighbours)

    def _around(self, now: Situation, blocker: Neighbour | None) -> None:
        """Plan anew past everything that stands; past what has nowhere to go if there is no such way."""
        self._look(now)
        patient = blocker is not None and blocker.under_way and self.waited < _LONG_WAIT
        most = self._follower.remaining(now.pose) + _DETOUR if patient else math.inf
        seen, anybody = self._obstacles, bool(now.neighbours)
        anybody_stays = any(not o.under_way for o in now.neighbours)
        for planner, discs, somebody in (
            (self._ground.planner, seen.discs(0.06), anybody),
            (self._ground.squeezing, seen.discs(0.04), anybody),
            (self._ground.planner, seen.discs(0.06, only_staying=True), anybody_stays),
        ):
            path = self._plan(planner, now.pose, discs) if discs or somebody else None
            if path is not None and path.length <= most:
                self._take(path)
                return

    def _plan(self, planner: Planner, pose: Pose, discs: tuple[Disc, ...]) -> Path | None:
        try:
            path = self._route(planner, pose, discs)
        except PlanError as error:
            self._no_way = error.code is Code.NO_VALID_PATH
            return None
        self._no_way = False
        return path

    def _route(self, planner: Planner, pose: Pose, discs: tuple[Disc, ...]) -> Path:
        return planner.plan(pose, self.goal, discs)

    def _may_arrive(self) -> bool:
        """Whether nothing comes before the goal."""
        return True

    def _take(self, path: Path) -> None:
        self._follow_path(path)
        self._checker.follow(path.length, news=self._obstacles.anything_new())

    def _follow_path(self, path: Path) -> None:
        self._follower = Follower(path, self._ground.floor, self._ground.parameters)
        self._ground.turns.release(self.rank)
        self._crossings = self._ground.passages.along(path)

    def _make_room(self, now: Situation, may_return: Callable[[Pose], bool]) -> Twist:
        """Drive to the passing place and wait there."""
        self._checker.excuse(self.elapsed)
        there = self._follower.remaining(now.pose) < 0.05
        if (there and may_return(now.pose)) or self.elapsed - self._aside_since > _ASIDE:
            self._may_return = None
            self._go_on()
            self._look(now)
            path = self._plan(self._ground.planner, now.pose, self._obstacles.discs(0.06))
            path = path or self._plan(self._ground.planner, now.pose, ())
            if path is not None:
                self._take(path)
            return STILL
        ahead = self._look_ahead(now)
        if there or ahead.free <= STANDOFF:
            self.waits_for = None if there or ahead.blocker is None else ahead.blocker.rank
            return STILL
        return self._drive_on(now, ahead.free)

    def _recover(self, now: Situation) -> Twist:
        wanted = self._recoveries.step(now)
        if wanted is None:
            self._recovered_at = self.elapsed
            self._around(now, None)
            return STILL
        return wanted

    def _watch_progress(self, pose: Pose) -> None:
        now, checker = self.elapsed, self._checker
        if checker.gets_on(self._follower.remaining(pose), now):
            return
        if checker.fruitless_for(now) > self._limits.progress_timeout:
            code = Code.NO_VALID_PATH if self._no_way and self.waits_for is None else Code.FAILED_TO_MAKE_PROGRESS
            self.end(failed(code, "the way stayed blocked"))
            return
        stuck = min(checker.stuck_for(now), now - self._recovered_at)
        if stuck > self._limits.recover_after and not self.waits_for_turn:
            self._recoveries.begin()
