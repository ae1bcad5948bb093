"""How many steps are due, and the factor that is reached."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_sim.core.pace import FASTEST, SLOWEST, Pace

STEP = 0.02


@given(st.floats(SLOWEST, FASTEST), st.lists(st.floats(0.001, 0.4), min_size=1, max_size=60))
def test_whoever_asks_in_time_gets_all_steps_and_never_more(factor: float, pauses: list[float]) -> None:
    pace, now, steps = Pace(factor, STEP, 10.0), 10.0, 0
    for pause in pauses:
        now += pause
        steps += pace.due(now)
        assert abs(steps * STEP - (now - 10.0) * factor) <= STEP + 1e-6


def test_a_simulation_that_can_not_keep_up_says_so_and_does_not_catch_up() -> None:
    pace, now = Pace(10.0, STEP, 0.0), 0.0
    for _ in range(5):
        now += 1.0  # each batch of steps takes a second of wall time, of which half is lost
        assert pace.due(now) == 250
    assert pace.reached == pytest.approx(5.0, rel=0.2)
    pace.factor = 1.0
    for _ in range(40):
        now += 0.1
        pace.due(now)
    assert pace.reached == pytest.approx(1.0, rel=0.05)
