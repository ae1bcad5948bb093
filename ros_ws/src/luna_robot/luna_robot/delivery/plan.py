"""From a goal to legs: is it sound, and which phase does each stop mean."""

from __future__ import annotations

from itertools import pairwise

from luna_robot.delivery.model import Arrival, Goal, Handover, Kind, OnTimeout, Phase, Stop

MAX_STOPS = 8
MAX_TIMEOUT = 24 * 3600.0


def defect_of(goal: Goal) -> str:
    """What is wrong with a goal, naming the field; empty if it is sound."""
    return _identity_defect(goal) or _stops_defect(goal) or _fallback_defect(goal) or _order_defect(goal)


def _identity_defect(goal: Goal) -> str:
    if not 1 <= len(goal.delivery_id) <= 64:
        return "delivery_id: 1 to 64 characters"
    if goal.attempt < 1:
        return "attempt: 1 and up"
    return ""


def _stops_defect(goal: Goal) -> str:
    if not 1 <= len(goal.stops) <= MAX_STOPS:
        return f"stops: 1 to {MAX_STOPS}"
    for index, stop in enumerate(goal.stops):
        defect = _stop_defect(stop, goal)
        if defect:
            return f"stops[{index}].{defect}"
    return ""


def _stop_defect(stop: Stop, goal: Goal) -> str:
    if len(stop.waypoint) > 64:
        return "waypoint: at most 64 characters"
    if not stop.pose.is_finite():
        return "pose: not a finite pose"
    if stop.timeout is not None and not 0.0 < stop.timeout <= MAX_TIMEOUT:
        return "handover_timeout: 0 to 24 h"
    if stop.handover is Handover.LOAD and stop.on_timeout is OnTimeout.FALLBACK:
        return "on_timeout: nothing to bring to a fallback when nothing was loaded"
    if stop.handover is Handover.UNLOAD and stop.timeout is not None:
        if stop.on_timeout is OnTimeout.RELEASE:
            return "on_timeout: an item on board can't be released"
        if stop.on_timeout is OnTimeout.FALLBACK and goal.fallback is None:
            return "on_timeout: FALLBACK without a fallback"
    if stop.arrival is Arrival.DOCK and stop.handover is not Handover.NONE:
        return "arrival: no hand-over on a dock"
    return ""


def _fallback_defect(goal: Goal) -> str:
    if goal.fallback is None:
        return ""
    if goal.fallback.handover is not Handover.UNLOAD:
        return "fallback.handover: must be UNLOAD"
    defect = _stop_defect(goal.fallback, goal)
    return f"fallback.{defect}" if defect else ""


def _order_defect(goal: Goal) -> str:
    """Loads and unloads take turns, and nothing stays on board."""
    handovers = [stop.handover for stop in goal.stops if stop.handover is not Handover.NONE]
    if goal.kind is Kind.PARK:
        return "stops: a PARK goal carries nothing" if handovers else ""
    if not handovers or handovers[-1] is not Handover.UNLOAD:
        return "stops: the last hand-over must be UNLOAD"
    if any(a is b for a, b in pairwise(handovers)):
        return "stops: LOAD and UNLOAD must take turns"
    return ""


def first_handover(goal: Goal) -> Handover:
    """What happens first to the item; NONE for PARK."""
    return next((s.handover for s in goal.stops if s.handover is not Handover.NONE), Handover.NONE)


def phase_towards(goal: Goal, index: int, laden: bool) -> Phase:
    """The phase of the leg to the stop of that index."""
    if goal.kind is Kind.PARK:
        return Phase.PARKING
    handover = goal.stops[index].handover
    if handover is Handover.LOAD or (handover is Handover.NONE and not laden):
        return Phase.TO_PICKUP
    return Phase.TO_DROPOFF
