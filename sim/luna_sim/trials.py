"""Trials of the traffic: random goals for several robots at once, without ROS, the same for a seed.

    python -m luna_sim.trials --floor sim/maps/library --robots 10 --goals 100 --out trials.json

Every robot drives from goal to goal until all goals are given out. Watched after every step: contacts with obstacles,
with other robots and with people; and robots that have a goal and don't get on.
"""

import argparse
import json
import math
import statistics
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luna_sim.core.floor import Floor
from luna_sim.core.geometry import Pose
from luna_sim.core.outcome import SUCCEEDED
from luna_sim.core.parameters import RobotParameters
from luna_sim.core.planner import Planner
from luna_sim.core.robot import Robot
from luna_sim.core.task import Task
from luna_sim.core.world import STEP_NS, World
from luna_sim.places import Places
from luna_sim.setup import read_floor

STANDSTILL_S = 60.0
"""A robot with a goal that gets no further than `STANDSTILL_M` in this time stands still, seconds."""
STANDSTILL_M = 0.3
LONGEST_S = 3600.0
"""Simulated seconds after which what still drives counts as not reached."""
PERSON_RADIUS = 0.25
FURTHEST = 100.0
"""Stands for the distance to what is not there, metres."""
FAR = 4.0
"""Goals are at least this far from where the robot is, metres in a straight line."""
_STEP = STEP_NS / 1e9


@dataclass(slots=True)
class Trial:
    """One goal of one robot."""

    robot: str
    start: Pose
    goal: Pose
    shortest: float
    """Metres of the shortest way on the empty floor that has room for the robot."""
    began: float
    """Seconds since the trials began."""
    driven: float = 0.0
    seconds: float = 0.0
    recoveries: int = 0
    longest_stand: float = 0.0
    """Seconds that it took at most to get `STANDSTILL_M` further."""
    ending: str = "UNFINISHED"
    code: int = 0
    message: str = ""

    @property
    def reached(self) -> bool:
        return self.ending == SUCCEEDED.ending.value

    @property
    def ratio(self) -> float:
        return self.driven / self.shortest


@dataclass(frozen=True, slots=True)
class Contact:
    """A robot has touched something: seconds since the trials began, and the metres left to each kind of thing."""

    robot: str
    at: float
    pose: Pose
    obstacle: float
    other: float
    person: float
    estimate_off: float
    """Metres between where it was and where it believed to be."""


@dataclass(slots=True)
class Trials:
    """What the trials came to."""

    seed: int
    robots: int
    people: int
    trials: list[Trial] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    """With anything: the base stands before it would overlap."""
    overlaps_obstacle: int = 0
    overlaps_robot: int = 0
    overlaps_person: int = 0
    simulated: float = 0.0
    took: float = 0.0
    """Seconds of processor time."""
    fingerprint: str = ""

    @property
    def reached(self) -> int:
        return sum(t.reached for t in self.trials)

    @property
    def deadlocks(self) -> int:
        """Robots that stood still and whose goal was not reached in the end."""
        return sum(not t.reached and t.longest_stand >= STANDSTILL_S for t in self.trials)

    @property
    def waits(self) -> int:
        """Robots that stood still, but got on in the end."""
        return sum(t.reached and t.longest_stand >= STANDSTILL_S for t in self.trials)

    @property
    def ratios(self) -> list[float]:
        return sorted(t.ratio for t in self.trials if t.reached)

    def rows(self) -> list[dict[str, Any]]:
        """What is told of them, with the target where there is one."""
        ratios = self.ratios or [math.nan]
        return [
            _row("goals reached, %", round(100.0 * self.reached / max(1, len(self.trials)), 1), 100.0),
            _row("contacts", len(self.contacts), 0),
            _row("steps inside an obstacle", self.overlaps_obstacle, 0),
            _row("steps inside another robot", self.overlaps_robot, 0),
            _row("steps inside a person", self.overlaps_person, 0),
            _row("path ÷ shortest, median", round(statistics.median(ratios), 3), 1.15),
            _row("path ÷ shortest, longest", round(ratios[-1], 2), None),
            _row("deadlocks", self.deadlocks, 0),
            _row(f"waits of {STANDSTILL_S:g} s or more", self.waits, None),
            _row("longest wait, s", round(max((t.longest_stand for t in self.trials), default=0.0), 1), None),
            _row("recoveries", sum(t.recoveries for t in self.trials), None),
            _row("simulated, s", round(self.simulated, 1), None),
            _row("× real time", round(self.simulated / self.took, 1) if self.took else 0.0, None),
        ]

    def as_json(self) -> dict[str, Any]:
        rows = [[row["what"], row["value"], row["target"]] for row in self.rows()]
        title = f"{len(self.trials)} goals, {self.robots} robots, {self.people} people, seed {self.seed}"
        section = {"title": title, "columns": ["trials", "measured", "target"], "rows": rows}
        head = {"name": "trials", "seed": self.seed, "robots": self.robots, "people": self.people}
        more = {"contacts": [asdict(c) for c in self.contacts], "trials": [asdict(t) for t in self.trials]}
        return {**head, "sections": [section], "fingerprint": self.fingerprint, **more}


