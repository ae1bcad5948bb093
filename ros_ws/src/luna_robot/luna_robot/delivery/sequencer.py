"""Feeds the machine one event at a time, and lets nobody see or act on a step before the journal has it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from luna_robot.delivery.events import (
    Answer,
    Event,
    Facts,
    GoalOffered,
    Ledger,
    LegEnded,
    Now,
    Policy,
    PoseMissing,
    Step,
)
from luna_robot.delivery.goals import rejected_delivery
from luna_robot.delivery.journal import JournalError
from luna_robot.delivery.machine import step
from luna_robot.delivery.model import Error, ExecutorState, Verdict

OnAnswer = Callable[[Answer], None]
MAX_WAITING = 256
"""Events that wait for the disk; further ones are refused."""
WRITE_WITHIN = 10.0
"""Seconds after which a disk that has not answered counts as failed. Memory cards pause for a few seconds when they
tidy up; nobody at the robot waits longer for what they asked."""
TOLD_ONCE = (LegEnded, PoseMissing)
"""Events that are kept while the journal fails: nobody tells them again."""


class Book(Ledger, Protocol):
    """The journal, as far as the sequencer needs it."""

    def write(self, step: Step) -> None: ...

    def save_timers(self, state: ExecutorState) -> None: ...

    def check(self) -> None: ...


class Writer(Protocol):
    """Runs a job elsewhere and reports its end on the caller's thread."""

    def run(self, job: Callable[[], None], on_done: Callable[[JournalError | None], None]) -> None: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the sequencer asks of the world: facts, time, and whom it tells."""

    facts: Callable[[], Facts]
    now: Callable[[], Now]
    on_applied: Callable[[Step], None]
    """A step holds; the state may be told and acted on."""
    steady: Callable[[], float]
    """Seconds of a clock that nobody sets."""


class Sequencer:
    """State changes by `submit` alone. When the journal fails, nothing changes any more until it works again."""

    def __init__(
        self, state: ExecutorState, book: Book | None, writer: Writer, around: Surroundings, policy: Policy,
        journal_error: str = "",
    ) -> None:  # fmt: skip
        self.state = state
        self.journal_error = journal_error
        """Why the journal can't be used; empty = it can."""
        self._book = book
        self._writer = writer
        self._around = around
        self.policy = policy
        """In force from the next event on."""
        self._queue: deque[tuple[Event, OnAnswer | None]] = deque()
        self._busy_since: float | None = None
        """Since when the disk has had something to do; None = it has nothing."""
        self._in_hand: OnAnswer | None = None
        """Who waits for the command that is being written."""
        self._pumping = False
        self._pose_missing = False

    @property
    def may_drive(self) -> bool:
        """False: the journal can't be used, or that the pose is missing has not been written down yet."""
        return not self.journal_error and not self._pose_missing

    @property
    def disk_hangs(self) -> bool:
        """What it was told to do is overdue."""
        since = self._busy_since
        return since is not None and self._around.steady() - since >= WRITE_WITHIN

    def submit(self, event: Event, on_answer: OnAnswer | None = None) -> None:
        """The answer comes when the step holds: at once, or when the disk has it."""
        self._pose_missing = self._pose_missing or isinstance(event, PoseMissing)
        if len(self._queue) < MAX_WAITING or isinstance(event, TOLD_ONCE):
            self._queue.append((event, on_answer))
        elif on_answer is not None:
            on_answer(self._refusal(event, "the journal does not keep up"))
        self._pump()

    def look(self) -> None:
        """A disk that hangs is a journal that failed: what waits is refused. To be called often.

        What is being written may still come to hold, so whoever asked for that gets no refusal as long as a goal can
        wait; a command must be answered, and asked again.
        """
        if self.journal_error or not self.disk_hangs:
            return
        self.journal_error = f"the disk has not answered for {WRITE_WITHIN:.0f} s"
        asked, self._in_hand = self._in_hand, None
        if asked is not None:
            why = f"{self.journal_error}; it may still be done"
            asked(Answer(Verdict.REFUSED, Error.JOURNAL, why, self.state.active))
        self._refuse_what_waits()

    def save_timers(self) -> None:
        """Also finds out whether a journal that failed works again."""
        self._try_disk(lambda book, state: book.save_timers(state))

    def check_journal(self) -> None:
        """Find out whether the journal is still there, without writing."""
        self._try_disk(lambda book, _: book.check())

    def _try_disk(self, work: Callable[[Book, ExecutorState], None]) -> None:
        if self._book is None or self._busy_since is not None:
            return
        book, state = self._book, self.state
        self._busy_since = self._around.steady()
        self._writer.run(lambda: work(book, state), self._disk_tried)

    def _disk_tried(self, error: JournalError | None) -> None:
        self._busy_since = None
        self.journal_error = str(error) if error else ""
        self._pump()

    def _pump(self) -> None:
        if self._pumping:
            return
        self._pumping = True
        try:
            while self._queue:
                if self._book is None or self.journal_error:
                    self._refuse_what_waits()
                    return
                if self._busy_since is not None:
                    return
                self._take(self._book, *self._queue.popleft())
        finally:
            self._pumping = False

    def _take(self, book: Book, event: Event, on_answer: OnAnswer | None) -> None:
        try:
            taken = step(self.state, event, self._around.facts(), self._around.now(), book, self.policy)
        except JournalError as error:
            self._fail(error, event, on_answer)
            return
        if taken.durable:
            self._write(book, taken, event, on_answer)
        else:
            self._apply(taken, event, on_answer)

    def _write(self, book: Book, taken: Step, event: Event, on_answer: OnAnswer | None) -> None:
        self._busy_since = self._around.steady()
        asked = None if isinstance(event, GoalOffered) else on_answer
        self._in_hand = asked

        def done(error: JournalError | None) -> None:
            answered = asked is not None and self._in_hand is None
            self._busy_since = self._in_hand = None
            self.journal_error = str(error) if error else ""
            if error is None:
                self._apply(taken, event, None if answered else on_answer)
            else:
                self._fail(error, event, None if answered else on_answer)
            self._pump()

        self._writer.run(lambda: book.write(taken), done)

    def _apply(self, taken: Step, event: Event, on_answer: OnAnswer | None) -> None:
        self.state = taken.state
        self._pose_missing = self._pose_missing and not isinstance(event, PoseMissing)
        self._around.on_applied(taken)
        if on_answer is not None:
            on_answer(taken.answer)

    def _fail(self, error: JournalError, event: Event, on_answer: OnAnswer | None) -> None:
        self.journal_error = str(error)
        self._queue.appendleft((event, on_answer))
        self._refuse_what_waits()

    def _refuse_what_waits(self) -> None:
        """Commands are answered; what is told only once is kept."""
        waiting, self._queue = self._queue, deque()
        for event, on_answer in waiting:
            if isinstance(event, TOLD_ONCE):
                self._queue.append((event, on_answer))
            elif on_answer is not None:
                on_answer(self._refusal(event, self.journal_error))

    def _refusal(self, event: Event, why: str) -> Answer:
        delivery = self.state.active
        if isinstance(event, GoalOffered):
            delivery = rejected_delivery(event.goal, Error.JOURNAL, why, self._around.now().ros)
        return Answer(Verdict.REFUSED, Error.JOURNAL, why[:256], delivery)
