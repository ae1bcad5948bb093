"""A goal comes in: it starts, attaches to what runs, gets the recorded result, or is rejected with a reason."""

from __future__ import annotations

from luna_robot.delivery.draft import Draft
from luna_robot.delivery.events import Answer, BatteryLevel, GoalOffered
from luna_robot.delivery.model import Cargo, Delivery, Error, Goal, Handover, Kind, Outcome, Phase
from luna_robot.delivery.plan import defect_of, first_handover, phase_towards

Reason = tuple[Error, str]


def offer_goal(draft: Draft, event: GoalOffered) -> Answer:
    """ROBOT contract 2.1: the identity of a delivery is `delivery_id` and `attempt`."""
    if not draft.take_epoch(event.epoch):
        return _rejected(draft, event.goal, Error.STALE_EPOCH, f"epoch {event.epoch} < {draft.state.epoch}")
    known = _known(draft, event.goal)
    if known is not None:
        return draft.already(delivery=known)
    reason = _why_not(draft, event)
    if reason is not None:
        return _rejected(draft, event.goal, *reason)
    return _start(draft, event.goal)


def rejected_delivery(goal: Goal, error: Error, message: str, now: int) -> Delivery:
    """The result of a goal that never started."""
    return Delivery(goal, Phase.DONE, Cargo.UNKNOWN, Outcome.REJECTED, error, message[:256], changed_at=now)


def _rejected(draft: Draft, goal: Goal, error: Error, message: str) -> Answer:
    return draft.refused(error, message, rejected_delivery(goal, error, message, draft.now.ros))


def _known(draft: Draft, goal: Goal) -> Delivery | None:
    """The same delivery and attempt, running or finished."""
    active = draft.active
    if active and (active.delivery_id, active.attempt) == (goal.delivery_id, goal.attempt):
        return active
    return draft.ledger.finished(goal.delivery_id, goal.attempt) if goal.attempt > 0 else None


def _why_not(draft: Draft, event: GoalOffered) -> Reason | None:
    goal = event.goal
    if event.unknown_waypoint:
        return Error.UNKNOWN_WAYPOINT, f"unknown waypoint {event.unknown_waypoint}"
    defect = event.defect or defect_of(goal)
    if defect:
        return Error.MALFORMED, defect
    if event.boot_id != draft.facts.boot_id:
        return Error.WRONG_BOOT, f"this boot is {draft.facts.boot_id}"
    latest = draft.ledger.finished(goal.delivery_id)
    if latest is not None and latest.attempt > goal.attempt:
        return Error.LOWER_ATTEMPT, f"attempt {latest.attempt} is known"
    return _robot_not_free(draft, goal) or _robot_not_fit(draft, goal)


def _robot_not_free(draft: Draft, goal: Goal) -> Reason | None:
    active = draft.active
    if active is None or (active.goal.kind is Kind.PARK and active.delivery_id != goal.delivery_id):
        return None
    if active.delivery_id != goal.delivery_id:
        return Error.BUSY, f"delivery {active.delivery_id} is in hand"
    if active.attempt > goal.attempt:
        return Error.LOWER_ATTEMPT, f"attempt {active.attempt} is in hand"
    if draft.laden or active.phase is Phase.AWAITING_RECOVERY:
        return Error.BUSY, f"attempt {active.attempt} has the item on board or awaits recovery"
    if active.awaited_seq:
        # Somebody may be laying the item on: a stop is left by confirmation, time-out or cancel alone.
        return Error.BUSY, f"attempt {active.attempt} stands at a hand-over: confirm or cancel it"
    return None


def _robot_not_fit(draft: Draft, goal: Goal) -> Reason | None:
    state, facts = draft.state, draft.facts
    if state.suspended or facts.estopped:
        return Error.SUSPENDED, f"emergency stop {state.estop_id}"
    if not facts.safety_known:
        return Error.SUSPENDED, "the safety supervisor is silent"
    if state.maintenance:
        return Error.MAINTENANCE, "in maintenance"
    if state.paused:
        return Error.PAUSED, "paused"
    if not facts.link_up:
        return Error.LINK_DOWN, "no controller heartbeat"
    if not facts.navigation_ready:
        return Error.NAVIGATION_NOT_READY, "navigation is not ready"
    if not facts.localized:
        return Error.NOT_LOCALIZED, "the pose is not trustworthy"
    return _battery_too_low(draft, goal) or _cargo_in_the_way(draft, goal)


def _battery_too_low(draft: Draft, goal: Goal) -> Reason | None:
    limit = BatteryLevel.EMPTY if goal.kind is Kind.PARK else BatteryLevel.UNKNOWN
    if draft.facts.battery >= limit:
        return Error.BATTERY_LOW, f"battery {draft.facts.battery.name}"
    return None


def _cargo_in_the_way(draft: Draft, goal: Goal) -> Reason | None:
    """An item of an earlier delivery may only be brought away."""
    if draft.laden and first_handover(goal) is not Handover.UNLOAD:
        return Error.CARGO_ON_BOARD, "an item of an earlier delivery is on board"
    if not draft.laden and first_handover(goal) is Handover.UNLOAD:
        return Error.MALFORMED, "stops: UNLOAD first, but nothing is on board"
    return None


def _start(draft: Draft, goal: Goal) -> Answer:
    if draft.active is not None:
        why = "gave way" if draft.active.goal.kind is Kind.PARK else f"replaced by attempt {goal.attempt}"
        draft.finish(draft.active, Outcome.CANCELLED, Error.NONE, why, goal.trace_id)
    phase = phase_towards(goal, 0, draft.laden)
    delivery = Delivery(goal, Phase.NONE, draft.state.cargo, changed_at=draft.now.ros)
    draft.set(active=delivery)
    draft.note("GOAL_ACCEPTED", delivery, kind=goal.kind.name, stops=len(goal.stops))
    return draft.accepted(delivery=draft.head_for(delivery, 0, phase))
