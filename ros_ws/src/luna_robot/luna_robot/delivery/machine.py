"""The delivery machine: one event and the facts of the moment in, the next state and what the journal must say out.

Everything is level-triggered. What the robot should drive follows from state and facts (`wanted_leg`), so that a crash,
a restart, a lost message or an emergency stop needs no case of its own: whoever asks again gets the right answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from luna_robot.delivery import commands, goals, progress, recovery
from luna_robot.delivery.draft import Draft
from luna_robot.delivery.events import (
    Answer,
    CancelAsked,
    Event,
    Facts,
    GoalOffered,
    HandoverConfirmed,
    Ledger,
    LegEnded,
    MaintenanceSet,
    Now,
    PauseSet,
    Policy,
    PoseMissing,
    RecoveryResolved,
    ResumeAsked,
    Step,
    Tick,
    WaypointsSet,
)
from luna_robot.delivery.model import MOVING_PHASES, Arrival, ExecutorState
from luna_robot.geometry import Pose

DEFAULT_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class Leg:
    """What to drive now. `number` and `boot_id` name it in `LegEnded`."""

    number: int
    waypoint: str
    pose: Pose
    arrival: Arrival
    boot_id: str = ""
    """Of the executor that wants it: numbers begin anew with a new journal."""

    @property
    def name(self) -> tuple[str, int]:
        return self.boot_id, self.number


def step(
    state: ExecutorState, event: Event, facts: Facts, now: Now, ledger: Ledger, policy: Policy = DEFAULT_POLICY
) -> Step:
    """What the event leads to. Pure: nothing happens until the caller has written the entries and acts on the state."""
    draft = Draft(state, facts, now, ledger, policy)
    _heed_safety(draft)
    answer = _dispatch(draft, event)
    progress.begin_leg(draft)
    return draft.step(answer)


def wanted_leg(state: ExecutorState, facts: Facts) -> Leg | None:
    """The leg that the robot should be driving now; None = stand still."""
    delivery = state.active
    if delivery is None or delivery.phase not in MOVING_PHASES or not delivery.leg_begun:
        return None
    locked = state.suspended or facts.estopped or facts.motion_locked or not facts.safety_known
    if locked or not facts.localized or not facts.navigation_ready:
        return None
    stop = delivery.stop
    return Leg(delivery.leg, stop.waypoint, stop.pose, stop.arrival, facts.boot_id)


def moving_allowed(state: ExecutorState, facts: Facts) -> bool:
    """False: the executor itself demands standstill from the safety supervisor.

    Also as long as it does not know whether a stop was engaged while it was away.
    """
    recovering = state.active is not None and progress.stands_until_recovered(state.active)
    heeded = facts.safety_known and (not facts.estop_id or _heeded(state, facts))
    return heeded and not facts.estopped and not state.suspended and not recovering


def _heeded(state: ExecutorState, facts: Facts) -> bool:
    """Whether the stop that the supervisor tells of is the one seen last."""
    return (facts.estop_id, facts.estop_since) == (state.estop_id, state.estop_since)


def _heed_safety(draft: Draft) -> None:
    """An emergency stop suspends, also one that came and went while nobody listened.

    A supervisor that knows of no stop has lost its latch, or never had one: what the journal knows stays.
    """
    facts, state = draft.facts, draft.state
    if not facts.safety_known:
        return
    if facts.estopped and (not state.suspended or not state.estopped or not _heeded(state, facts)):
        draft.set(suspended=True, estopped=True, estop_id=facts.estop_id, estop_since=facts.estop_since)
        draft.note("ESTOP_ENGAGED", draft.active, estop_id=facts.estop_id)
    elif not facts.estopped and facts.estop_id and not _heeded(state, facts):
        _heed_missed_stop(draft)
    elif not facts.estopped and state.estopped:
        draft.set(estopped=False)
        draft.note("ESTOP_RELEASED", draft.active, estop_id=facts.estop_id)
    _heed_faults(draft)


def _heed_missed_stop(draft: Draft) -> None:
    """Another stop than the one remembered was released. A journal that is new has nothing to suspend."""
    fresh = draft.state.seq == 0
    draft.set(
        suspended=draft.state.suspended or not fresh, estopped=False, estop_id=draft.facts.estop_id,
        estop_since=draft.facts.estop_since,
    )  # fmt: skip
    draft.note("ESTOP_MISSED", draft.active, estop_id=draft.facts.estop_id)


def _heed_faults(draft: Draft) -> None:
    before, after = set(draft.state.safety_faults), set(draft.facts.safety_faults)
    if before == after:
        return
    draft.set(safety_faults=draft.facts.safety_faults)
    for code in sorted(after - before):
        draft.note("FAULT_RAISED", draft.active, code=code)
    for code in sorted(before - after):
        draft.note("FAULT_CLEARED", draft.active, code=code)


def _dispatch(draft: Draft, event: Event) -> Answer:
    match event:
        case GoalOffered():
            return goals.offer_goal(draft, event)
        case HandoverConfirmed():
            return commands.confirm_handover(draft, event)
        case CancelAsked():
            return commands.cancel_delivery(draft, event)
        case ResumeAsked():
            return commands.resume(draft, event)
        case PauseSet():
            return commands.set_paused(draft, event)
        case MaintenanceSet():
            return commands.set_maintenance(draft, event)
        case RecoveryResolved():
            return recovery.resolve_recovery(draft, event)
        case WaypointsSet():
            return commands.set_waypoints(draft, event)
        case LegEnded():
            progress.end_leg(draft, event)
        case Tick():
            progress.tick(draft, event)
        case PoseMissing():
            progress.lose_pose(draft)
    return draft.accepted(delivery=draft.active)
