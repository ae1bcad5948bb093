"""When a mail goes out, when it is tried again, when it is too late: decided without clock, server or database."""

from datetime import datetime, timedelta

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=15)


def next_try(asked: datetime, ends: datetime, now: datetime, luck: float) -> timedelta:
    """How long a mail waits that could not leave at `now`; it is worth sending from `asked` until `ends`.

    Half as long again as it has waited so far: from a second up to 15 minutes, or a fifteenth of its time where that is
    less, so that a try falls soon after the server is back. `luck` in 0…1 spreads those that failed together. The last
    pause leads to the end, where it is given up.
    """
    longest = min(LONGEST_PAUSE, (ends - asked) / 15)
    pause = min(max((now - asked) / 2, FIRST_PAUSE), longest)
    return max(min(pause * (0.5 + luck / 2), ends - now), timedelta())
