"""One robot: what it wants, what its limits allow, where it gets to."""

import math
import random
from dataclasses import dataclass, replace
from enum import StrEnum

from luna_sim.core import battery as energy
from luna_sim.core.battery import Battery
from luna_sim.core.docking import on_dock
from luna_sim.core.floor import STEEPEST, Floor
from luna_sim.core.geometry import STILL, Pose, Twist
from luna_sim.core.impairment import SOUND, Impairment
from luna_sim.core.kinematics import accelerated, limited, moved, stopped
from luna_sim.core.localization import Localization
from luna_sim.core.odometry import Odometry
from luna_sim.core.outcome import CANCELED, PREEMPTED
from luna_sim.core.parameters import RobotParameters
from luna_sim.core.task import Neighbour, Situation, Task

CONTROL_STEPS = 2
"""A task is asked for a velocity every second step, 25 times a second (Nav2's controller: 20 Hz)."""
BUMPER_HOLD = 0.2
"""Seconds that the bumper stays pressed after a contact."""
_PERSON_GAP = 0.08
"""Metres to a person at which a robot stands, before braking."""
_NEGLIGIBLE = 0.05
"""Errors of the estimate below this, metres, are within the space that robots keep from each other anyway."""
ENERGY_STEPS = 10
"""The battery is looked at every tenth step."""
_NEAR = 0.05
"""Metres of spare room from which on clearance is looked up in every step."""
_STOP_BEFORE = 0.01
"""Metres to an obstacle at which a robot stands, beside its braking distance."""
_BESIDE = 0.5
"""Docks further off than this are not looked at closer, metres."""


class Lock(StrEnum):
    """Who holds the robot's motion locked."""

    ESTOP = "the estop topic says so"
    SILENCE = "the estop topic is silent"
    BASE = "the base's own e_stop"


@dataclass(frozen=True, slots=True)
class RobotState:
    """What outlives a restart of the simulator."""

    pose: Pose
    energy: float
    """Wh."""


@dataclass(frozen=True, slots=True)
class GoalFailure:
    """The next goals are to fail. `number` is that of the fault."""

    number: int
    code: int
    times: int


