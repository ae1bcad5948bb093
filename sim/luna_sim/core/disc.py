"""Something round that stands in the way at this moment."""

import math

from luna_sim.core.value import value


@value
class Disc:
    """A disc on the floor, metres."""

    x: float
    y: float
    radius: float

    def distance_to(self, x: float, y: float) -> float:
        """Metres from its edge to a point; negative inside."""
        return math.hypot(x - self.x, y - self.y) - self.radius


def segment_distance(disc: Disc, a: tuple[float, float], b: tuple[float, float]) -> float:
    """Metres from a disc's centre to the nearest point of the segment from a to b."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    square = dx * dx + dy * dy
    share = 0.0 if square == 0.0 else ((disc.x - a[0]) * dx + (disc.y - a[1]) * dy) / square
    share = min(1.0, max(0.0, share))
    return math.hypot(a[0] + share * dx - disc.x, a[1] + share * dy - disc.y)
