"""Time that passes, measured by a clock that may not be there yet, be set back, or jump."""

from __future__ import annotations

LONGEST = 60.0
"""Seconds between two looks; a clock that has moved on further has jumped."""


class Stopwatch:
    """Counts up from zero by what the clock moves on between two looks; not by jumps, nor backwards."""

    def __init__(self) -> None:
        self.total = 0.0
        """Seconds."""
        self._seen = 0.0

    def look(self, now: float) -> float:
        """Seconds since the last look. Zero is what a simulation's clock says before it is heard."""
        elapsed = now - self._seen if self._seen else 0.0
        self._seen = now
        if not 0.0 <= elapsed <= LONGEST:
            return 0.0
        self.total += elapsed
        return elapsed
