"""Right of way between robots: how far the way ahead is free of others."""

import math
from collections.abc import Iterable, Sequence

from luna_sim.core.disc import Disc
from luna_sim.core.geometry import Pose
from luna_sim.core.path import Path
from luna_sim.core.task import Neighbour
from luna_sim.core.value import value

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
_STRIDE = 2


@value
class Way:
    """Metres along a path that are free, and who is in the way then."""

    free: float
    blocker: Neighbour | None = None


OPEN = Way(math.inf)


def free_way(path: Path, nearest: int, pose: Pose, rank: int, radius: float, others: Iterable[Neighbour]) -> Way:
    """How far it is along the path to where somebody would be touched."""
    best = OPEN
    for other in others:
        dx, dy = other.x - pose.x, other.y - pose.y
        if dx * dx + dy * dy >= (HORIZON + 2.0 * other.radius + 0.5) ** 2:
            continue
        reach = other.radius + radius + SPACE
        for x, y in _places(other, rank):
            ahead = _contact(path, nearest, pose, x, y, reach)
            if ahead < best.free:
                best = Way(ahead, other)
    return best


def standing(others: Iterable[Neighbour], margin: float) -> tuple[Disc, ...]:
    """Those that stand still, as things to plan around."""
    return tuple(Disc(o.x, o.y, o.radius + margin) for o in others if o.is_standing)


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
    if other.is_standing:
        return [(other.x, other.y)]
    dx, dy = other.speed * math.cos(other.yaw), other.speed * math.sin(other.yaw)
    moments = _FORESEEN_YIELDING if other.rank > rank else _FORESEEN
    return [(other.x + dx * t, other.y + dy * t) for t in moments]


def _contact(path: Path, nearest: int, pose: Pose, x: float, y: float, reach: float) -> float:
    """Distance to the first point of the path within reach of a place, if the path leads closer to it than now."""
    dx, dy = x - pose.x, y - pose.y
    now = math.sqrt(dx * dx + dy * dy)
    nearer = min(reach, now - _SLACK)
    if nearer <= 0.0 or now - reach > HORIZON:
        return math.inf
    square = nearer * nearer
    xs, ys, along = path.xs, path.ys, path.along
    start = along[nearest]
    for index in range(nearest, len(xs), _STRIDE):
        if along[index] - start > HORIZON:
            break
        dx, dy = x - xs[index], y - ys[index]
        if dx * dx + dy * dy < square:
            return along[index] - start
    return math.inf
