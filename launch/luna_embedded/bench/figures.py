"""Figures of a series of measurements. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figures:
    """What a series of durations comes to, in milliseconds."""

    name: str
    count: int
    p50: float
    p99: float
    longest: float

    @classmethod
    def of(cls, name: str, seconds: Sequence[float]) -> Figures:
        """Figures of durations in seconds. Raises ValueError if there are none."""
        if not seconds:
            raise ValueError(f"{name}: nothing was measured")
        ordered = sorted(seconds)
        return cls(name, len(ordered), *(round(1000 * at(ordered, share), 2) for share in (0.5, 0.99, 1.0)))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def at(ordered: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the ordered values lie (nearest rank)."""
    return ordered[max(0, min(len(ordered) - 1, round(share * len(ordered)) - 1))]
