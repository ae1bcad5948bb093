"""What the demonstration has shown: how long each phase took and how far the robot drove. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from luna_embedded.demo.client import Json
from luna_embedded.demo.floorplan import Pose

JITTER = 0.01  # metres; smaller steps are noise of the pose, not driving
LEAP = 2.0  # metres between two looks; a longer step is a lost pose, not driving


@dataclass(frozen=True)
class Span:
    """A stretch of a delivery's history, in seconds."""

    name: str
    seconds: float


def spans(history: Sequence[Json]) -> list[Span]:
    """How long each state of a task held, oldest first, from the rows of ``/deliveries/{id}/history``.

    The last state is open-ended and left out.
    """
    rows = sorted(history, key=lambda row: row["at"])
    return [Span(_state(row), (_time(later) - _time(row)).total_seconds()) for row, later in pairwise(rows)]


def _state(row: Json) -> str:
    return str(row.get("phase") or row["to_status"])


def _time(row: Json) -> datetime:
    return datetime.fromisoformat(row["at"])


def distance(trail: Iterable[Pose]) -> float:
    """Metres along a trail of poses."""
    steps = (math.hypot(b.x - a.x, b.y - a.y) for a, b in pairwise(trail))
    return sum(step for step in steps if JITTER <= step <= LEAP)
