"""People who walk about between free places, around furniture and each other, and out of the way of robots.

Ten times a second each of them weighs some velocities: along the way, aside, slower, none. What would come too near an
obstacle or a robot is out of the question; the rest is judged by how far it leads along the way and how near it brings
others within the next second, looking at where those will be by then. All people are reckoned at once.
"""

import math
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from luna_sim.core.disc import Disc
from luna_sim.core.floor import Floor
from luna_sim.core.geometry import Pose
from luna_sim.core.robot import Robot
from luna_sim.core.task import Neighbour
from luna_sim.core.walkways import Walkways

RADIUS = 0.25
"""Metres."""
SIGHT = 5.0
"""Robots notice people within this distance, metres."""
GAP = 0.12
"""Metres that people leave between themselves and a robot, however narrow it is."""
RANK = -1
"""Before every robot's: people have right of way."""
_PERIOD = 5
"""Steps of the world between two decisions."""
_MARGIN = 0.05
_SPEED = (0.7, 1.2)
"""m/s; each person has a pace of their own."""
_DWELL = (4.0, 25.0)
"""Seconds that people stay where they wanted to go."""
_DESTINATIONS = 12
_ARRIVED = 0.5
_PATIENCE = 3.0
"""Seconds of getting nowhere until a person thinks of somewhere else to go."""
_BEARINGS = np.radians([0, 20, -20, 45, -45, 75, -75, 110, -110, 180])
_SHARES = np.array([1.0, 0.5])
_AHEAD = (0.4, 0.9)
"""Moments looked ahead to, seconds."""
_WARY_OF_ROBOTS, _WARY_OF_PEOPLE = 0.6, 0.4
"""Gaps below these weigh, metres."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on the floor; metres and m/s in `map`."""

    x: float
    y: float
    vx: float
    vy: float
    radius: float = RADIUS


