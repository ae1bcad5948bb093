"""The world: robots on a floor, in steps of equal length."""

import hashlib
import math
import random
import struct
from collections.abc import Mapping, Sequence
from functools import cached_property

from luna_sim.core.costmap import Costmaps
from luna_sim.core.disc import Disc
from luna_sim.core.docking import DockTask, UndockTask, staging_pose
from luna_sim.core.fault_board import FaultBoard
from luna_sim.core.floor import Floor
from luna_sim.core.geometry import Pose
from luna_sim.core.journeys import WaypointsTask, start_through
from luna_sim.core.lidar import Lidar, Ranges
from luna_sim.core.navigation import NavigateTask, make_ground
from luna_sim.core.outcome import SUCCEEDED, Code, failed
from luna_sim.core.parameters import RobotParameters
from luna_sim.core.path import Path
from luna_sim.core.people import People, Person
from luna_sim.core.planner import PlanError
from luna_sim.core.right_of_way import PERIOD, Driver, RightOfWay
from luna_sim.core.robot import Robot, RobotState
from luna_sim.core.surroundings import Surroundings
from luna_sim.core.task import EndedTask, Neighbour, Task

STEP_NS = 20_000_000
"""Length of a step, nanoseconds of simulated time."""
_SIGHT = 6.0
"""Robots notice what stands in the way within this distance, metres."""
_SETTLE_NS = round(PERIOD * 1e9)


