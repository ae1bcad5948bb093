"""When an operator's own goal is taken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from luna_robot.delivery.model import Error, ExecutorState
from luna_robot.navigation.gate import OPENS_WITHIN, OperatorGate
from tests.unit.luna_robot.bench import WELL

IDLE = ExecutorState()
SUSPENDED = replace(IDLE, suspended=True, estop_id="e1")
LOCKED = replace(WELL, motion_locked=True)


def resumed() -> OperatorGate:
    """At 10 s, after a stop."""
    gate = OperatorGate()
    assert gate.refusal(SUSPENDED, LOCKED, False, 10.0) == (Error.SUSPENDED, "suspended by emergency stop e1")
    return gate


def test_who_was_told_that_it_may_drive_need_not_wait_until_the_supervisor_has_heard_so():
    assert resumed().refusal(IDLE, LOCKED, True, 10.0) is None


def test_a_lock_that_does_not_open_refuses_after_all_and_so_does_one_that_somebody_else_asked_for():
    gate, soon = resumed(), 10.0 + OPENS_WITHIN
    assert gate.refusal(IDLE, LOCKED, True, soon) is None
    assert gate.refusal(IDLE, LOCKED, True, soon + 0.1) == (Error.SUSPENDED, "locked by the safety supervisor")
    assert OperatorGate().refusal(IDLE, LOCKED, True, 0.0) == (Error.SUSPENDED, "locked by the safety supervisor")


@pytest.mark.parametrize("why", [{"estopped": True}, {"safety_faults": ("BUMP",)}, {"safety_known": False}])
def test_a_lock_with_another_reason_refuses_at_once(why):
    assert resumed().refusal(IDLE, replace(LOCKED, **why), True, 10.0) is not None


def test_a_lock_that_the_executor_still_demands_refuses_and_one_that_is_open_does_not():
    gate = resumed()
    assert gate.refusal(IDLE, LOCKED, False, 10.1) is not None
    assert gate.refusal(IDLE, WELL, True, 20.0) is None
