"""When mails go out."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from luna_web.auth.mail_times import LONGEST_PAUSE, next_try, room_in

ASKED = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
LIVES = st.timedeltas(timedelta(minutes=1), timedelta(days=14))


@given(LIVES, st.floats(0, 1))
def test_tries_end_with_the_time_of_the_mail_and_are_not_many(life: timedelta, luck: float) -> None:
    now, ends, tries = ASKED, ASKED + life, 0
    while now < ends:
        pause = next_try(ASKED, ends, now, luck)
        assert timedelta() < pause <= min(LONGEST_PAUSE, max(life / 15, timedelta(seconds=1)))
        now, tries = now + pause, tries + 1

    assert now == ends
    assert tries < 60 + life / timedelta(minutes=7)


@given(st.floats(0, 1))
def test_a_server_that_is_back_in_the_last_minutes_of_a_reset_link_still_gets_it(luck: float) -> None:
    now, ends = ASKED, ASKED + timedelta(minutes=30)
    tries = []
    while now < ends:
        now += next_try(ASKED, ends, now, luck)
        tries.append(now)

    assert any(timedelta(minutes=26) <= at - ASKED < timedelta(minutes=30) for at in tries)


def test_a_clock_that_is_behind_waits_a_second() -> None:
    now = ASKED - timedelta(seconds=5)

    assert next_try(ASKED, ASKED + timedelta(hours=1), now, 1.0) == timedelta(seconds=1)


HALF_AN_HOUR = timedelta(minutes=30)


@given(st.lists(st.timedeltas(timedelta(0), timedelta(hours=6)), max_size=200), LIVES)
def test_no_mailbox_is_flooded_and_nobody_waits_for_long(asked: list[timedelta], life: timedelta) -> None:
    spacing = min(timedelta(minutes=10), life / 3)
    sent: list[datetime] = []
    for at in sorted(asked):
        now = ASKED + at
        wait = room_in(sent, now, life)
        assert wait <= spacing < life
        if not wait:
            sent.append(now)

    for first in sent:
        assert sum(first <= at < first + HALF_AN_HOUR for at in sent) <= 3 + HALF_AN_HOUR / spacing


def test_three_go_at_once_and_then_one_in_ten_minutes() -> None:
    assert room_in([ASKED] * 2, ASKED, HALF_AN_HOUR) == timedelta()
    assert room_in([ASKED] * 3, ASKED, HALF_AN_HOUR) == timedelta(minutes=10)
    assert room_in([ASKED] * 3, ASKED + timedelta(minutes=10), HALF_AN_HOUR) == timedelta()
