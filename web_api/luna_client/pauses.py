"""How long to wait: before the next connection, before a fresh token is sent. Pure; all times in seconds."""

from dataclasses import dataclass

FIRST = 0.25
LONGEST = 15.0
STEADY = 10.0
"""A connection of use that lasted so long: the next loss is a first one again."""
SENT_AWAY = frozenset({1001, 1012, 1013, 4429})
"""The server stops, is full or has had too much of us: all of its clients hear that at the same moment."""
SPREAD = 2.0
"""Over so long at least those come back."""
RENEW_BEFORE = 60.0
SOONEST_RENEWAL = 1.0


@dataclass
class Pauses:
    """They double from one loss to the next. A server that takes us and loses us at once is not hammered either."""

    next: float = FIRST

    def after(self, lasted: float, code: int | None, chance: float) -> float:
        """`lasted`: for how long the connection was of use, 0 if never; `code`: of its close; `chance` in [0, 1)."""
        pause = FIRST if lasted >= STEADY else self.next
        self.next = min(2 * pause, LONGEST)
        if code in SENT_AWAY:
            return max(pause, SPREAD) * chance + pause / 2
        return pause * (0.5 + chance / 2)


def renewal_after(expires_in: float) -> float:
    """A minute before the token's end, or at half its life if that is shorter; whoever is given an old one again waits.

    From how long the server says that it is good: our clock may be wrong.
    """
    return max(expires_in - RENEW_BEFORE, expires_in / 2, SOONEST_RENEWAL)
