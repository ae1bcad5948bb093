"""How fast simulated time goes by: the factor that is asked for, and the one that is reached."""

SLOWEST, FASTEST = 0.1, 100.0
"""Bounds of the factor."""
_BEHIND = 0.5
"""A simulation this many seconds of wall time behind gives up catching up: it runs slower than asked."""
_WINDOW = 2.0
"""Seconds of wall time over which the factor reached is measured."""


class Pace:
    """Says how many steps are due. Wall times are seconds of a steady clock."""

    def __init__(self, factor: float, step: float, now: float) -> None:
        """`step`: length of one, seconds of simulated time."""
        self.factor = factor
        """Asked for; may be changed at any time."""
        self.reached = factor
        """Over the last whole window."""
        self._step = step
        self._at = self._since = now
        self._owed = 0.0
        self._steps = 0

    def due(self, now: float) -> int:
        """How many steps are owed now. Those that are not taken stay owed, up to `_BEHIND` seconds of wall time.

        And a step that has begun, beyond them: slow ones take longer than anybody is behind.
        """
        self._measure(now)
        # A factor that was lowered meanwhile owes no more than that either.
        self._owed = min(self._owed + (now - self._at) * self.factor, self._step + _BEHIND * self.factor)
        self._at = now
        # A step more or less is not to depend on how a sum of floats is rounded.
        return int(self._owed / self._step + 1e-9)

    def took(self, steps: int) -> None:
        """So many of them were taken."""
        self._owed = max(0.0, self._owed - steps * self._step)
        self._steps += steps

    def _measure(self, now: float) -> None:
        passed = now - self._since
        if passed >= _WINDOW:
            self.reached = self._steps * self._step / passed
            self._since, self._steps = now, 0
