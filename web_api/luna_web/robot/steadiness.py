"""When staff are told that a robot is silent: once, however often it comes and goes. Pure."""

from datetime import datetime, timedelta

STEADY = timedelta(minutes=5)
"""A robot that was heard for so long without a break is there, and one that was silent for so long is gone."""


def tells_of_silence(
    heard_since: datetime | None, told_at: datetime | None, silent_since: datetime, now: datetime
) -> bool:
    """Whether staff are to be told now. `heard_since`: when it last came back; `told_at`: when they were told last.

    At once of the first silence and of each after the robot had been heard steadily; of one between, as of one that was
    told of already, only once it has lasted.
    """
    if heard_since is None:  # nobody has ever heard of it
        return False
    if told_at is None:
        return True
    return told_at < heard_since and (silent_since - heard_since >= STEADY or now - silent_since >= STEADY)
