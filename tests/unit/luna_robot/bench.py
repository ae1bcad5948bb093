"""A robot's executor without a robot: state, facts, a ledger in memory, and time that is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from luna_robot.delivery.events import (
    Answer,
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
    ResumeAsked,
    Step,
    Tick,
)
from luna_robot.delivery.machine import Leg, step, wanted_leg
from luna_robot.delivery.model import (
    Arrival,
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

DESK, TABLE, RETURNS, DOCK = Pose(1.0, 2.0, 0.0), Pose(9.0, 4.0, 1.5), Pose(3.0, 3.0, 0.0), Pose(0.5, 0.5, 3.0)

WELL = Facts(
    boot_id="boot",
    safety_known=True,
    motion_locked=False,
    link_up=True,
    localized=True,
    navigation_ready=True,
    battery=BatteryLevel.GOOD,
)


def student_delivery(delivery_id: str = "d1", attempt: int = 1, **changes: Any) -> Goal:
    """Load at the desk, unload at the table, back to the desk if nobody takes it."""
    goal = Goal(
        delivery_id,
        attempt,
        Kind.DELIVERY,
        (
            Stop("DESK-1", DESK, Handover.LOAD, timeout=600.0),
            Stop("STUDY-1", TABLE, Handover.UNLOAD, timeout=300.0, on_timeout=OnTimeout.FALLBACK),
        ),
        Stop("DESK-1", DESK, Handover.UNLOAD),
        "trace-1",
    )
    return replace(goal, **changes)


def return_pickup(delivery_id: str = "r1", attempt: int = 1) -> Goal:
    """Load at the table, unload at the return workstation; no fallback."""
    stops = (
        Stop("STUDY-1", TABLE, Handover.LOAD, timeout=600.0),
        Stop("RETURN-1", RETURNS, Handover.UNLOAD, timeout=300.0, on_timeout=OnTimeout.HOLD),
    )
    return Goal(delivery_id, attempt, Kind.DELIVERY, stops)


def park(delivery_id: str = "p1", attempt: int = 1) -> Goal:
    return Goal(delivery_id, attempt, Kind.PARK, (Stop("DOCK-1", DOCK, arrival=Arrival.DOCK),))


class Bench:
    def __init__(self) -> None:
        self.state = ExecutorState()
        self.facts = WELL
        self.ros = 0
        self.steps: list[Step] = []
        self._finished: dict[tuple[str, int], Delivery] = {}

    # --- the ledger ---

    def finished(self, delivery_id: str, attempt: int = 0) -> Delivery | None:
        if attempt:
            return self._finished.get((delivery_id, attempt))
        known = [d for (name, _), d in self._finished.items() if name == delivery_id]
        return max(known, key=lambda d: d.attempt, default=None)

    # --- what happens ---

    def do(self, event: Event) -> Answer:
        self.ros += 1
        taken = step(self.state, event, self.facts, Now(self.ros, self.ros), self)
        self.state = taken.state
        self.steps.append(taken)
        for done in taken.finished:
            self._finished[done.delivery_id, done.attempt] = done
        return taken.answer

    def world(self, **facts: Any) -> None:
        """The facts change, and the machine hears of it."""
        self.facts = replace(self.facts, **facts)
        self.do(Tick())

    def offer(self, goal: Goal, epoch: int = 1, boot_id: str = "boot", **fields: Any) -> Answer:
        return self.do(GoalOffered(goal, epoch, boot_id, **fields))

    def end_leg(self, result: LegResult, message: str = "") -> Answer:
        return self.do(LegEnded(self.active.leg, result, message))

    def arrive(self) -> Answer:
        return self.end_leg(LegResult.ARRIVED)

    def confirm(self, handover: Handover, **fields: Any) -> Answer:
        """The hand-over that is being waited for, unless fields say another."""
        active = self.state.active or next(iter(self.state.recent))
        wanted: dict[str, Any] = {
            "epoch": 1, "delivery_id": active.delivery_id, "attempt": active.attempt, "handover": handover,
            "handover_seq": active.awaited_seq, "cargo": Cargo.UNKNOWN, "by": "test", **fields,
        }  # fmt: skip
        return self.do(HandoverConfirmed(**wanted))

    def load(self) -> Answer:
        return self.confirm(Handover.LOAD)

    def unload(self) -> Answer:
        return self.confirm(Handover.UNLOAD)

    def cancel(self, delivery_id: str = "d1", attempt: int = 1, epoch: int = 1) -> Answer:
        return self.do(CancelAsked(epoch, delivery_id, attempt, "not wanted"))

    def resolve(self, resolution: Resolution, delivery_id: str = "d1") -> Answer:
        return self.do(RecoveryResolved(1, delivery_id, resolution, "staff"))

    def resume(self, estop_id: str) -> Answer:
        return self.do(ResumeAsked(1, estop_id, "staff"))

    def pass_time(self, seconds: float) -> None:
        self.do(Tick(seconds))

    def lose_pose_at_start(self) -> None:
        self.facts = replace(self.facts, localized=False)
        self.do(PoseMissing())

    # --- what holds ---

    @property
    def active(self) -> Delivery:
        assert self.state.active is not None
        return self.state.active

    @property
    def phase(self) -> Phase:
        return self.state.active.phase if self.state.active else Phase.NONE

    @property
    def leg(self) -> Leg | None:
        return wanted_leg(self.state, self.facts)

    @property
    def last(self) -> Delivery:
        """The delivery that finished last."""
        return self.state.recent[0]

    @property
    def events(self) -> list[str]:
        """Of the journal, since the beginning."""
        return [entry.event for taken in self.steps for entry in taken.entries]


def bench_at(phase: Phase) -> Bench:
    """A student's delivery that has come so far."""
    bench = Bench()
    bench.offer(student_delivery())
    way = (
        (Phase.TO_PICKUP, lambda: None),
        (Phase.AWAITING_LOAD, bench.arrive),
        (Phase.TO_DROPOFF, bench.load),
        (Phase.AWAITING_UNLOAD, bench.arrive),
        (Phase.TO_FALLBACK, lambda: bench.pass_time(300.0)),
        (Phase.AWAITING_FALLBACK_UNLOAD, bench.arrive),
    )
    for reached, go in way:
        go()
        if reached is phase:
            break
    assert bench.phase is phase
    return bench
