"""Days of a library, as they begin and end where it stands. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MOST = 732
"""Two years, one of them a leap year, and a day."""


@dataclass(frozen=True, slots=True)
class Days:
    """Days from `first` to `last`, both included, in a time zone (IANA name)."""

    first: date
    last: date
    time_zone: str

    @property
    def dates(self) -> Sequence[date]:
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]

    @property
    def borders(self) -> Sequence[datetime]:
        """The instants at which the days begin, and that at which the last one ends: one more than there are days.

        A day that the clocks are changed on has 23 or 25 hours.
        """
        zone = ZoneInfo(self.time_zone)
        midnights = [*self.dates, self.last + timedelta(days=1)]
        return [datetime.combine(day, time(), zone).astimezone(UTC) for day in midnights]


def today(now: datetime, time_zone: str) -> date:
    return now.astimezone(ZoneInfo(time_zone)).date()
