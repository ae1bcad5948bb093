"""Anything may happen, in any order, and the process may be killed at every write of its journal.

Held all the time: never moves while e-stopped or suspended; never leaves a stop with the hand-over unconfirmed; never
two deliveries at once; every goal ends in exactly one outcome; the journal replays to the state the node was in.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from luna_robot.delivery.events import (
    Answer,
    BatteryLevel,
    CancelAsked,
    Event,
    GoalOffered,
    HandoverConfirmed,
    LegEnded,
    LegResult,
    MaintenanceSet,
    Now,
    PauseSet,
    Policy,
    PoseMissing,
    RecoveryResolved,
    ResumeAsked,
    Step,
    Tick,
)
from luna_robot.delivery.journal import JournalError, open_journal
from luna_robot.delivery.machine import moving_allowed, wanted_leg
from luna_robot.delivery.model import (
    MOVING_PHASES,
    WAITING_PHASES,
    Cargo,
    Entry,
    Goal,
    Handover,
    Outcome,
    Phase,
    Resolution,
    Verdict,
)
from luna_robot.delivery.sequencer import Sequencer, Surroundings
from tests.unit.luna_robot.bench import WELL, park, return_pickup, student_delivery

KINDS = [student_delivery, student_delivery, return_pickup, park]
WAY_ON = {"HANDOVER_CONFIRMED", "HANDOVER_TIMEOUT", "CANCEL_REQUESTED"}
"""What leads on from a stop where a person is awaited."""


class Killed(Exception):
    """kill -9, at this very moment."""


class Disk:
    """Writes at once, or is killed right before or right after a write."""

    def __init__(self) -> None:
        self.kill: str = ""
        self.full = False

    def run(self, job: Callable[[], None], on_done: Callable[[Any], None]) -> None:
        kill, self.kill = self.kill, ""
        if kill == "before":
            raise Killed
        if self.full:
            on_done(JournalError("disk full"))
            return
        job()
        if kill == "after":
            raise Killed
        on_done(None)


class Executor(RuleBasedStateMachine):
    @initialize()
    def first_start(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.facts = replace(WELL, boot_id="boot-0")
        self.epoch, self.boots, self.stops = 1, 0, 0
        self.told_results: dict[tuple[str, int], Outcome] = {}
        self.goals: list[Goal] = []
        self.start()

    def start(self) -> None:
        self.disk = Disk()
        self.journal = open_journal(self.folder / "journal.sqlite3", lambda: "journal")
        around = Surroundings(lambda: self.facts, lambda: Now(1, 1), self.applied, lambda: 0.0)
        self.sequencer = Sequencer(self.journal.state, self.journal, self.disk, around, Policy())
        self.told = self.journal.state

    def applied(self, step: Step) -> None:
        self.told = step.state
        for done in step.finished:
            identity = done.delivery_id, done.attempt
            assert identity not in self.told_results, "a delivery ended twice"
            self.told_results[identity] = done.outcome

    def restart(self) -> None:
        """The robot stands where it stands; the new process finds out what it knows."""
        self.journal.close()
        self.boots += 1
        self.facts = replace(self.facts, boot_id=f"boot-{self.boots}")
        before = self.told
        self.start()
        assert self.told.seq >= before.seq, "told what was not written"
        for done in self.told.recent:
            self.told_results.setdefault((done.delivery_id, done.attempt), done.outcome)

    def submit(self, event: Event) -> Answer | None:
        answers: list[Answer] = []
        try:
            self.sequencer.submit(event, answers.append)
        except Killed:
            self.restart()
        return answers[0] if answers else None

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.journal.close()
            shutil.rmtree(self.folder)

    # --- what happens ---

    @rule(when=st.sampled_from(["before", "after"]))
    def be_killed_at_the_next_write(self, when: str) -> None:
        self.disk.kill = when

    @rule()
    def be_killed_now(self) -> None:
        self.restart()

    @rule(kind=st.sampled_from(KINDS), wrong=st.sampled_from([""] * 8 + ["epoch", "boot", "old goal"]))
    def offer(self, kind: Any, wrong: str) -> None:
        """A new goal, or one that came before."""
        if wrong != "old goal" or not self.goals:
            self.goals.append(kind(f"d{len(self.goals)}"))
        goal = self.goals[-1] if wrong != "old goal" else self.goals[len(self.goals) // 2]
        boot = "another" if wrong == "boot" else self.facts.boot_id
        answer = self.submit(GoalOffered(goal, self.epoch - (wrong == "epoch"), boot))
        if answer is None or answer.delivery is None or answer.delivery.outcome is Outcome.REJECTED:
            return
        known = self.told_results.get((goal.delivery_id, goal.attempt))
        assert (answer.delivery.phase is Phase.DONE) == (known is not None)
        assert known in (None, answer.delivery.outcome)

    @precondition(lambda self: self.goals)
    @rule()
    def offer_the_next_attempt(self) -> None:
        self.goals[-1] = replace(self.goals[-1], attempt=self.goals[-1].attempt + 1)
        self.submit(GoalOffered(self.goals[-1], self.epoch, self.facts.boot_id))

    @rule()
    def another_controller(self) -> None:
        self.epoch += 1

    @rule(twice=st.booleans())
    def go_on(self, twice: bool) -> None:
        """What should happen next does happen."""
        for _ in range(1 + twice):
            active = self.sequencer.state.active
            if self.moving:
                self.submit(LegEnded(active.leg, LegResult.ARRIVED))
            elif active is not None and active.awaited_seq:
                self.confirm_seq(_due(active.phase), active.awaited_seq)

    @precondition(lambda self: self.moving)
    @rule(result=st.sampled_from([*LegResult]), late=st.booleans())
    def end_a_leg(self, result: LegResult, late: bool) -> None:
        leg = self.sequencer.state.active.leg - late
        self.submit(LegEnded(leg, result, "as it goes"))

    @precondition(lambda self: self.sequencer.state.active is not None)
    @rule(handover=st.sampled_from([Handover.LOAD, Handover.UNLOAD]), late=st.integers(0, 1))
    def confirm(self, handover: Handover, late: int) -> None:
        self.confirm_seq(handover, max(0, self.sequencer.state.active.handover_seq - late))

    def confirm_seq(self, handover: Handover, seq: int) -> None:
        active = self.sequencer.state.active
        event = HandoverConfirmed(
            self.epoch, active.delivery_id, active.attempt, handover, seq, Cargo.UNKNOWN, "staff"
        )  # fmt: skip
        answer = self.submit(event)
        if answer and answer.verdict is Verdict.ACCEPTED:
            assert active.phase in (*WAITING_PHASES, Phase.CLEARING)
            assert answer.delivery.cargo is (Cargo.PRESENT if handover is Handover.LOAD else Cargo.ABSENT)

    @rule(seconds=st.sampled_from([0.2, 29.0, 31.0, 301.0, 601.0, 1801.0]))
    def pass_time(self, seconds: float) -> None:
        self.submit(Tick(seconds))

    @rule(
        what=st.sampled_from(["cancel", "stop", "world", "battery", "pause", "maintenance", "no pose", "disk"]),
        data=st.data(),
    )
    def disturb(self, what: str, data: Any) -> None:
        if what == "cancel" and self.goals:
            goal = data.draw(st.sampled_from(self.goals))
            self.submit(CancelAsked(self.epoch, goal.delivery_id, goal.attempt, "not wanted"))
        elif what == "stop":
            self.stops += 1
            self.world(estopped=True, estop_id=f"e{self.stops}", motion_locked=True)
        elif what == "world":
            names = ["link_up", "localized", "safety_known", "navigation_ready"]
            self.world(**{data.draw(st.sampled_from(names)): False})
        elif what == "battery":
            self.world(battery=data.draw(st.sampled_from([*BatteryLevel])))
        elif what == "disk":
            self.disk.full = True
            self.check_disk()
        else:
            self.command(what)

    def command(self, what: str) -> None:
        events = {"pause": PauseSet(self.epoch, True, "s"), "maintenance": MaintenanceSet(self.epoch, True, "s")}
        self.submit(events.get(what, PoseMissing()))

    def world(self, **facts: Any) -> None:
        self.facts = replace(self.facts, **facts)
        self.submit(Tick())

    def check_disk(self) -> None:
        try:
            self.sequencer.save_timers()
        except Killed:
            self.restart()

    @rule(resolution=st.sampled_from([*Resolution, Resolution.RESUME]))
    def mend(self, resolution: Resolution) -> None:
        """People put everything right again."""
        self.disk.full = False
        self.check_disk()
        self.facts = replace(WELL, boot_id=self.facts.boot_id, estop_id=self.facts.estop_id)
        self.submit(Tick())
        self.submit(ResumeAsked(self.epoch, self.sequencer.state.estop_id, "staff"))
        self.submit(PauseSet(self.epoch, False, "staff"))
        self.submit(MaintenanceSet(self.epoch, False, "staff"))
        settled = self.sequencer.state.active or next(iter(self.sequencer.state.recent), None)
        if settled is not None:
            self.submit(RecoveryResolved(self.epoch, settled.delivery_id, resolution, "staff"))

    # --- what holds ---

    @property
    def moving(self) -> bool:
        if self.sequencer.journal_error:
            return False
        return wanted_leg(self.sequencer.state, self.facts) is not None

    @invariant()
    def never_moves_while_stopped_or_suspended(self) -> None:
        if not hasattr(self, "folder"):
            return
        state = self.sequencer.state
        if self.facts.estopped or self.facts.motion_locked or state.suspended:
            assert not self.moving
        if self.moving:
            assert state.active.phase in MOVING_PHASES and moving_allowed(state, self.facts)

    @invariant()
    def the_journal_replays_to_the_state(self) -> None:
        if not hasattr(self, "folder"):
            return
        copy = Path(tempfile.mkdtemp(dir=self.folder))
        for file in self.folder.glob("journal.sqlite3*"):
            shutil.copy(file, copy)
        again = open_journal(copy / "journal.sqlite3", lambda: "another")
        replayed = again.state
        again.close()
        shutil.rmtree(copy)
        assert _without_timers(replayed) == _without_timers(self.told) == _without_timers(self.sequencer.state)

    @invariant()
    def the_story_makes_sense(self) -> None:
        if not hasattr(self, "folder"):
            return
        story: list[Entry] = []
        while batch := self.journal.entries(story[-1].seq if story else 0, 200):
            story += batch
        assert [entry.seq for entry in story] == list(range(1, len(story) + 1))
        _check_one_delivery_at_a_time(story)
        _check_handovers(story)
        _check_legs(story)

    @invariant()
    def results_stay_as_they_were(self) -> None:
        if not hasattr(self, "folder"):
            return
        for (name, attempt), outcome in self.told_results.items():
            found = self.journal.finished(name, attempt)
            assert found is not None and found.outcome is outcome
        active = self.sequencer.state.active
        assert active is None or (active.delivery_id, active.attempt) not in self.told_results
        assert active is None or active.cargo is self.sequencer.state.cargo


def _due(phase: Phase) -> Handover:
    return Handover.LOAD if phase in (Phase.AWAITING_LOAD, Phase.CLEARING) else Handover.UNLOAD


def _without_timers(state: Any) -> Any:
    active = state.active and replace(state.active, timer=None, link_lost=0.0)
    return replace(state, active=active)


def _check_one_delivery_at_a_time(story: list[Entry]) -> None:
    in_hand: tuple[str, int] | None = None
    for entry in story:
        identity = entry.delivery and (entry.delivery.delivery_id, entry.delivery.attempt)
        if entry.event == "GOAL_ACCEPTED":
            assert in_hand is None
            in_hand = identity
        elif entry.event == "DONE":
            assert in_hand == identity
            in_hand = None


def _check_handovers(story: list[Entry]) -> None:
    """From a stop with a hand-over only a confirmation, its time-out, a cancel or a person's word leads on.

    Before the robot leaves one where nobody has loaded, however the delivery goes on or ends, it stands in CLEARING.
    """
    before, reasons = Phase.NONE, set()
    for entry in story:
        if entry.event in (*WAY_ON, "RECOVERY_RESOLVED"):
            reasons.add(entry.event)
        ends = entry.event == "DONE"
        if entry.delivery is None or not (ends or entry.event == "PHASE"):
            continue
        after = entry.delivery.phase
        if before in WAITING_PHASES and after is not Phase.AWAITING_RECOVERY:
            assert reasons, f"left a stop without a reason: {entry}"
        if before is Phase.AWAITING_LOAD and (ends or after in MOVING_PHASES):
            assert reasons & {"HANDOVER_CONFIRMED", "RECOVERY_RESOLVED"}, f"left without standing clear: {entry}"
        if before is Phase.CLEARING and after is not Phase.AWAITING_RECOVERY:
            over = ends and (entry.delivery.outcome is Outcome.FAILED or entry.delivery.cancel_requested)
            assert over or reasons & {"HANDOVER_CONFIRMED", "RECOVERY_RESOLVED"}, f"left CLEARING: {entry}"
        before, reasons = (Phase.NONE if ends else after), set()


def _check_legs(story: list[Entry]) -> None:
    arrived = [entry.detail["leg"] for entry in story if entry.event == "LEG_ARRIVED"]
    assert len(arrived) == len(set(arrived)), "a leg was completed twice"


TestExecutor = Executor.TestCase
TestExecutor.settings = settings(
    max_examples=60, stateful_step_count=50, deadline=None, suppress_health_check=[*HealthCheck]
)
