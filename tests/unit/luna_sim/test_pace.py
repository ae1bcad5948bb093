"""How many steps are due, and the factor that is reached."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from luna_sim.core.pace import FASTEST, SLOWEST, Pace

STEP = 0.02


@given(st.floats(SLOWEST, FASTEST), st.lists(st.floats(0.001, 0.4), min_size=1, max_size=60))
@example(0.140625, [0.28125, 0.390625, 0.25, 0.21875])
def test_whoever_asks_in_time_gets_all_steps_and_never_more(factor: float, pauses: list[float]) -> None:
    pace, now, steps = Pace(factor, STEP, 10.0), 10.0, 0
    for pause in pauses:
        now += pause
        due = pace.due(now)
        pace.took(due)
        steps += due
        assert abs(steps * STEP - (now - 10.0) * factor) <= STEP + 1e-6


def test_what_does_not_fit_into_a_batch_stays_owed_for_half_a_second() -> None:
    pace = Pace(1.0, STEP, 0.0)
    assert pace.due(0.2) == 10
    pace.took(4)
    assert pace.due(0.2) == 6 and pace.due(0.3) == 11
    assert pace.due(9.0) == 26, "more is not caught up with"
    pace.took(26)
    assert pace.due(9.0) == 0
    fast = Pace(100.0, STEP, 0.0)
    assert fast.due(1.0) == 2501
    fast.factor = 1.0
    assert fast.due(1.0) == 26, "what a faster factor owed is not driven at the slower one"


def test_a_simulation_that_can_not_keep_up_says_so_and_does_not_catch_up() -> None:
    pace, now = Pace(10.0, STEP, 0.0), 0.0
    for _ in range(250):
        now += 0.02  # each batch takes so long for half of what was asked for
        assert pace.due(now) >= 5
        pace.took(5)
    assert pace.reached == pytest.approx(5.0, rel=0.05)
    pace.factor = 1.0
    for _ in range(40):
        now += 0.1
        pace.took(pace.due(now))
    assert pace.reached == pytest.approx(1.0, rel=0.05)