class Robot:
    """A simulated robot. Its owner calls `step` once per step of the world."""

    def __init__(
        self, name: str, rank: int, state: RobotState, floor: Floor, parameters: RobotParameters, seed: str = ""
    ) -> None:
        chance = random.Random(f"{seed}/{name}")  # noqa: S311 - repeatable on purpose
        self.name = name
        self.rank = rank
        self.parameters = parameters
        self.pose = state.pose
        """Where it really is, in the map. What the robot itself believes is in `localization`."""
        self.odometry = Odometry(parameters.odometry, parameters.drive.wheel_base, chance)
        self.localization = Localization(state.pose, self.odometry.pose, parameters.localization, chance)
        self.velocity = STILL
        self.battery = Battery(state.energy)
        self.locks: frozenset[Lock] = frozenset()
        self.task: Task | None = None
        self.bumps = 0
        """How often it ran into something."""
        self.dock: str | None = None
        """Code of the dock that it stands on."""
        self.impairment = SOUND
        """What faults keep it from."""
        self.goal_failures: tuple[GoalFailure, ...] = ()
        self._floor = floor
        self._command = STILL
        self._command_left = 0.0
        self._bumper_left = 0.0
        self._wanted_now = STILL
        self._until_asked = 0
        self._seen_pose, self._seen_velocity = self.pose, self.velocity
        self._seen = Neighbour(state.pose.x, state.pose.y, state.pose.yaw, 0.0, parameters.drive.radius, rank)
        self._travelled = self._turned = 0.0
        self._unmeasured = 0
        self._spare = 0.0
        self._spare_at: Pose | None = None
        self._drained_for = 0
        self._find_dock()

    @property
    def state(self) -> RobotState:
        return RobotState(self.pose, self.battery.energy)

    @property
    def charge(self) -> float:
        """State of charge, 0 to 1."""
        return energy.share(self.battery, self.parameters.battery)

    @property
    def voltage(self) -> float:
        return energy.voltage(self.battery, self.parameters.battery)

    @property
    def bumped(self) -> bool:
        """Whether it pushes against something."""
        return self._bumper_left > 0.0 or self.impairment.bumped

    @property
    def active(self) -> bool:
        """Whether anything but time can change its pose."""
        return self.task is not None or self._command_left > 0.0 or not self.velocity.is_zero

    def lock(self, by: Lock) -> None:
        """Lock all motion; with an infinite stop deceleration the robot stands from now on."""
        self.locks |= {by}
        self.velocity = stopped(self.velocity, self.parameters.drive, 0.0)

    def unlock(self, by: Lock) -> None:
        self.locks -= {by}

    def command(self, velocity: Twist) -> None:
        """Drive at this velocity until the command is stale; what a task in hand wants meanwhile is not heard.

        To stand is a base's last word only until the navigation's next one. A command with a number that is not finite
        is no command: the base drops it.
        """
        if not (math.isfinite(velocity.linear) and math.isfinite(velocity.angular)):
            return
        self._command = limited(velocity, self.parameters.drive)
        limits = self.parameters
        self._command_left = limits.zero_timeout if velocity.is_zero else limits.command_timeout

    def start(self, task: Task) -> None:
        """Begin a task; the one in hand is taken over."""
        if self.task is not None:
            self.task.end(PREEMPTED)
        self.task = task if task.outcome is None else None
        self._until_asked = 0
        self.fail_task()

    def cancel(self, task: Task) -> None:
        """Cancel a task, if it is still in hand."""
        task.end(CANCELED)
        if self.task is task:
            self.task = None

    def clear_costmaps(self) -> None:
        """Forget what was seen standing in the way and is out of sight."""
        if self.task is not None and self.task.drive is not None:
            self.task.drive.clear_costmaps()

    def recharge(self) -> None:
        """Fill the battery, as if it had been exchanged."""
        self.battery = Battery(self.parameters.battery.capacity)

    def impair(self, impairment: Impairment) -> None:
        """From now on; lifted, it stands on no dock."""
        self.impairment = impairment
        if impairment.stands:
            self.velocity = STILL
        self._find_dock()

    def set_charge(self, share: float) -> None:
        """Make the battery hold a share of its capacity, 0 to 1."""
        self.battery = Battery(share * self.parameters.battery.capacity, self.battery.power)

    def put_down(self, pose: Pose) -> None:
        """Stand somewhere else; the wheels did not turn, so neither odometry nor the estimate knows of it."""
        self.pose = pose
        self._find_dock()

    def fail_goals(self, number: int, code: int, times: int) -> None:
        """Have the next so many goals end ABORTED with a code."""
        self.goal_failures = (*self.goal_failures, GoalFailure(number, code, times))

    def forget_failures(self, number: int) -> None:
        self.goal_failures = tuple(f for f in self.goal_failures if f.number != number)

    def fail_task(self) -> None:
        """Let the task in hand fail, if there is one and a failure waits for it."""
        if self.task is None or not self.goal_failures:
            return
        failure, *later = self.goal_failures
        self.task.fail(failure.code, "a fault of the simulation")
        if self.task.outcome is not None:
            self.task = None
        left = () if failure.times == 1 else (replace(failure, times=failure.times - 1),)
        self.goal_failures = (*left, *later)

    def seen(self) -> Neighbour:
        """This robot as the others see it; the same object until something changes."""
        pose, velocity, under_way, seen = self.pose, self.velocity, self.task is not None, self._seen
        if pose is not self._seen_pose or velocity is not self._seen_velocity or under_way is not seen.under_way:
            self._seen_pose, self._seen_velocity = pose, velocity
            self._seen = Neighbour(pose.x, pose.y, pose.yaw, velocity.linear, seen.radius, self.rank, under_way)
        return self._seen

    def step(self, neighbours: tuple[Neighbour, ...], dt: float) -> None:
        """One step of `dt` seconds."""
        if self._bumper_left:
            self._bumper_left = max(0.0, self._bumper_left - dt)
        if self.active:
            self._drive(neighbours, dt)
        self.localization.step(self.pose, self.odometry.pose, dt)
        self._drained_for = (self._drained_for + 1) % ENERGY_STEPS
        if self._drained_for == 1:
            self._flow(dt * ENERGY_STEPS)

    def _flow(self, dt: float) -> None:
        docked, parameters = self.dock is not None, self.parameters
        self.battery = energy.flowed(self.battery, self.velocity, docked, parameters.battery, parameters.drive, dt)

    def _drive(self, neighbours: tuple[Neighbour, ...], dt: float) -> None:
        drive = self.parameters.drive
        wanted = self._wanted(neighbours, dt)
        self.velocity = (
            stopped(self.velocity, drive, dt)
            if wanted is None
            else accelerated(
                self.velocity, wanted if self.impairment is SOUND else self._hampered(wanted), drive, dt
            )
        )
        if self.impairment.stands:
            self.velocity = STILL
        if self.velocity.is_zero:
            self._measure(dt)
            return
        pose = moved(self.pose, self.velocity, dt)
        if self._collides(pose, neighbours):
            self.velocity = STILL
            self.bumps += not self.bumped
            self._bumper_left = BUMPER_HOLD
            return
        self._spare -= abs(self.velocity.linear) * dt * STEEPEST
        if self._spare_at is self.pose:
            self._spare_at = pose
        self.pose = pose
        self._travelled += self.velocity.linear * dt
        self._turned += self.velocity.angular * dt
        self._unmeasured += 1
        if self._unmeasured >= CONTROL_STEPS:
            self._measure(dt)
        self._find_dock()

    def _measure(self, dt: float) -> None:
        """Let odometry have what was driven since the last time."""
        if self._unmeasured:
            seconds = self._unmeasured * dt
            self.odometry.drive(Twist(self._travelled / seconds, self._turned / seconds), seconds)
            self._travelled = self._turned = 0.0
            self._unmeasured = 0

    def _wanted(self, neighbours: tuple[Neighbour, ...], dt: float) -> Twist | None:
        """The velocity to go for; nothing when the motors are off.

        As a navigator, a task knows nothing of locks, of commands that go before its own, nor of an empty battery: it
        goes on, and fails when it makes no progress.
        """
        if self._command_left:
            self._command_left = max(0.0, self._command_left - dt)
        by_task = STILL if self.task is None else self._asked(self.task, neighbours, dt)
        if self.locks or self.battery.energy <= 0.0:
            return None
        if self._command_left > 0.0:
            return self._command
        return self._guarded(by_task, neighbours)

    def _asked(self, task: Task, neighbours: tuple[Neighbour, ...], dt: float) -> Twist:
        """What a task wants, as it said when it was asked last."""
        if self._until_asked > 0:
            self._until_asked -= 1
            return self._wanted_now
        self._until_asked = CONTROL_STEPS - 1
        situation = Situation(
            self.localization.estimate,
            self.velocity,
            self.dock is not None,
            self.rank,
            self._as_believed(neighbours),
            dt * CONTROL_STEPS,
            self.pose,
        )
        self._wanted_now = task.step(situation)
        if task.outcome is not None:
            self.task = None
        return self._wanted_now

    def _guarded(self, wanted: Twist, neighbours: tuple[Neighbour, ...]) -> Twist:
        """As Nav2's collision monitor: no driving on into what the lidar sees, nor towards a person who is close.

        The map says nothing else than the lidar; but where the robot believes to be is a few centimetres off.
        """
        if not wanted.linear:
            return wanted
        braking = self.velocity.linear**2 / (2.0 * self.parameters.drive.linear_acceleration)
        if self._spare < _NEAR + braking and self._runs_into(math.copysign(braking + _STOP_BEFORE, wanted.linear)):
            return Twist(0.0, wanted.angular)
        reach = self.parameters.drive.radius + _PERSON_GAP + braking
        for other in neighbours:
            if other.rank < 0 and self.pose.distance_to(other.x, other.y) < reach + other.radius:
                ahead = abs(self.pose.bearing_to(other.x, other.y)) < math.pi / 2.0
                if ahead == (wanted.linear > 0.0):
                    return Twist(0.0, wanted.angular)
        return wanted

    def _runs_into(self, distance: float) -> bool:
        """Whether it would touch an obstacle after so many metres straight on, and not less than it does now."""
        there = self.pose.ahead(distance)
        room = self._floor.clearance(there.x, there.y)
        return room < self.parameters.drive.radius and room < self._floor.clearance(self.pose.x, self.pose.y)

    def _as_believed(self, neighbours: tuple[Neighbour, ...]) -> tuple[Neighbour, ...]:
        """Neighbours are seen from where the robot is, so they are as far off in the map as its estimate is."""
        estimate = self.localization.estimate
        if not self.localization.lost and estimate.distance_to(self.pose.x, self.pose.y) < _NEGLIGIBLE:
            return neighbours
        off = estimate.compose(self.pose.inverse())
        return tuple(_moved(neighbour, off) for neighbour in neighbours)

    def _hampered(self, wanted: Twist) -> Twist:
        """What is left of a velocity; nothing is driven into that presses the bumper."""
        share = self.impairment.speed
        forward = min(0.0, wanted.linear) if self.impairment.bumped else wanted.linear
        return Twist(forward * share, wanted.angular * share)

    def _collides(self, pose: Pose, neighbours: tuple[Neighbour, ...]) -> bool:
        """Whether a pose overlaps something and is no better than where the robot stands."""
        radius = self.parameters.drive.radius
        if self._spare_at is not self.pose or self._spare < _NEAR:
            room = self._floor.clearance(pose.x, pose.y)
            if room < radius and room <= self._floor.clearance(self.pose.x, self.pose.y):
                return True
            self._spare, self._spare_at = room - radius, self.pose
        x, y = pose.x, pose.y
        for other in neighbours:
            reach = radius + other.radius
            dx, dy = x - other.x, y - other.y
            if dx * dx + dy * dy < reach * reach:
                gap = pose.distance_to(other.x, other.y)
                if gap < reach and gap <= self.pose.distance_to(other.x, other.y):
                    return True
        return False

    def _find_dock(self) -> None:
        x, y = self.pose.x, self.pose.y
        self.dock = None
        west, south, east, north = self._floor.docks_box
        if not (west < x < east and south < y < north) or self.impairment.lifted:
            return
        limits = self.parameters.dock
        for code, dock in self._floor.docks.items():
            if abs(dock.x - x) < _BESIDE and abs(dock.y - y) < _BESIDE and on_dock(self.pose, dock, limits):
                self.dock = code
                return


def _moved(neighbour: Neighbour, off: Pose) -> Neighbour:
    at = off.compose(Pose(neighbour.x, neighbour.y, neighbour.yaw))
    return replace(neighbour, x=at.x, y=at.y, yaw=at.yaw)
