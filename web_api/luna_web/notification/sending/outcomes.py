"""What comes of sending a letter, and when it is tried again. Pure."""

from dataclasses import dataclass
from datetime import timedelta

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=15)
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Sent:
    """Somebody has taken it over."""


@dataclass(frozen=True, slots=True)
class Later:
    """Not now; not before `wait` if the other side said so. What was not even `tried` is no attempt."""

    reason: str
    wait: timedelta = timedelta()
    tried: bool = True


@dataclass(frozen=True, slots=True)
class Refused:
    """Not now and not later."""

    reason: str


@dataclass(frozen=True, slots=True)
class Gone:
    """Its address does not exist any more."""

    reason: str


Outcome = Sent | Later | Refused | Gone


class NotWanted(Exception):
    """A letter is not to be sent to this person any more; the text says why."""


def pause(attempts: int, luck: float) -> timedelta:
    """How long to wait after so many attempts; `luck` in 0…1 spreads letters that failed together.

    Twice as long each time, up to a quarter of an hour: so a letter that lasts a day is tried a hundred times at most.
    """
    longest = min(FIRST_PAUSE * 2.0 ** min(attempts - 1, 20), LONGEST_PAUSE)
    return longest * (0.5 + luck / 2)
