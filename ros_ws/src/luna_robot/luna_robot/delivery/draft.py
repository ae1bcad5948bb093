"""A step in the making: the state as it changes, and the journal entries that say so."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from luna_robot.delivery.events import Answer, Facts, Ledger, Now, Policy, Step
from luna_robot.delivery.model import (
    FALLBACK_INDEX,
    Cargo,
    Delivery,
    Entry,
    Error,
    ExecutorState,
    Outcome,
    Phase,
    Verdict,
    Verdicted,
)
from luna_robot.waypoints import WaypointTable

RECENT = 16
"""Finished deliveries that are shown."""


@dataclass
class Draft:
    state: ExecutorState
    facts: Facts
    now: Now
    ledger: Ledger
    policy: Policy
    entries: list[Entry] = field(default_factory=list)
    finished: list[Delivery] = field(default_factory=list)
    waypoints: WaypointTable | None = None
    durable: bool = False

    @property
    def active(self) -> Delivery | None:
        return self.state.active

    @property
    def laden(self) -> bool:
        return self.state.cargo is Cargo.PRESENT

    def step(self, answer: Answer) -> Step:
        """Everything so far, with the delivery of the answer brought up to date."""
        return Step(
            self.state,
            answer,
            tuple(self.entries),
            tuple(self.finished),
            self.waypoints,
            self.durable or bool(self.entries),
        )

    def note(self, event: str, delivery: Delivery | None, trace_id: str = "", **detail: str | float | bool) -> None:
        """Add an entry to the journal."""
        seq = self.state.seq + 1
        self.state = replace(self.state, seq=seq)
        trace = trace_id or (delivery.goal.trace_id if delivery else "")
        self.entries.append(Entry(seq, self.now.wall, trace, event, delivery, detail))

    def set(self, **changes: Any) -> None:
        """Change the executor's state; the change will be durable."""
        self.state = replace(self.state, **changes)
        self.durable = True

    def change(self, delivery: Delivery, **changes: Any) -> Delivery:
        """Change the delivery in hand and stamp it."""
        changed = replace(delivery, changed_at=self.now.ros, **changes)
        self.state = replace(self.state, active=changed, cargo=changed.cargo)
        self.durable = True
        return changed

    def enter(self, delivery: Delivery, phase: Phase, trace_id: str = "", **changes: Any) -> Delivery:
        """Change the delivery's phase, with an entry."""
        changed = self.change(delivery, phase=phase, **changes)
        self.note("PHASE", changed, trace_id, phase=phase.name)
        return changed

    def head_for(self, delivery: Delivery, index: int, phase: Phase, trace_id: str = "", **changes: Any) -> Delivery:
        """A new leg, to the stop of that index."""
        leg = self.state.leg + 1
        self.set(leg=leg)
        return self.enter(
            delivery, phase, trace_id, stop_index=index, leg=leg, leg_begun=False, timer=None,
            link_lost=0.0, clearing_extended=False, interrupted=Phase.NONE, **changes,
        )  # fmt: skip

    def head_for_fallback(
        self, delivery: Delivery, outcome: Outcome, error: Error, message: str, trace_id: str = ""
    ) -> Delivery:
        """The item can't be handed over: bring it to the fallback, and end with this outcome there."""
        ending = delivery.ending or Verdicted(outcome, error, message)
        return self.head_for(
            delivery, FALLBACK_INDEX, Phase.TO_FALLBACK, trace_id, ending=ending, error=ending.error,
            message=ending.message,
        )  # fmt: skip

    def await_handover(self, delivery: Delivery, phase: Phase, timer: float | None) -> Delivery:
        """Arrived: stand until a person confirms."""
        seq = self.state.handover_seq + 1
        self.set(handover_seq=seq)
        return self.enter(delivery, phase, handover_seq=seq, timer=timer, link_lost=0.0)

    def await_recovery(self, delivery: Delivery, error: Error, message: str) -> Delivery:
        """Until a person says what to do. If it waits for that already, what it was interrupted in stays."""
        waits = delivery.phase is Phase.AWAITING_RECOVERY
        interrupted = delivery.interrupted if waits else delivery.phase
        return self.enter(delivery, Phase.AWAITING_RECOVERY, interrupted=interrupted, error=error, message=message)

    def finish(
        self, delivery: Delivery, outcome: Outcome, error: Error = Error.NONE, message: str = "", trace_id: str = ""
    ) -> Delivery:
        """The delivery in hand is over; its record stays."""
        done = self.change(
            delivery, phase=Phase.DONE, outcome=outcome, error=error, message=message, timer=None,
            interrupted=Phase.NONE, ending=None,
        )  # fmt: skip
        self.set(active=None)
        self.record(done)
        self.note("DONE", done, trace_id, outcome=outcome.name, error=error.name)
        return done

    def record(self, done: Delivery) -> None:
        """Remember a finished delivery."""
        self.finished.append(done)
        self.set(recent=(done, *self.state.recent)[:RECENT])

    def take_epoch(self, epoch: int) -> bool:
        """False if a later controller was heard already; else that is the latest."""
        if epoch < self.state.epoch:
            return False
        if epoch > self.state.epoch:
            self.set(epoch=epoch)
        return True

    def accepted(self, message: str = "", delivery: Delivery | None = None) -> Answer:
        return Answer(Verdict.ACCEPTED, Error.NONE, message, delivery)

    def already(self, message: str = "", delivery: Delivery | None = None) -> Answer:
        return Answer(Verdict.ALREADY, Error.NONE, message, delivery)

    def refused(self, error: Error, message: str, delivery: Delivery | None = None) -> Answer:
        return Answer(Verdict.REFUSED, error, message, delivery)

    def refused_as_stale(self, epoch: int) -> Answer:
        return self.refused(Error.STALE_EPOCH, f"epoch {epoch} is lower than {self.state.epoch}", self.active)
