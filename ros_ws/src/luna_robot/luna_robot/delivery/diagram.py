"""`python -m luna_robot.delivery.diagram` draws the delivery machine as Mermaid, for the documentation.

The machine has no table to draw: it is asked. In each state that it can get into, all that can happen is tried.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import replace

from luna_robot.delivery.events import (
    BatteryLevel,
    CancelAsked,
    Event,
    Facts,
    GoalOffered,
    HandoverConfirmed,
    LegEnded,
    LegResult,
    Now,
    PoseMissing,
    RecoveryResolved,
    Tick,
)
from luna_robot.delivery.machine import step
from luna_robot.delivery.model import (
    MOVING_PHASES,
    Cargo,
    Delivery,
    ExecutorState,
    Goal,
    Handover,
    Kind,
    OnTimeout,
    Phase,
    Resolution,
    Stop,
)
from luna_robot.geometry import Pose

HEAD = """\
# What a robot does with a delivery

Drawn from the machine itself, `luna_robot/delivery/machine.py`: a delivery to a reader with a fallback, and a way to
the dock, with everything that can happen to them tried in every state. Emergency stops are no arrows: they suspend, and
what was in hand goes on from the same phase.
"""
COMMAND = "python -m luna_robot.delivery.diagram > docs/robot-states.md"
WELL = Facts(
    boot_id="b", safety_known=True, motion_locked=False, link_up=True, localized=True, navigation_ready=True,
    battery=BatteryLevel.GOOD,
)  # fmt: skip
NOW = Now(1, 1)
LONG = 1e9
HERE, THERE = Pose(0.0, 0.0, 0.0), Pose(5.0, 0.0, 0.0)
GOALS = (
    Goal(
        "d", 1, Kind.DELIVERY,
        (
            Stop("DESK", HERE, Handover.LOAD, timeout=600.0),
            Stop("STUDY", THERE, Handover.UNLOAD, timeout=300.0, on_timeout=OnTimeout.FALLBACK),
        ),
        Stop("DESK", HERE, Handover.UNLOAD),
    ),
    Goal("p", 1, Kind.PARK, (Stop("DOCK", HERE),)),
)  # fmt: skip
Edge = tuple[str, str]


class Nothing:
    """A ledger in which nothing has finished."""

    def finished(self, delivery_id: str, attempt: int = 0) -> Delivery | None:
        return None


def edges() -> dict[Edge, list[str]]:
    """From which phase to which, and what of; in the order in which they are first met."""
    found: dict[Edge, list[str]] = {}
    for goal in GOALS:
        first = step(ExecutorState(), GoalOffered(goal, 1, "b"), WELL, NOW, Nothing()).state
        _add(found, ("[*]", _place(first)), "goal")
        waiting, seen = deque([first]), {_sameness(first)}
        while waiting:
            state = waiting.popleft()
            for why, event, facts in _everything(state):
                after = step(state, event, facts, NOW, Nothing()).state
                if _place(after) != _place(state):
                    _add(found, (_place(state), _place(after)), why)
                if after.active is not None and _sameness(after) not in seen:
                    seen.add(_sameness(after))
                    waiting.append(after)
    return found


def _everything(state: ExecutorState) -> Iterator[tuple[str, Event, Facts]]:
    """What can happen to the delivery in hand, and what it is called in the drawing."""
    delivery = state.active
    if delivery is None:
        return
    name, attempt = delivery.delivery_id, delivery.attempt
    if delivery.phase in MOVING_PHASES:
        for result, why in (
            (LegResult.ARRIVED, "arrived"), (LegResult.FAILED, "cannot be reached"),
            (LegResult.PREEMPTED, "an operator drives"),
        ):  # fmt: skip
            yield why, LegEnded(delivery.leg, result), WELL
    for handover, why in ((Handover.LOAD, "loaded"), (Handover.UNLOAD, "unloaded")):
        yield why, HandoverConfirmed(1, name, attempt, handover, delivery.awaited_seq, Cargo.UNKNOWN, "x"), WELL
    yield "time is over", Tick(LONG), WELL
    yield "cancelled", CancelAsked(1, name, attempt, ""), WELL
    yield "no pose after a restart", PoseMissing(), replace(WELL, localized=False)
    yield "battery at its reserve", Tick(), replace(WELL, battery=BatteryLevel.RESERVE)
    yield "battery empty", Tick(), replace(WELL, battery=BatteryLevel.EMPTY)
    for resolution in Resolution:
        yield resolution.name, RecoveryResolved(1, name, resolution, "x"), WELL


def _place(state: ExecutorState) -> str:
    return state.active.phase.name if state.active else Phase.DONE.name


def _sameness(state: ExecutorState) -> Hashable:
    """States that act alike: all but counters, times and words."""
    one = state.active
    if one is None:
        return None
    flags = (one.cancel_requested, one.clearing_extended, one.timer is None, one.leg_begun)
    ending = one.ending and one.ending.outcome
    return (one.phase, one.interrupted, one.stop_index, one.cargo, state.cargo, ending, *flags)


def _add(found: dict[Edge, list[str]], edge: Edge, why: str) -> None:
    reasons = found.setdefault(edge, [])
    if why not in reasons:
        reasons.append(why)


def document() -> str:
    """The page `docs/robot-states.md`."""
    lines = [f"    {source} --> {target}: {', '.join(whys)}" for (source, target), whys in edges().items()]
    drawn = "\n".join(["stateDiagram-v2", *lines, "    DONE --> [*]"])
    how = f"`{COMMAND}` makes this page, with `PYTHONPATH=ros_ws/src/luna_robot`; a test holds it to the machine."
    return f"{HEAD}\n{how}\n\n```mermaid\n{drawn}\n```\n"


if __name__ == "__main__":
    sys.stdout.write(document())