@dataclass(slots=True)
class _Run:
    """A robot on its way."""

    trial: Trial
    task: Task
    last: Pose
    stood_at: Pose
    stood_since: float


class Course:
    """Sends robots from goal to goal and watches them."""

    def __init__(self, floor: Floor, robots: int, goals: int, seed: int, people: int = 0) -> None:
        parameters = RobotParameters()
        self.world = World(floor, parameters, seed, people=people)
        self._places = Places(floor, parameters, seed)
        self._places.fill(self.world, robots)
        self._shortest = Shortest(floor, parameters)
        self._left = goals
        self._runs: dict[str, _Run] = {}
        self._start_ns = self.world.time_ns
        self._bumps = dict.fromkeys(self.world.robots, 0)
        self.found = Trials(seed, robots, people)

    def run(self, longest: float = LONGEST_S) -> Trials:
        """All goals, to their ends, or as far as they are after `longest` simulated seconds."""
        began = time.process_time()
        for robot in self.world.robots.values():
            self._send(robot)
        while self._runs and self.now < longest:
            self.step()
        for run in list(self._runs.values()):
            self._close(run)
        found = self.found
        found.simulated, found.took = self.now, time.process_time() - began
        found.fingerprint = self.world.fingerprint()
        return found

    @property
    def now(self) -> float:
        return (self.world.time_ns - self._start_ns) / 1e9

    def step(self) -> None:
        """One step of the world, then a look at everybody."""
        self.world.step()
        self._watch_overlaps()
        for name, run in list(self._runs.items()):
            self._watch(self.world.robots[name], run)

    def _send(self, robot: Robot) -> None:
        if not self._left:
            return
        self._left -= 1
        goal = self._draw_goal(robot)
        trial = Trial(robot.name, robot.pose, goal, self._shortest.length(robot.pose, goal), self.now)
        self.found.trials.append(trial)
        task = self.world.navigate(robot.name, goal)
        self._runs[robot.name] = _Run(trial, task, robot.pose, robot.pose, self.now)

    def _draw_goal(self, robot: Robot) -> Pose:
        """A goal that nobody stands on or drives to, some way off."""
        others = [run.trial.goal for run in self._runs.values()]
        others += [r.pose for r in self.world.robots.values() if r is not robot and r.name not in self._runs]
        while True:
            goal = self._places.draw(others)
            if robot.pose.distance_to(goal.x, goal.y) >= FAR:
                return goal

    def _watch(self, robot: Robot, run: _Run) -> None:
        trial, pose = run.trial, robot.pose
        trial.driven += pose.distance_to(run.last.x, run.last.y)
        run.last = pose
        if pose.distance_to(run.stood_at.x, run.stood_at.y) > STANDSTILL_M:
            run.stood_at, run.stood_since = pose, self.now
        trial.longest_stand = max(trial.longest_stand, self.now - run.stood_since)
        if run.task.outcome is not None:
            self._close(run)
            self._send(robot)

    def _close(self, run: _Run) -> None:
        trial, outcome = run.trial, run.task.outcome
        trial.seconds = self.now - trial.began
        trial.recoveries = run.task.progress(run.last).recoveries
        if outcome is not None:
            trial.ending, trial.code, trial.message = outcome.ending.value, int(outcome.code), outcome.message
        del self._runs[trial.robot]

    def _watch_overlaps(self) -> None:
        robots = list(self.world.robots.values())
        at = np.array([(r.pose.x, r.pose.y) for r in robots])
        radius = self.world.parameters.drive.radius
        self.found.overlaps_robot += _close_pairs(at, at, 2 * radius) - len(robots)
        people = [(p.x, p.y) for p in self.world.people]
        if people:
            self.found.overlaps_person += _close_pairs(at, np.array(people), radius + PERSON_RADIUS)
        for robot in robots:
            if robot.bumps > self._bumps[robot.name]:
                self._bumps[robot.name] = robot.bumps
                self.found.contacts.append(self._contact(robot))
            if robot.active:
                self.found.overlaps_obstacle += self.world.floor.clearance(robot.pose.x, robot.pose.y) < radius

    def _contact(self, robot: Robot) -> Contact:
        pose, radius = robot.pose, self.world.parameters.drive.radius
        others = [pose.distance_to(r.pose.x, r.pose.y) for r in self.world.robots.values() if r is not robot]
        people = [pose.distance_to(p.x, p.y) - p.radius for p in self.world.people]
        return Contact(
            robot.name,
            self.now,
            pose,
            self.world.floor.clearance(pose.x, pose.y) - radius,
            min(others, default=FURTHEST) - 2 * radius,
            min(people, default=FURTHEST) - radius,
            pose.distance_to(robot.localization.estimate.x, robot.localization.estimate.y),
        )


