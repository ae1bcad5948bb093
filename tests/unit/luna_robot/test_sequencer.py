"""Nobody sees or acts on a step before the journal has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from luna_robot.delivery.events import (
    Answer,
    CancelAsked,
    GoalOffered,
    HandoverConfirmed,
    LegEnded,
    LegResult,
    Now,
    PauseSet,
    Policy,
    PoseMissing,
    Step,
    Tick,
)
from luna_robot.delivery.journal import JournalError
from luna_robot.delivery.machine import wanted_leg
from luna_robot.delivery.model import Cargo, Delivery, Error, ExecutorState, Handover, Phase, Verdict
from luna_robot.delivery.sequencer import MAX_WAITING, WRITE_WITHIN, Sequencer, Surroundings
from tests.unit.luna_robot.bench import WELL, student_delivery

GOAL = GoalOffered(student_delivery(), 1, "boot")
LOADED = HandoverConfirmed(1, "d1", 1, Handover.LOAD, 1, Cargo.UNKNOWN, "test")


class Book:
    """A journal that can be full."""

    def __init__(self) -> None:
        self.written: list[Step] = []
        self.saved: list[ExecutorState] = []
        self.full = False
        self.gone = False
        self.unreadable = False

    def write(self, step: Step) -> None:
        if self.full:
            raise JournalError("disk full")
        self.written.append(step)

    def save_timers(self, state: ExecutorState) -> None:
        if self.full:
            raise JournalError("disk full")
        self.saved.append(state)

    def check(self) -> None:
        if self.gone:
            raise JournalError("gone")

    def finished(self, delivery_id: str, attempt: int = 0) -> Delivery | None:
        if self.unreadable:
            raise JournalError("unreadable")
        return None


class Writer:
    """A disk that takes its time: jobs wait for `work`."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Callable[[], None], Callable[[Any], None]]] = []

    def run(self, job: Callable[[], None], on_done: Callable[[Any], None]) -> None:
        self.jobs.append((job, on_done))

    def work(self) -> None:
        while self.jobs:
            job, on_done = self.jobs.pop(0)
            try:
                job()
            except JournalError as error:
                on_done(error)
            else:
                on_done(None)


class Rig:
    def __init__(self, error: str = "", with_book: bool = True) -> None:
        self.book, self.writer = Book(), Writer()
        self.applied: list[Step] = []
        self.answers: list[Answer] = []
        self.facts = WELL
        self.now = 0.0
        around = Surroundings(lambda: self.facts, lambda: Now(1, 2), self.applied.append, lambda: self.now)
        book = self.book if with_book else None
        self.sequencer = Sequencer(ExecutorState(), book, self.writer, around, Policy(), error)

    def submit(self, event: Any) -> None:
        self.sequencer.submit(event, self.answers.append)

    @property
    def phase(self) -> Phase:
        active = self.sequencer.state.active
        return active.phase if active else Phase.NONE


def test_nothing_is_told_before_it_is_written():
    rig = Rig()
    rig.submit(GOAL)
    assert (rig.phase, rig.answers, rig.applied) == (Phase.NONE, [], [])
    rig.writer.work()
    assert (rig.phase, len(rig.answers), len(rig.applied)) == (Phase.TO_PICKUP, 1, 1)


def test_events_are_taken_one_after_the_other_in_their_order():
    rig = Rig()
    for event in (GOAL, LegEnded(1, LegResult.ARRIVED), LOADED):
        rig.submit(event)
    assert len(rig.writer.jobs) == 1
    rig.writer.work()
    assert rig.phase is Phase.TO_DROPOFF
    assert [answer.verdict for answer in rig.answers] == [Verdict.ACCEPTED] * 3


def test_what_needs_no_disk_is_taken_at_once():
    rig = Rig()
    rig.submit(Tick(1.0))
    assert len(rig.answers) == 1 and not rig.writer.jobs


def test_an_event_submitted_while_another_is_applied_waits_its_turn():
    rig = Rig()
    order: list[str] = []
    rig.sequencer.submit(
        Tick(), lambda _: (rig.sequencer.submit(Tick(), lambda _: order.append("b")), order.append("a"))
    )
    assert order == ["a", "b"]


def test_a_full_disk_refuses_commands_and_changes_nothing():
    rig = Rig()
    rig.book.full = True
    rig.submit(GOAL)
    rig.writer.work()
    assert (rig.phase, rig.sequencer.journal_error) == (Phase.NONE, "disk full")
    refused = rig.answers[0].delivery
    assert refused is not None and refused.error is Error.JOURNAL
    rig.submit(PauseSet(1, True, "staff"))
    assert (rig.answers[1].verdict, rig.answers[1].error) == (Verdict.REFUSED, Error.JOURNAL)
    assert not rig.sequencer.state.paused


