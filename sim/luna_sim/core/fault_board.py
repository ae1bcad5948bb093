"""The faults of a world: which wait for their time, which hold, and what their beginning and their end do."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from luna_sim.core.disc import Disc
from luna_sim.core.faults import Fault, FaultError, Kind
from luna_sim.core.floor import Floor
from luna_sim.core.geometry import Pose
from luna_sim.core.impairment import impairment
from luna_sim.core.robot import Lock, Robot

MOST = 1000
"""Faults that may wait or hold at once."""


class Faulty(Protocol):
    """What a world must be for its faults to happen to it."""

    @property
    def floor(self) -> Floor: ...
    @property
    def robots(self) -> dict[str, Robot]: ...
    def step_clock(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A fault on the board. Times are seconds of simulated time since the world began, whatever its clock says."""

    number: int
    fault: Fault
    begins: float
    ends: float | None


class FaultBoard:
    """`step` is called once per step of the world, before the robots move."""

    def __init__(self, world: Faulty) -> None:
        self._world = world
        self._now = 0.0
        self._numbers = 0
        self._waiting: list[Entry] = []
        self._holding: list[Entry] = []
        self.obstacles: tuple[Disc, ...] = ()
        """What stands on the floor that is on no map."""
        self.changes = 0
        """Goes up whenever a fault is asked for, begins or ends."""

    @property
    def waiting(self) -> tuple[Entry, ...]:
        return tuple(self._waiting)

    @property
    def holding(self) -> tuple[Entry, ...]:
        return tuple(self._holding)

    def put(self, fault: Fault) -> Entry:
        """Have a fault happen, at once or when its time comes.

        Raises:
            FaultError: it can't happen to this world.
        """
        if fault.robot is not None and fault.robot not in self._world.robots:
            raise FaultError(f"robot: {fault.robot!r} is not one of {', '.join(self._world.robots)}")
        if len(self._waiting) + len(self._holding) >= MOST:
            raise FaultError(f"there are {MOST} faults already; clear some")
        self._check_place(fault)
        self._check_goal(fault)
        self._numbers += 1
        begins = self._now + fault.at
        entry = Entry(self._numbers, fault, begins, None if fault.duration is None else begins + fault.duration)
        self.changes += 1
        if fault.at > 0.0:
            self._waiting.append(entry)
        else:
            self._begin(entry)
        return entry

    def clear(self) -> int:
        """End all that holds and forget what waits; returns how many these were."""
        ended = list(self._holding)
        count = len(ended) + len(self._waiting)
        self._waiting.clear()
        for entry in ended:
            self._end(entry)
        self.changes += count > 0
        return count

    def step(self, dt: float) -> None:
        """Let time pass: begin what is due, end what is over."""
        self._now += dt
        if not (self._waiting or self._holding):
            return
        for entry in [e for e in self._holding if e.ends is not None and e.ends <= self._now]:
            self._end(entry)
        for entry in sorted((e for e in self._waiting if e.begins <= self._now), key=lambda e: e.begins):
            self._waiting.remove(entry)
            self._begin(entry)
        for entry in [e for e in self._holding if e.fault.kind is Kind.NAVIGATION_FAILURE]:
            if not any(failure.number == entry.number for failure in self._robot(entry).goal_failures):
                self._end(entry)

    def _check_place(self, fault: Fault) -> None:
        """Somewhere on the floor; where exactly others stand is seen to when it begins."""
        if fault.kind not in (Kind.BLOCKED_AISLE, Kind.MOVED):
            return
        x, y = fault.number("x"), fault.number("y")
        floor = self._world.floor
        if not floor.grid.contains(x, y):
            raise FaultError(f"x, y: ({x:g}, {y:g}) is outside the map")
        if fault.kind is Kind.MOVED:
            radius = next(iter(self._world.robots.values())).parameters.drive.radius
            if floor.clearance(x, y) < radius:
                raise FaultError(f"x, y: ({x:g}, {y:g}) has no room for a robot")
        elif fault.at == 0.0 and (name := self._stands_at(x, y, fault.number("radius"))):
            raise FaultError(f"x, y: {name} is within {fault.number('radius'):g} m of ({x:g}, {y:g})")

    def _check_goal(self, fault: Fault) -> None:
        """A goal that is to fail now must be there now."""
        if fault.at == 0.0 and _is_of_goal_in_hand(fault) and self._world.robots[fault.robot or ""].task is None:
            raise FaultError(f"goal: {fault.robot} has no goal in hand; goal=next makes the next one fail")

    def _stands_at(self, x: float, y: float, radius: float, apart_from: str | None = None) -> str | None:
        near = (
            name
            for name, robot in self._world.robots.items()
            if name != apart_from and robot.pose.distance_to(x, y) < radius + robot.parameters.drive.radius
        )
        return next(near, None)

    def _begin(self, entry: Entry) -> None:
        fault = entry.fault
        self.changes += 1
        if not fault.momentary:
            self._holding.append(entry)
        match fault.kind:
            case Kind.BATTERY_DROP:
                self._robot(entry).set_charge(fault.number("share"))
            case Kind.LOCALIZATION_LOST:
                self._robot(entry).localization.lose()
            case Kind.CLOCK_STEP:
                self._world.step_clock(fault.number("seconds"))
            case Kind.ESTOP_BUTTON:
                self._robot(entry).lock(Lock.BASE)
            case Kind.NAVIGATION_FAILURE:
                # With nothing in hand by the time that it begins it has missed its goal, and `step` ends it.
                if self._robot(entry).task is not None or not _is_of_goal_in_hand(fault):
                    times = round(fault.number("times"))
                    self._robot(entry).fail_goals(entry.number, round(fault.number("code")), times)
                if _is_of_goal_in_hand(fault):
                    self._robot(entry).fail_task()
        self._settle(fault)

    def _end(self, entry: Entry) -> None:
        fault = entry.fault
        self._holding.remove(entry)
        self.changes += 1
        match fault.kind:
            case Kind.ESTOP_BUTTON:
                self._robot(entry).unlock(Lock.BASE)
            case Kind.NAVIGATION_FAILURE:
                self._robot(entry).forget_failures(entry.number)
            case Kind.MOVED:
                self._put_down(entry)
        self._settle(fault)

    def _put_down(self, entry: Entry) -> None:
        """Where it was meant to stand, unless somebody stands there by now: then where it was."""
        robot, fault = self._robot(entry), entry.fault
        pose = Pose(fault.number("x"), fault.number("y"), fault.number("yaw"))
        radius = robot.parameters.drive.radius
        if any(disc.distance_to(pose.x, pose.y) < radius for disc in self.obstacles):
            return
        if self._stands_at(pose.x, pose.y, radius, apart_from=robot.name) is None:
            robot.put_down(pose)

    def _settle(self, fault: Fault) -> None:
        """Bring obstacles and the robot's impairment in line with what holds now."""
        self.obstacles = tuple(self._discs())
        if fault.robot is not None:
            robot = self._world.robots[fault.robot]
            robot.impair(impairment(e.fault for e in self._holding if e.fault.robot == fault.robot))

    def _discs(self) -> Iterator[Disc]:
        for entry in self._holding:
            fault = entry.fault
            if fault.kind is Kind.BLOCKED_AISLE:
                yield Disc(fault.number("x"), fault.number("y"), fault.number("radius"))

    def _robot(self, entry: Entry) -> Robot:
        return self._world.robots[entry.fault.robot or ""]


def _is_of_goal_in_hand(fault: Fault) -> bool:
    return fault.kind is Kind.NAVIGATION_FAILURE and fault.values["goal"] == "in_hand"
