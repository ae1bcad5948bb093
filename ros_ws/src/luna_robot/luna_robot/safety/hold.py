"""What a lock asks of the base again while it lasts. Times in seconds of a steady clock.

twist_mux holds back what comes after the lock reached it; a velocity that it let pass just before would be the base's
last word until that is stale. And what the base drives by itself (docking, undocking) does not pass twist_mux at all.
"""

from __future__ import annotations

from dataclasses import dataclass

ZEROES = 1.0
"""Seconds after a lock in which the zero velocity is told again."""
CALL_OFF_AFTER = 0.3
"""Seconds that the navigation has to cancel by itself what it asked of the base."""
CALL_OFF_AGAIN = 1.0
"""Seconds between two such calls: a goal may have been on its way."""


@dataclass(frozen=True, slots=True)
class Due:
    zero: bool = False
    """The zero velocity."""
    call_off: bool = False
    """Cancel whatever the base drives by itself."""


class Hold:
    def __init__(self) -> None:
        self._since: float | None = None
        self._called_off_at = float("-inf")

    def due(self, locked: bool, now: float) -> Due:
        """What is due now; to be asked at every tick."""
        if not locked:
            self._since = None
            return Due()
        if self._since is None:
            self._since, self._called_off_at = now, now + CALL_OFF_AFTER - CALL_OFF_AGAIN
        call_off = now - self._called_off_at >= CALL_OFF_AGAIN
        if call_off:
            self._called_off_at = now
        return Due(now - self._since <= ZEROES, call_off)
