"""One-way aisles: driving against their direction is possible, but dear."""

import math
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from luna_floor.model import OneWay

AGAINST = 4.0
"""How many times longer a metre seems in a lane that leads the other way."""
_LEAST = 0.5
"""Metres against a lane's direction that count."""


class Lanes:
    """The lanes of a floor on a planning grid with cell centres `xs`, `ys` (metres)."""

    def __init__(self, lanes: Sequence[OneWay], xs: NDArray[np.float64], ys: NDArray[np.float64]) -> None:
        self._lanes = lanes
        self._cells = [_inside(lane, xs, ys) for lane in lanes]

    def against(self, points: Sequence[tuple[float, float]]) -> list[int]:
        """Numbers of the lanes through which a path (points in order) leads against their direction."""
        if not self._lanes:
            return []
        at = np.asarray(points)
        middle, step = (at[:-1] + at[1:]) / 2.0, np.diff(at, axis=0)
        return [
            number
            for number, lane in enumerate(self._lanes)
            if np.sum(
                (step @ (math.cos(lane.heading), math.sin(lane.heading)))[_inside(lane, middle[:, 0], middle[:, 1])]
            )
            < -_LEAST
        ]

    def dearness(self, numbers: Collection[int]) -> NDArray[np.float64] | float:
        """What costs are multiplied by, per cell, when these lanes are not to be taken."""
        if not numbers:
            return 1.0
        return np.where(np.any([self._cells[n] for n in numbers], axis=0), AGAINST, 1.0)


def _inside(lane: OneWay, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> NDArray[np.bool_]:
    rect = lane.rect
    found: NDArray[np.bool_] = (
        (xs >= rect.x) & (xs <= rect.x + rect.width) & (ys >= rect.y) & (ys <= rect.y + rect.height)
    )
    return found