def test_the_end_of_a_leg_is_kept_until_the_disk_works_again():
    rig = Rig()
    rig.submit(GOAL)
    rig.writer.work()
    rig.book.full = True
    rig.sequencer.submit(LegEnded(1, LegResult.ARRIVED))
    rig.writer.work()
    assert rig.phase is Phase.TO_PICKUP
    rig.sequencer.save_timers()
    rig.writer.work()
    assert rig.sequencer.journal_error == "disk full"
    rig.book.full = False
    rig.sequencer.save_timers()
    rig.writer.work()
    assert (rig.phase, rig.sequencer.journal_error) == (Phase.AWAITING_LOAD, "")


def test_a_missing_pose_is_kept_too_and_nothing_is_driven_before_it_is_written():
    """Restarted with a delivery in hand and the disk full; the pose comes when the disk works again."""
    rig = Rig()
    rig.submit(GOAL)
    rig.writer.work()
    rig.facts = replace(WELL, localized=False)
    rig.book.full = True
    rig.sequencer.save_timers()
    rig.writer.work()
    rig.sequencer.submit(PoseMissing())
    rig.facts = WELL
    rig.book.full = False
    rig.sequencer.save_timers()
    rig.writer.jobs.pop(0)[1](None)
    assert (rig.sequencer.journal_error, rig.phase, rig.sequencer.may_drive) == ("", Phase.TO_PICKUP, False)
    rig.writer.work()
    assert (rig.phase, rig.sequencer.may_drive) == (Phase.AWAITING_RECOVERY, True)
    assert wanted_leg(rig.sequencer.state, rig.facts) is None


def test_a_disk_that_hangs_is_a_journal_that_failed():
    rig = Rig()
    rig.submit(GOAL)
    rig.writer.work()
    rig.submit(PauseSet(1, True, "staff"))
    rig.submit(PauseSet(1, False, "staff"))
    rig.sequencer.submit(LegEnded(1, LegResult.ARRIVED))
    rig.now = WRITE_WITHIN - 0.1
    rig.sequencer.look()
    assert (rig.sequencer.journal_error, rig.sequencer.may_drive, len(rig.answers)) == ("", True, 1)
    rig.now = WRITE_WITHIN
    rig.sequencer.look()
    assert rig.sequencer.journal_error and not rig.sequencer.may_drive
    rig.submit(CancelAsked(1, "d1", 1, "not wanted"))
    assert [answer.error for answer in rig.answers[1:]] == [Error.JOURNAL] * 3
    assert "may still be done" in rig.answers[1].message
    rig.writer.work()
    assert (rig.sequencer.journal_error, rig.sequencer.may_drive) == ("", True), "it was slow"
    assert rig.sequencer.state.paused and rig.phase is Phase.AWAITING_LOAD
    assert len(rig.answers) == 4, "each was answered once"


def test_a_goal_that_a_hanging_disk_was_given_is_answered_when_it_holds():
    rig = Rig()
    rig.submit(GOAL)
    rig.now = WRITE_WITHIN
    rig.sequencer.look()
    assert rig.sequencer.journal_error and rig.answers == []
    rig.writer.work()
    assert (len(rig.answers), rig.phase) == (1, Phase.TO_PICKUP)


def test_a_journal_that_is_gone_is_noticed_without_writing():
    rig = Rig()
    rig.book.gone = True
    rig.sequencer.check_journal()
    rig.now = WRITE_WITHIN
    rig.sequencer.look()
    assert rig.sequencer.journal_error, "looking for it can hang too"
    rig.writer.work()
    assert rig.sequencer.journal_error == "gone"
    assert not rig.book.written and not rig.book.saved


def test_a_journal_that_cannot_be_read_is_an_error_too():
    rig = Rig()
    rig.book.unreadable = True
    rig.submit(GOAL)
    assert rig.answers[0].delivery is not None
    assert rig.sequencer.journal_error == "unreadable"


def test_without_a_journal_everything_is_refused():
    rig = Rig("damaged", with_book=False)
    rig.submit(GOAL)
    rig.sequencer.submit(Tick())
    rig.sequencer.save_timers()
    assert rig.answers[0].error is Error.JOURNAL
    assert not rig.writer.jobs


def test_a_disk_that_does_not_keep_up_is_said():
    rig = Rig()
    rig.submit(GOAL)
    for _ in range(300):
        rig.submit(PauseSet(1, True, "staff"))
    assert len(rig.answers) == 300 - MAX_WAITING
    assert {answer.error for answer in rig.answers} == {Error.JOURNAL}
    rig.sequencer.submit(LegEnded(1, LegResult.ARRIVED))
    rig.writer.work()
    assert rig.phase is Phase.AWAITING_LOAD


def test_timers_are_not_saved_while_a_step_is_being_written():
    rig = Rig()
    rig.submit(GOAL)
    rig.sequencer.save_timers()
    assert len(rig.writer.jobs) == 1
    rig.writer.work()
    rig.sequencer.save_timers()
    rig.writer.work()
    assert rig.book.saved == [rig.sequencer.state]
