"""When the library is open."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from luna_web.shared.opening_hours import OpeningHours

WEEK = {
    "MONDAY": [{"opens": "09:00", "closes": "12:00"}, {"opens": "13:00", "closes": "18:00"}],
    "FRIDAY": [{"opens": "20:00", "closes": "00:00"}],
}
HOURS = OpeningHours.model_validate({"timezone": "Europe/Rome", "week": WEEK, "closed_on": ["2026-03-09"]})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-03-02T07:59", False),
        ("2026-03-02T08:00", True),
        ("2026-03-02T11:30", False),
        ("2026-03-02T16:59", True),
        ("2026-03-02T17:00", False),
        ("2026-03-09T09:00", False),
        ("2026-03-03T10:00", False),
        ("2026-03-06T22:59", True),
        ("2026-03-06T23:00", False),
        ("2026-07-06T07:00", True),
    ],
)
def test_local_time_decides(moment: str, is_open: bool) -> None:
    assert HOURS.is_open(at(moment)) is is_open


def test_without_a_week_it_is_always_open_but_for_single_days() -> None:
    assert OpeningHours().is_open(at("2026-01-01T03:00"))
    closed = OpeningHours.model_validate({"closed_on": ["2026-01-01"]})
    assert not closed.is_open(at("2026-01-01T03:00")) and closed.is_open(at("2026-01-02T03:00"))


def test_a_week_without_days_is_closed() -> None:
    assert not OpeningHours(week={}).is_open(at("2026-03-02T10:00"))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"timezone": "Middle/Earth"}, "time zone"),
        ({"timezone": "../etc/passwd"}, "time zone"),
        ({"week": {"Monday": []}}, "must be one of MONDAY"),
        ({"week": {"MONDAY": [{"opens": "10:00", "closes": "09:00"}]}}, "later than opens"),
        ({"week": {"MONDAY": [{"opens": "09:00+02:00", "closes": "10:00"}]}}, "local"),
        ({"week": {"MONDAY": [*WEEK["MONDAY"], {"opens": "17:00", "closes": "19:00"}]}}, "overlap"),
        ({"week": {"FRIDAY": [*WEEK["FRIDAY"], {"opens": "23:00", "closes": "23:30"}]}}, "overlap"),
        ({"holidays": []}, "holidays"),
    ],
)
def test_nonsense_is_named(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        OpeningHours.model_validate(wrong)
    assert says in str(refused.value)
