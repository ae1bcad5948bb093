"""A path: points close together with the distance along it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SPACING = 0.05
"""Metres between the points of a finished path."""


@dataclass(frozen=True, slots=True)
class Path:
    """Points about `SPACING` apart; `along[i]` is the distance from the first point to point i, metres."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    along: tuple[float, ...]
    goal_yaw: float

    @property
    def length(self) -> float:
        return self.along[-1]

    def heading(self, index: int) -> float:
        """Direction of travel at a point; at the last one, where the robot shall look."""
        if index >= len(self.xs) - 1:
            return self.goal_yaw
        return math.atan2(self.ys[index + 1] - self.ys[index], self.xs[index + 1] - self.xs[index])


def make_path(points: NDArray[np.float64], goal_yaw: float) -> Path:
    """A path over points of shape (n, 2)."""
    steps = np.hypot(*np.diff(points, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    return Path(tuple(points[:, 0].tolist()), tuple(points[:, 1].tolist()), tuple(along.tolist()), goal_yaw)


def joined(paths: Sequence[Path]) -> Path:
    """One path along several, each of which begins where the one before ends."""
    points = [np.column_stack([p.xs, p.ys])[1 if n else 0 :] for n, p in enumerate(paths)]
    return make_path(np.concatenate(points), paths[-1].goal_yaw)


def resampled(corners: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """Points at most `SPACING` apart along straight lines between corners, shape (n, 2)."""
    at = np.asarray(corners, dtype=float)
    steps = np.hypot(*np.diff(at, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.linspace(0.0, along[-1], max(2, math.ceil(along[-1] / SPACING) + 1))
    return np.column_stack([np.interp(wanted, along, at[:, 0]), np.interp(wanted, along, at[:, 1])])
