"""When a mail goes out, when it is tried again, when it is too late: decided without clock, server or database."""

from collections.abc import Sequence
from datetime import datetime, timedelta

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=15)
BURST, BURST_IN, SPACING = 3, timedelta(minutes=30), timedelta(minutes=10)


def next_try(asked: datetime, ends: datetime, now: datetime, luck: float) -> timedelta:
    """How long a mail waits that could not leave at `now`; it is worth sending from `asked` until `ends`.

    Half as long again as it has waited so far: from a second up to 15 minutes, or a fifteenth of its time where that is
    less, so that a try falls soon after the server is back. `luck` in 0…1 spreads those that failed together. The last
    pause leads to the end, where it is given up.
    """
    longest = min(LONGEST_PAUSE, (ends - asked) / 15)
    pause = min(max((now - asked) / 2, FIRST_PAUSE), longest)
    return max(min(pause * (0.5 + luck / 2), ends - now), timedelta())


def room_in(sent: Sequence[datetime], now: datetime, lasts: timedelta) -> timedelta:
    """How long until a person may get another mail of a kind, after those that were sent; nothing = now.

    Three in half an hour go at once. Then one goes every ten minutes, or in every third of the time that a link lasts
    where that is less, so that whoever waits for it gets one that works.
    """
    recent = [at for at in sent if at > now - BURST_IN]
    if len(recent) < BURST:
        return timedelta()
    return max(max(recent) + min(SPACING, lasts / 3) - now, timedelta())
