"""Whether an operator's own goal is taken now. Times in seconds of a steady clock."""

from __future__ import annotations

from luna_robot.delivery.events import Facts
from luna_robot.delivery.model import Error, ExecutorState
from luna_robot.navigation.link import Refusal

OPENS_WITHIN = 1.0
"""Seconds that the supervisor has to open a lock for which the executor's demand was the only reason."""


class OperatorGate:
    """A lock of which only the supervisor's hearing of its end is missing refuses no goal.

    `resume` says that the robot may drive a moment before the lock opens. Until then Nav2 drives against the lock,
    which stays the supervisor's alone; one that does not open refuses the goal after all.
    """

    def __init__(self) -> None:
        self._demanded_at = float("-inf")

    def refusal(self, state: ExecutorState, facts: Facts, moving_allowed: bool, now: float) -> Refusal | None:
        """None = it is taken. `moving_allowed`: the executor itself demands no standstill. Ask at every tick."""
        if not moving_allowed:
            self._demanded_at = now
        if state.suspended:
            return Error.SUSPENDED, f"suspended by emergency stop {state.estop_id}"
        if facts.motion_locked and not self._opens(facts, moving_allowed, now):
            return Error.SUSPENDED, "locked by the safety supervisor"
        if state.active is not None:
            return Error.BUSY, "a delivery is in hand"
        return None

    def _opens(self, facts: Facts, moving_allowed: bool, now: float) -> bool:
        held = facts.estopped or bool(facts.safety_faults) or not facts.safety_known
        return moving_allowed and not held and now - self._demanded_at <= OPENS_WITHIN
