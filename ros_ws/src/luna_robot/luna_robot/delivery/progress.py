"""How a delivery goes on: a leg has ended, a timer has run out, an item was handed over."""

from __future__ import annotations

from dataclasses import replace

from luna_robot.delivery.draft import Draft
from luna_robot.delivery.events import BatteryLevel, LegEnded, LegResult, Tick
from luna_robot.delivery.model import (
    FALLBACK_INDEX,
    MOVING_PHASES,
    WAITING_PHASES,
    Delivery,
    Error,
    Handover,
    Kind,
    OnTimeout,
    Outcome,
    Phase,
)
from luna_robot.delivery.plan import phase_towards

LEG_ERRORS = {
    LegResult.FAILED: Error.NAVIGATION,
    LegResult.NO_PROGRESS: Error.NO_PROGRESS,
    LegResult.PREEMPTED: Error.NAVIGATION_PREEMPTED,
}


def end_leg(draft: Draft, event: LegEnded) -> None:
    """The navigator is done with a leg; what an older leg says is past."""
    delivery = draft.active
    if delivery is None or delivery.phase not in MOVING_PHASES or delivery.leg != event.leg:
        return
    if event.result is LegResult.ARRIVED:
        draft.note("LEG_ARRIVED", delivery, leg=delivery.leg, waypoint=delivery.stop.waypoint)
        _arrive(draft, delivery)
    else:
        error = LEG_ERRORS[event.result]
        draft.note("LEG_FAILED", delivery, leg=delivery.leg, error=error.name, message=event.message[:200])
        _fail_leg(draft, delivery, error, event.message[:256])


def _arrive(draft: Draft, delivery: Delivery) -> None:
    if delivery.stop_index == FALLBACK_INDEX:
        draft.await_handover(delivery, Phase.AWAITING_FALLBACK_UNLOAD, None)
    elif delivery.stop.handover is Handover.LOAD:
        draft.await_handover(delivery, Phase.AWAITING_LOAD, delivery.stop.timeout)
    elif delivery.stop.handover is Handover.UNLOAD:
        draft.await_handover(delivery, Phase.AWAITING_UNLOAD, delivery.stop.timeout)
    else:
        go_on(draft, delivery)


def stands_until_recovered(delivery: Delivery) -> bool:
    """Whether the robot itself must not move before a person has said what to do.

    Where an operator's own goal took the robot over, the delivery waits while that goal goes on.
    """
    return delivery.phase is Phase.AWAITING_RECOVERY and delivery.error is not Error.NAVIGATION_PREEMPTED


def _fail_leg(draft: Draft, delivery: Delivery, error: Error, message: str) -> None:
    """With an item on board: to the fallback, and if that can't be, wait for a person. Without: it is over.

    A robot that another client has taken over doesn't fight: it waits for a person, and that client's goal goes on.
    """
    if delivery.goal.kind is Kind.PARK:
        draft.finish(delivery, Outcome.FAILED, error, message)
    elif error is Error.NAVIGATION_PREEMPTED:
        draft.await_recovery(delivery, error, message)
    elif not draft.laden:
        draft.finish(delivery, Outcome.FAILED, error, message)
    elif delivery.phase is Phase.TO_DROPOFF and delivery.goal.fallback is not None:
        draft.head_for_fallback(delivery, Outcome.FAILED, error, message)
    else:
        draft.await_recovery(delivery, error, message)


def go_on(draft: Draft, delivery: Delivery, trace_id: str = "") -> Delivery:
    """The stop is done with: to the next one, or the end."""
    following = delivery.stop_index + 1
    if delivery.stop_index == FALLBACK_INDEX or following >= len(delivery.goal.stops):
        ending = delivery.ending
        if ending is None:
            return draft.finish(delivery, Outcome.SUCCEEDED, trace_id=trace_id)
        return draft.finish(delivery, ending.outcome, ending.error, ending.message, trace_id)
    phase = phase_towards(delivery.goal, following, draft.laden)
    if _must_turn_back(draft, delivery, phase):
        return draft.head_for_fallback(delivery, Outcome.FAILED, Error.BATTERY_LOW, "battery low", trace_id)
    return draft.head_for(delivery, following, phase, trace_id)


def _must_turn_back(draft: Draft, delivery: Delivery, phase: Phase) -> bool:
    low = draft.facts.battery >= BatteryLevel.RESERVE
    return low and draft.laden and phase is Phase.TO_DROPOFF and delivery.goal.fallback is not None


