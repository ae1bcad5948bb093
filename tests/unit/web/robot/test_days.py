"""Days as they begin and end where a library stands."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from luna_web.robot.days import Days, today

ZONES = ("UTC", "Europe/Vienna", "Asia/Kathmandu", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia")


def test_days_on_which_clocks_are_changed_are_shorter_and_longer() -> None:
    for day, hours in ((date(2026, 3, 29), 23), (date(2026, 3, 30), 24), (date(2026, 10, 25), 25)):
        begins, ends = Days(day, day, "Europe/Vienna").borders
        assert ends - begins == timedelta(hours=hours)


@given(st.dates(date(2000, 1, 1), date(2099, 12, 1)), st.integers(0, 40), st.sampled_from(ZONES))
def test_days_follow_one_another_without_gap_and_each_instant_is_on_its_own(first: date, more: int, zone: str) -> None:
    days = Days(first, first + timedelta(days=more), zone)
    borders = days.borders
    assert len(borders) == len(days.dates) + 1
    assert all(begin <= end for begin, end in pairwise(borders))
    for day, (begin, end) in zip(days.dates, pairwise(borders), strict=True):
        if begin < end:  # Samoa had no 30 December 2011
            assert today(begin, zone) == day
            assert today(end - timedelta(microseconds=1), zone) == day


def test_today_is_that_of_the_library() -> None:
    late = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert (today(late, "UTC"), today(late, "Europe/Vienna")) == (date(2026, 3, 1), date(2026, 3, 2))
