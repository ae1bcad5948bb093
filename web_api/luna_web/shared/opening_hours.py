"""When the library is open, as its administrators say: by the week, in its own time zone, but for single days."""

from datetime import date, datetime, time
from enum import IntEnum
from itertools import pairwise
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from luna_web.shared.fields import Input

MIDNIGHT = time(0)


class Weekday(IntEnum):
    """As `datetime.weekday` counts."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6


class OpenSpan(Input):
    """Open from `opens` until `closes`, local time; 00:00 as its end is midnight."""

    opens: time
    closes: time

    @model_validator(mode="after")
    def _closes_after_it_opens(self) -> Self:
        if self.opens.tzinfo or self.closes.tzinfo:
            raise ValueError("times are local: give them without an offset")
        if self.closes not in (MIDNIGHT,) and self.closes <= self.opens:
            raise ValueError("closes must be later than opens; a night has a span on each of its days")
        return self

    def holds(self, at: time) -> bool:
        return self.opens <= at and (at < self.closes or self.closes == MIDNIGHT)


Day = Annotated[list[OpenSpan], Field(max_length=8)]
Week = dict[str, Day]


class OpeningHours(Input):
    """`week` null = always open. A day that it does not name is closed, and so is each of `closed_on`."""

    timezone: Annotated[
        str, Field(min_length=1, max_length=64, description="IANA name: Europe/Rome; figures by day go by it too")
    ] = "UTC"
    week: Annotated[Week, Field(max_length=7, description="MONDAY … SUNDAY: spans, earliest first")] | None = None
    closed_on: Annotated[list[date], Field(max_length=400)] = Field(default_factory=list)

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("must be the name of a time zone, such as Europe/Rome") from None
        return value

    @field_validator("week")
    @classmethod
    def _is_a_week(cls, value: Week | None) -> Week | None:
        for name, spans in (value or {}).items():
            if name not in Weekday.__members__:
                raise ValueError(f"{name}: must be one of {', '.join(Weekday.__members__)}")
            for earlier, later in pairwise(spans):
                if earlier.closes == MIDNIGHT or later.opens < earlier.closes:
                    raise ValueError(f"{name}: spans must follow each other and not overlap")
        return value

    def is_open(self, at: datetime) -> bool:
        """Whether the library is open at that moment."""
        if self.week is None and not self.closed_on:
            return True
        local = at.astimezone(ZoneInfo(self.timezone))
        if local.date() in self.closed_on:
            return False
        if self.week is None:
            return True
        return any(span.holds(local.time()) for span in self.week.get(Weekday(local.weekday()).name, ()))