def tick(draft: Draft, event: Tick) -> None:
    """Time has passed: timers run, and the battery is looked at."""
    delivery = draft.active
    if delivery is None:
        return
    if not _heed_battery(draft, delivery):
        _run_timer(draft, delivery, max(0.0, event.elapsed))


def _heed_battery(draft: Draft, delivery: Delivery) -> bool:
    """True if the battery's state decided."""
    level, park = draft.facts.battery, delivery.goal.kind is Kind.PARK
    if draft.facts.docked or stands_until_recovered(delivery):
        return False
    if level is BatteryLevel.EMPTY:
        if park:
            draft.finish(delivery, Outcome.FAILED, Error.BATTERY_LOW, "battery empty")
        else:
            draft.await_recovery(delivery, Error.BATTERY_LOW, "battery empty")
        return True
    if level is BatteryLevel.RESERVE and delivery.phase is Phase.TO_PICKUP and not draft.laden:
        draft.finish(delivery, Outcome.FAILED, Error.BATTERY_LOW, "battery low before loading")
        return True
    return False


def _run_timer(draft: Draft, delivery: Delivery, elapsed: float) -> None:
    if delivery.timer is None or draft.state.suspended or delivery.awaited_seq == 0:
        return
    if not draft.facts.link_up:
        _wait_for_link(draft, delivery, elapsed)
    elif delivery.timer > elapsed:
        _keep_time(draft, replace(delivery, timer=delivery.timer - elapsed))
    else:
        _time_out(draft, delivery)


def _wait_for_link(draft: Draft, delivery: Delivery, elapsed: float) -> None:
    """Timers stand still without a link, but not for ever: then the hand-over waits without a limit."""
    lost = delivery.link_lost + elapsed
    if delivery.phase in WAITING_PHASES and lost >= draft.policy.link_loss_hold:
        _hold(draft, delivery, "link lost")
    else:
        _keep_time(draft, replace(delivery, link_lost=lost))


def _keep_time(draft: Draft, delivery: Delivery) -> None:
    """Timers count down in memory; what is left of them is saved now and then, and with the next entry."""
    draft.state = replace(draft.state, active=delivery)


def _hold(draft: Draft, delivery: Delivery, why: str) -> None:
    held = draft.change(delivery, timer=None)
    draft.note("HANDOVER_HELD", held, why=why)


def _time_out(draft: Draft, delivery: Delivery) -> None:
    """The hand-over's policy, or the end of CLEARING."""
    if delivery.phase is Phase.CLEARING:
        _end_clearing(draft, delivery)
        return
    policy = delivery.stop.on_timeout
    draft.note("HANDOVER_TIMEOUT", delivery, policy=policy.name)
    if policy is OnTimeout.HOLD:
        _hold(draft, delivery, "timeout")
    elif policy is OnTimeout.FALLBACK:
        draft.head_for_fallback(delivery, Outcome.FAILED, Error.NOT_UNLOADED, "nobody took the item")
    else:
        draft.enter(delivery, Phase.CLEARING, timer=draft.policy.clearing)


def _end_clearing(draft: Draft, delivery: Delivery) -> None:
    if delivery.cancel_requested:
        draft.finish(delivery, Outcome.CANCELLED, Error.NONE, delivery.message)
    else:
        draft.finish(delivery, Outcome.FAILED, Error.NOT_LOADED, "nobody loaded the item")


def lose_pose(draft: Draft) -> None:
    """After a start nobody knows where the robot is: it doesn't move until a person says so."""
    delivery = draft.active
    if delivery is None or stands_until_recovered(delivery):
        return
    if delivery.goal.kind is Kind.PARK:
        draft.finish(delivery, Outcome.FAILED, Error.NOT_LOCALIZED, "restarted without a pose")
    else:
        draft.await_recovery(delivery, Error.NOT_LOCALIZED, "restarted without a trustworthy pose")


def begin_leg(draft: Draft) -> None:
    """Start the leg that is due, if everything that a start needs is there."""
    delivery, facts, state = draft.active, draft.facts, draft.state
    if delivery is None or delivery.phase not in MOVING_PHASES or delivery.leg_begun:
        return
    held = state.suspended or state.paused or facts.motion_locked or not facts.link_up
    if held or not facts.localized or not facts.navigation_ready:
        return
    begun = replace(delivery, leg_begun=True)
    draft.set(active=begun)
    draft.note("LEG_STARTED", begun, leg=begun.leg, waypoint=begun.stop.waypoint)
