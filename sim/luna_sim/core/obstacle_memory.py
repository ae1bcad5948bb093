"""What a robot has seen standing in the way: the obstacle layer of Nav2's global costmap, as far as planning needs it.

What is within sight is known as it is now; what is further away stays where it was seen last, until the robot comes
by and sees it gone, or the costmap is cleared.
"""

from collections.abc import Iterable

from luna_sim.core.disc import Disc
from luna_sim.core.geometry import Pose
from luna_sim.core.task import Neighbour
from luna_sim.core.traffic import standing

SIGHT = 5.0
"""Metres within which nothing is overlooked (robots and people are seen so far, other things further)."""
_SAME_PLACE = 0.5
"""Metres."""


class ObstacleMemory:
    """Of one drive."""

    def __init__(self) -> None:
        self._seen: tuple[Neighbour, ...] = ()
        self._places: set[tuple[int, int]] = set()
        self._news = False

    def look(self, pose: Pose, neighbours: Iterable[Neighbour]) -> None:
        """Take in what is seen from a pose."""
        there = tuple(n for n in neighbours if n.is_standing)
        now = {(n.x, n.y) for n in there}
        kept = (n for n in self._seen if pose.distance_to(n.x, n.y) >= SIGHT and (n.x, n.y) not in now)
        self._seen = (*kept, *there)
        for n in there:
            place = round(n.x / _SAME_PLACE), round(n.y / _SAME_PLACE)
            self._news |= place not in self._places
            self._places.add(place)

    def anything_new(self) -> bool:
        """Whether something was seen where nothing had ever stood, since this was asked last."""
        news, self._news = self._news, False
        return news

    def clear(self) -> None:
        """Know nothing but what will be seen."""
        self._seen = ()

    def discs(self, margin: float, *, only_staying: bool = False) -> tuple[Disc, ...]:
        """To plan around, so many metres wider than they are; perhaps without those that have somewhere to go."""
        return standing((n for n in self._seen if not (only_staying and n.under_way)), margin)
