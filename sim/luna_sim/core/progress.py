"""Whether a drive gets on.

Two clocks: one for recoveries, which starts anew with every path, as Nav2's progress checker looks at motion alone; and
one for giving up. A detour leads away from the goal for a while, so one around something that was not known starts the
second clock anew too; but one that leads where the robot has been before does not, or it would drive to and fro between
two blocked ways for good. Nav2's tree counts its recoveries for the same reason (`number_of_retries`).
"""

import math

_STEP = 0.05
"""Metres that count as progress."""
DETOURS = 6
"""So many detours start the clock anew until the robot is `_NEARER` to its goal than ever (as `number_of_retries`)."""
_NEARER = 1.0
"""Metres along the path."""


class ProgressChecker:
    """Of one drive; distances are metres left along the path, times seconds since the drive began."""

    def __init__(self) -> None:
        self._left = self._best = self._nearest = math.inf
        self._moved_at = self._better_at = 0.0
        self._detours = 0

    def follow(self, length: float, *, news: bool) -> None:
        """Another path is followed from now on; `news`: because of something that was not known before."""
        self._left = length
        if length <= self._best:
            self._best = length
        elif news and self._detours < DETOURS:
            self._detours += 1
            self._best = length

    def gets_on(self, left: float, now: float) -> bool:
        """Note how far it is; says whether both clocks started anew."""
        moved, better = left < self._left - _STEP, left < self._best - _STEP
        if moved:
            self._left, self._moved_at = left, now
        if better:
            self._best, self._better_at = left, now
        if left < self._nearest - _NEARER:
            self._nearest, self._detours = left, 0
        return moved and better

    def excuse(self, now: float) -> None:
        """What has passed so far is not held against it: it made room for another."""
        self._moved_at = self._better_at = now

    def stuck_for(self, now: float) -> float:
        """Seconds without getting on along the path."""
        return now - self._moved_at

    def fruitless_for(self, now: float) -> float:
        """Seconds without getting nearer to the goal."""
        return now - self._better_at