class People:
    """Everybody on a floor; they come in with the first step, where no robot stands."""

    def __init__(self, floor: Floor, count: int, chance: random.Random) -> None:
        self._floor = floor
        self._count = count
        self._chance = chance
        self._steps = 0
        self._neighbours: tuple[Neighbour, ...] | None = None
        self._at = self._velocity = np.zeros((0, 2))
        self._pace = self._dwell = self._nowhere = np.zeros(0)
        self._goal = np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._at)

    @property
    def everybody(self) -> list[Person]:
        rows = np.column_stack([self._at, self._velocity]).tolist()
        return [Person(*row) for row in rows]

    def near(self, pose: Pose) -> tuple[Neighbour, ...]:
        """Those whom a robot at a pose notices, as it sees them."""
        if self._neighbours is None:
            rows = np.column_stack([self._at, self._velocity]).tolist()
            self._neighbours = tuple(
                Neighbour(x, y, math.atan2(vy, vx), math.hypot(vx, vy), RADIUS, RANK) for x, y, vx, vy in rows
            )
        return tuple(n for n in self._neighbours if abs(n.x - pose.x) < SIGHT and abs(n.y - pose.y) < SIGHT)

    def state(self) -> bytes:
        """Everything that moves, for a fingerprint."""
        return self._at.tobytes() + self._velocity.tobytes() + self._dwell.tobytes()

    def step(self, robots: Collection[Robot], obstacles: Sequence[Disc], dt: float) -> None:
        """Walk for `dt` seconds, around what stands on the floor too; call it once per step of the world."""
        if not self._count:
            return
        if self._steps == 0:
            self._come_in(robots, obstacles)
        if self._steps % _PERIOD == 0 and len(self):
            self._decide(_as_seen(robots, obstacles), _PERIOD * dt)
        self._at += self._velocity * dt
        self._steps += 1
        self._neighbours = None

    def _come_in(self, robots: Collection[Robot], obstacles: Sequence[Disc]) -> None:
        chance = self._chance
        self._walkways = Walkways(self._floor, RADIUS + _MARGIN, _DESTINATIONS, chance)
        places = self._start_places(robots, obstacles)
        self._at = np.array(places, dtype=float).reshape(-1, 2)
        self._velocity = np.zeros_like(self._at)
        self._pace = np.array([chance.uniform(*_SPEED) for _ in places])
        self._goal = np.array([chance.randrange(_DESTINATIONS) for _ in places], dtype=np.int64)
        self._dwell, self._nowhere = np.zeros(len(places)), np.zeros(len(places))

    def _start_places(
        self, robots: Collection[Robot], obstacles: Sequence[Disc]
    ) -> list[tuple[float, float]]:
        """Free places apart from robots, obstacles and each other; fewer of them where there is no room."""
        places: list[tuple[float, float]] = []
        for x, y in self._walkways.places(20 * self._count, self._chance):
            taken = [*places, *((robot.pose.x, robot.pose.y) for robot in robots)]
            if any(disc.distance_to(x, y) < RADIUS + GAP for disc in obstacles):
                continue
            if len(places) < self._count and all(math.hypot(x - a, y - b) > 1.0 for a, b in taken):
                places.append((x, y))
        return places

    def _decide(self, robots: Floats, period: float) -> None:
        way = self._wanted(period)
        options = self._options(way)
        score = self._judge(options, way, robots)
        allowed = self._is_possible(options, robots, period)
        # Standing still is the last option, and always possible.
        allowed[:, -1] = True
        best = np.argmax(np.where(allowed, score, -np.inf), axis=1)
        self._velocity = options[np.arange(len(self)), best]

    def _wanted(self, period: float) -> Floats:
        """Unit vector of each person's way, zero for those who stay; those who arrive or are stuck choose anew."""
        staying = self._dwell > 0.0
        self._dwell -= period
        left = self._walkways.destinations[self._goal] - self._at
        for index in np.flatnonzero(~staying & (np.sum(left**2, axis=1) < _ARRIVED**2)).tolist():
            self._dwell[index] = self._chance.uniform(*_DWELL)
        slow = np.sum(self._velocity**2, axis=1) < (0.3 * self._pace) ** 2
        self._nowhere = np.where(slow & (self._dwell <= 0.0), self._nowhere + period, 0.0)
        for index in np.flatnonzero((staying & (self._dwell <= 0.0)) | (self._nowhere > _PATIENCE)).tolist():
            self._goal[index] = self._chance.randrange(_DESTINATIONS)
            self._nowhere[index] = 0.0
        way = self._walkways.directions(self._goal, self._at[:, 0], self._at[:, 1])
        way[self._dwell > 0.0] = 0.0
        return way

    def _options(self, way: Floats) -> Floats:
        """Velocities to choose from, shape (people, options, 2); the last one is standing still."""
        angles = np.arctan2(way[:, 1], way[:, 0])[:, None] + _BEARINGS
        speeds = self._pace[:, None, None] * _SHARES
        heading = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        moving = (heading[:, :, None, :] * speeds[..., None]).reshape(len(self), -1, 2)
        return np.concatenate([moving, np.zeros((len(self), 1, 2))], axis=1)

    def _judge(self, options: Floats, way: Floats, robots: Floats) -> Floats:
        score: Floats = np.einsum("nok,nk->no", options, way) / self._pace[:, None]
        steadiness = np.sqrt(np.sum((options - self._velocity[:, None]) ** 2, axis=-1)) / self._pace[:, None]
        score -= 0.15 * steadiness
        for t in _AHEAD:
            later = self._at[:, None] + options * t
            room = self._floor.clearance_field(later[..., 0], later[..., 1])
            score -= 4.0 * (room < RADIUS)
            score -= 1.5 * _nearness(later, robots[:, :2] + robots[:, 2:4] * t, robots[:, 4], _WARY_OF_ROBOTS)
            others = self._at + self._velocity * t
            score -= 1.2 * _nearness(later, others, np.full(len(self), RADIUS), _WARY_OF_PEOPLE, selves=True)
        return score

    def _is_possible(self, options: Floats, robots: Floats, period: float) -> NDArray[np.bool_]:
        """What keeps off obstacles and robots until the next decision, or at least leads away from those."""
        possible = np.ones(options.shape[:2], dtype=bool)
        halfway, later = (self._at[:, None] + options * t for t in (period / 2.0, period))
        for at in (halfway, later):
            possible &= self._floor.clearance_field(at[..., 0], at[..., 1]) >= RADIUS
        people = np.column_stack([self._at, self._velocity, np.full(len(self), RADIUS)])
        for others, gap in ((robots, GAP), (people, 0.0)):
            now = _distances(self._at[:, None], others[:, :2])
            # Others may go on or stand; oneself, at a distance of nothing, is not in the way.
            going, standing = others[:, :2] + others[:, 2:4] * period, others[:, :2]
            near = np.minimum(_distances(later, going), _distances(later, standing))
            possible &= np.all((near >= RADIUS + others[:, 4] + gap) | (near > now + 1e-6) | (now == 0.0), axis=-1)
        return possible


def _as_seen(robots: Collection[Robot], obstacles: Sequence[Disc]) -> Floats:
    """Position, velocity and radius of robots and of what stands on the floor, shape (n, 5)."""
    rows = [(disc.x, disc.y, 0.0, 0.0, disc.radius) for disc in obstacles]
    for robot in robots:
        pose, speed = robot.pose, robot.velocity.linear
        velocity = speed * math.cos(pose.yaw), speed * math.sin(pose.yaw)
        rows.append((pose.x, pose.y, *velocity, robot.parameters.drive.radius))
    return np.array(rows, dtype=float).reshape(-1, 5)


def _distances(at: Floats, others: Floats) -> Floats:
    """From points (n, o, 2) to others (m, 2): shape (n, o, m)."""
    x, y = at[..., 0, None] - others[:, 0], at[..., 1, None] - others[:, 1]
    distances: Floats = np.sqrt(x * x + y * y)
    return distances


def _nearness(at: Floats, others: Floats, radii: Floats, wary: float, *, selves: bool = False) -> Floats:
    """How much the gaps between people and others fall short of a distance, squared and summed; shape (n, o).

    `selves`: the others are these people, and nobody is near to themselves.
    """
    short = np.minimum(np.maximum(1.0 - (_distances(at, others) - RADIUS - radii) / wary, 0.0), 2.0)
    if selves:
        short[np.arange(len(others)), :, np.arange(len(others))] = 0.0
    total: Floats = np.sum(short**2, axis=-1)
    return total
