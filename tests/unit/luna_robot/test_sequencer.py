"""Nobody sees or acts on a step before the journal has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from luna_robot.delivery.events import (
    Answer,
    GoalOffered,
    HandoverConfirmed,
    LegEnded,
    LegResult,
    Now,
    PauseSet,
    Policy,
    Step,
    Tick,
)
from luna_robot.delivery.journal import JournalError
from luna_robot.delivery.model import Cargo, Delivery, Error, ExecutorState, Handover, Phase, Verdict
from luna_robot.delivery.sequencer import MAX_WAITING, Sequencer, Surroundings
from tests.unit.luna_robot.bench import WELL, student_delivery

GOAL = GoalOffered(student_delivery(), 1, "boot")
LOADED = HandoverConfirmed(1, "d1", 1, Handover.LOAD, 1, Cargo.UNKNOWN, "test")


class Book:
    """A journal that can be full."""

    def __init__(self) -> None:
        self.written: list[Step] = []
        self.saved: list[ExecutorState] = []
        self.full = False
        self.unreadable = False

    def write(self, step: Step) -> None:
        if self.full:
            raise JournalError("disk full")
        self.written.append(step)

    def save_timers(self, state: ExecutorState) -> None:
        if self.full:
            raise JournalError("disk full")
        self.saved.append(state)

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
        around = Surroundings(lambda: WELL, lambda: Now(1, 2), self.applied.append)
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
