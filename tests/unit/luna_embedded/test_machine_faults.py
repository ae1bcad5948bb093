"""Faults outside of the simulator: what people may ask for, in which words."""

import pytest

from luna_embedded.exit_codes import Refusal
from luna_embedded.sim.faults import _read
from luna_embedded.sim.machine_faults import Kind
from luna_sim.core.faults import ELSEWHERE


def test_the_simulator_knows_which_faults_are_not_its_own() -> None:
    assert tuple(Kind) == ELSEWHERE


def test_they_take_a_robot_and_a_time() -> None:
    assert _read(["luna1", "for=20"]) == ("luna1", 20.0)
    assert _read([]) == (None, None)
    for word in ("for=soon", "for=-1", "x=3"):
        with pytest.raises(Refusal, match="says nothing here"):
            _read([word])
