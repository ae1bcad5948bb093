"""When a letter is tried again, and what an answer means."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_web.notification.sending.outcomes import LONGEST_PAUSE, Gone, Later, Refused, Sent, pause
from luna_web.notification.sending.push import LONGEST_RETRY_AFTER, outcome_of


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pauses_grow_and_are_bounded(attempts: int, luck: float) -> None:
    assert timedelta(seconds=2) < pause(attempts, luck) <= LONGEST_PAUSE
    assert pause(attempts, luck) <= pause(attempts + 1, luck)


def test_a_letter_that_lasts_a_day_is_tried_a_bounded_number_of_times() -> None:
    waited, tries = timedelta(), 0
    while waited < timedelta(days=1):
        tries += 1
        waited += pause(tries, 0.0)
    assert tries < 210


@pytest.mark.parametrize(
    ("status", "kind"),
    [(201, Sent), (200, Sent), (202, Sent), (404, Gone), (410, Gone), (429, Later), (500, Later), (503, Later),
     (301, Refused), (400, Refused), (401, Refused), (403, Refused), (413, Refused)],
)  # fmt: skip
def test_what_a_push_service_answers(status: int, kind: type) -> None:
    assert isinstance(outcome_of(status, {}), kind)


@pytest.mark.parametrize(
    ("said", "wait"),
    [("7", timedelta(seconds=7)), ("", timedelta()), ("Wed, 21 Oct 2026 07:28:00 GMT", timedelta()),
     ("99999999999999999999", LONGEST_RETRY_AFTER), ("-5", timedelta())],
)  # fmt: skip
def test_a_push_service_may_say_how_long_to_wait(said: str, wait: timedelta) -> None:
    outcome = outcome_of(429, {"Retry-After": said})
    assert isinstance(outcome, Later) and outcome.wait == wait
