"""Right of way between robots: how far the way ahead is free of others."""

import math
from collections.abc import Iterable, Sequence

from luna_sim.core.disc import Disc
from luna_sim.core.geometry import Pose
from luna_sim.core.path import Path
from luna_sim.core.task import Neighbour

HORIZON = 1.2
"""Metres of path that are looked at."""
SPACE = 0.04
"""Free space that robots keep from each other, metres."""
STANDOFF = 0.15
"""A robot stops this far before it would come into that space, metres."""
_FORESEEN = (0.0, 0.5, 1.0, 1.5)
"""Moments at which a robot with right of way is expected along its heading, seconds ahead."""
_FORESEEN_YIELDING = (0.0, 0.5)
"""Likewise for one that has to give way, in case it can't."""
_SLACK = 0.01
"""A path that comes this much nearer counts as leading no nearer, metres."""
_STANDING = 0.05
_STRIDE = 2


def free_way(path: Path, nearest: int, pose: Pose, rank: int, radius: float, others: Iterable[Neighbour]) -> float:
    """Metres along the path to where another robot would be touched; infinite when nobody is in the way."""
    places = [
        (x, y, o.radius + radius + SPACE)
        for o in others
        if math.hypot(o.x - pose.x, o.y - pose.y) < HORIZON + 2.0 * o.radius + 0.5
        for x, y in _places(o, rank)
    ]
    if not places:
        return math.inf
    return min((_contact(path, nearest, pose, *place) for place in places), default=math.inf)


def standing(others: Iterable[Neighbour], pose: Pose, margin: float, reach: float = 5.0) -> tuple[Disc, ...]:
    """Robots nearby that stand still, as things to plan around."""
    return tuple(
        Disc(o.x, o.y, o.radius + margin)
        for o in others
        if abs(o.speed) < _STANDING and math.hypot(o.x - pose.x, o.y - pose.y) < reach
    )


def keep_off(others: Iterable[Neighbour], pose: Pose, radius: float) -> tuple[Disc, ...]:
    """Where the centre of a robot of some radius should not be for the robots close by, whether they move or not."""
    return tuple(
        Disc(o.x, o.y, o.radius + radius + SPACE) for o in others if math.hypot(o.x - pose.x, o.y - pose.y) < HORIZON
    )


def has_priority(rank: int, others: Sequence[Neighbour], pose: Pose) -> bool:
    """Whether this robot goes first among those close by."""
    near = [o.rank for o in others if math.hypot(o.x - pose.x, o.y - pose.y) < HORIZON + 1.0]
    return all(rank < other for other in near)


def _places(other: Neighbour, rank: int) -> list[tuple[float, float]]:
    """Where the other is and, if it moves, will soon be."""
    if abs(other.speed) < _STANDING:
        return [(other.x, other.y)]
    dx, dy = other.speed * math.cos(other.yaw), other.speed * math.sin(other.yaw)
    moments = _FORESEEN_YIELDING if other.rank > rank else _FORESEEN
    return [(other.x + dx * t, other.y + dy * t) for t in moments]


def _contact(path: Path, nearest: int, pose: Pose, x: float, y: float, reach: float) -> float:
    """Distance to the first point of the path within reach of a place, if the path leads closer to it than now."""
    nearer = math.hypot(x - pose.x, y - pose.y) - _SLACK
    start = path.along[nearest]
    for index in range(nearest, len(path.xs), _STRIDE):
        ahead = path.along[index] - start
        if ahead > HORIZON:
            break
        distance = math.hypot(x - path.xs[index], y - path.ys[index])
        if distance < reach and distance < nearer:
            return ahead
    return math.inf