class World:
    """All robots and the simulated time. Not safe for several threads: the caller holds a lock."""

    def __init__(
        self, floor: Floor, parameters: RobotParameters, seed: int, start_ns: int = 0, people: int = 0
    ) -> None:
        self.floor = floor
        self.parameters = parameters
        self.ground = make_ground(floor, parameters)
        self.planner = self.ground.planner
        self.robots: dict[str, Robot] = {}
        self.time_ns = start_ns
        self._seed = seed
        self._start_ns = start_ns
        self._right_of_way = RightOfWay(self.ground)
        self._surroundings = Surroundings()
        self._people = People(floor, people, random.Random(f"{seed}/people"))  # noqa: S311 - repeatable on purpose
        self.faults = FaultBoard(self)
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def add_robot(self, name: str, state: RobotState) -> Robot:
        """Put a robot on the floor. Earlier robots have right of way."""
        robot = Robot(name, len(self.robots), state, self.floor, self.parameters, str(self._seed))
        self.robots[name] = robot
        return robot

    def fresh_state(self, dock: str) -> RobotState:
        """A robot on a dock, charged to something between 85 % and full."""
        capacity = self.parameters.battery.capacity
        return RobotState(self.floor.docks[dock], capacity * self._random.uniform(0.85, 1.0))

    def step(self) -> None:
        """Let one step of time pass."""
        self.time_ns += STEP_NS
        self.faults.step(STEP_NS / 1e9)
        since = self.time_ns - self._start_ns
        self.ground.turns.now = since / 1e9
        robots = self.robots.values()
        self._people.step(robots, self.obstacles, STEP_NS / 1e9)
        self._surroundings.refresh(robots)
        for robot in robots:
            robot.step(self._neighbours(robot) if robot.active else (), STEP_NS / 1e9)
        if since % _SETTLE_NS == 0:
            self._settle()

    @property
    def people(self) -> list[Person]:
        """Everybody who walks about."""
        return self._people.everybody

    def navigate(self, name: str, goal: Pose) -> Task:
        """Send a robot to a pose; what it was doing is taken over. A goal without a way has failed at once."""
        robot = self.robots[name]
        task = self._navigation(robot, goal)
        robot.start(task)
        return task

    def navigate_through(self, name: str, poses: Sequence[Pose]) -> Task:
        """Send a robot to the last of some poses, past the others."""
        robot = self.robots[name]
        try:
            task = start_through(self.ground, robot.rank, robot.localization.estimate, poses)
        except PlanError as error:
            task = EndedTask(failed(error.code, str(error)))
        robot.start(task)
        return task

    def follow_waypoints(
        self, name: str, poses: Sequence[Pose | None], *, loops: int = 0, first: int = 0
    ) -> WaypointsTask:
        """Send a robot to one pose after the other; None is one that is in no known frame."""
        robot = self.robots[name]

        def navigate(index: int) -> Task:
            pose = poses[index]
            if pose is None:
                return EndedTask(failed(Code.TF_ERROR, "its frame is not the map's"))
            return self._navigation(robot, pose)

        task = WaypointsTask(len(poses), navigate, loops, first)
        robot.start(task)
        return task

    def dock(self, name: str, dock: Pose, *, drive_there: bool, drive_time: float) -> Task:
        """Send a robot onto a dock. One at a pose that is none (a number that is not finite) is not valid."""
        robot = self.robots[name]
        if not all(map(math.isfinite, (dock.x, dock.y, dock.yaw))):
            invalid = EndedTask(failed(Code.DOCK_NOT_VALID, f"dock pose {dock} is not finite"))
            robot.start(invalid)
            return invalid
        approach = None
        if drive_there and robot.dock is None:
            approach = self._navigation(robot, staging_pose(dock, self.parameters.dock))
        task: Task = DockTask(
            dock, approach if isinstance(approach, NavigateTask) else None, drive_time, self.parameters.dock
        )
        if approach is not None and approach.outcome is not None:
            task.end(failed(Code.FAILED_TO_STAGE, f"staging pose: {approach.outcome.message}"))
        if robot.dock is not None:
            task.end(SUCCEEDED)
        robot.start(task)
        return task

    def undock(self, name: str, time_limit: float) -> Task:
        """Take a robot off its dock."""
        robot = self.robots[name]
        dock = self.floor.docks[robot.dock] if robot.dock is not None else None
        task = UndockTask(dock, time_limit, self.parameters.dock, self.parameters.drive.radius)
        robot.start(task)
        return task

    def plan(self, start: Pose, goal: Pose) -> Path:
        """A path, without driving it.

        Raises:
            PlanError: there is none.
        """
        return self.planner.plan(start, goal)

    def scan(self, name: str) -> Ranges:
        """What a robot's lidar sees now: 640 ranges in metres, the first one backwards in the lidar's own frame."""
        radius = self.parameters.drive.radius
        robots = (Disc(other.pose.x, other.pose.y, radius) for other in self.robots.values())
        people = (Disc(person.x, person.y, person.radius) for person in self.people)
        return self._lidar.scan(self.robots[name].pose, (*robots, *people, *self.obstacles))

    def fingerprint(self) -> str:
        """A hash over everything that moves: equal for equal histories."""
        digest = hashlib.sha256(struct.pack("<q", self.time_ns))
        for r in self.robots.values():
            poses = [v for p in (r.pose, r.odometry.pose, r.localization.estimate) for v in (p.x, p.y, p.yaw)]
            variances = r.localization.covariance
            others = (r.velocity.linear, r.velocity.angular, r.battery.energy, variances.position, variances.yaw)
            digest.update(struct.pack("<14d?", *poses, *others, r.localization.lost))
        digest.update(self._people.state())
        return digest.hexdigest()

    @property
    def obstacles(self) -> tuple[Disc, ...]:
        """What stands on the floor that is on no map."""
        return self.faults.obstacles

    def step_clock(self, seconds: float) -> None:
        """Set the clock forward, or back (to the beginning of time at most). Everything but the clock goes on."""
        step = max(-self.time_ns, round(seconds * 1e9))
        self.time_ns += step
        self._start_ns += step

    def states(self) -> Mapping[str, RobotState]:
        """What outlives a restart, by robot."""
        return {name: robot.state for name, robot in self.robots.items()}

    @cached_property
    def costmaps(self) -> Costmaps:
        """Drawn for whoever asks; nothing in the world depends on them."""
        return Costmaps(self.floor, self.parameters.drive.radius)

    @cached_property
    def _lidar(self) -> Lidar:
        return Lidar(self.floor.grid)

    def _navigation(self, robot: Robot, goal: Pose) -> Task:
        try:
            path = self.planner.plan(robot.localization.estimate, goal)
        except PlanError as error:
            return EndedTask(failed(error.code, str(error)))
        return NavigateTask(goal, path, self.ground, robot.rank)

    def _neighbours(self, robot: Robot) -> tuple[Neighbour, ...]:
        others = tuple([other.seen() for other in self._surroundings.near(robot)])
        if self._people:
            others = self._people.near(robot.pose) + others
        return others + self._obstacles_near(robot.pose) if self.faults.obstacles else others

    def _obstacles_near(self, pose: Pose) -> tuple[Neighbour, ...]:
        """They give way to nobody."""
        return tuple(
            Neighbour(disc.x, disc.y, 0.0, 0.0, disc.radius, -1)
            for disc in self.obstacles
            if disc.distance_to(pose.x, pose.y) < _SIGHT
        )

    def _settle(self) -> None:
        """Let somebody make room where robots wait for each other. A robot that is locked neither waits nor drives."""
        drivers = {
            robot.rank: Driver(robot.localization.estimate, robot.task.drive)
            for robot in self.robots.values()
            if robot.task is not None and robot.task.drive is not None and not robot.locks
        }
        if any(driver.task.waits_for is not None for driver in drivers.values()):
            self._right_of_way.settle(drivers, {r.rank: r.pose for r in self.robots.values()})