def _close_pairs(a: NDArray[np.float64], b: NDArray[np.float64], reach: float) -> int:
    """How many pairs of a point of a (n, 2) and one of b (m, 2) are nearer than `reach` metres."""
    gaps = np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1])
    return int(np.count_nonzero(gaps < reach - 1e-9))


class Shortest:
    """Lengths of shortest ways: the planner's, without its preference for room."""

    def __init__(self, floor: Floor, parameters: RobotParameters) -> None:
        self._direct = Planner(floor, parameters, comfort=False)
        self._usual = Planner(floor, parameters)

    def length(self, start: Pose, goal: Pose) -> float:
        """Metres. Raises PlanError where there is no way."""
        return min(planner.plan(start, goal).length for planner in (self._direct, self._usual))


def _row(what: str, value: Any, target: float | None) -> dict[str, Any]:
    return {"what": what, "value": value, "target": target}


def main(arguments: list[str] | None = None) -> int:
    """Run the trials; 0 whatever they show, 2 for a bad argument."""
    parser = argparse.ArgumentParser(prog="python -m luna_sim.trials", description="Random goals for several robots.")
    parser.add_argument("--floor", type=Path, required=True, help="folder with map.yaml and waypoints.yaml")
    parser.add_argument("--robots", type=int, default=10)
    parser.add_argument("--people", type=int, default=0)
    parser.add_argument("--goals", type=int, default=100, help="of all robots together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quiet", action="store_true", help="print nothing")
    parser.add_argument("--out", type=Path, help="file for all of it as JSON")
    options = parser.parse_args(arguments)
    try:
        floor = read_floor(options.floor).floor
        course = Course(floor, options.robots, options.goals, options.seed, options.people)
    except ValueError as error:
        parser.error(str(error))
    found = course.run()
    for row in () if options.quiet else found.rows():
        target = "" if row["target"] is None else f"   (target {row['target']:g})"
        print(f"{row['what']:30} {row['value']:>10}{target}")
    if options.out is not None:
        options.out.write_text(json.dumps(found.as_json(), indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
