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
    Step,
)
from luna_robot.delivery.goals import rejected_delivery
from luna_robot.delivery.journal import JournalError
from luna_robot.delivery.machine import step
from luna_robot.delivery.model import Error, ExecutorState, Verdict

OnAnswer = Callable[[Answer], None]
MAX_WAITING = 256
"""Events that wait for the disk; further ones are refused."""


class Book(Ledger, Protocol):
    """The journal, as far as the sequencer needs it."""

    def write(self, step: Step) -> None: ...

    def save_timers(self, state: ExecutorState) -> None: ...


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
        self._busy = False
        self._pumping = False

    def submit(self, event: Event, on_answer: OnAnswer | None = None) -> None:
        """The answer comes when the step holds: at once, or when the disk has it."""
        if len(self._queue) < MAX_WAITING or isinstance(event, LegEnded):
            self._queue.append((event, on_answer))
        elif on_answer is not None:
            on_answer(self._refusal(event, "the journal does not keep up"))
        self._pump()

    def save_timers(self) -> None:
        """Also finds out whether a journal that failed works again."""
        if self._book is None or self._busy:
            return
        book, state = self._book, self.state
        self._busy = True
        self._writer.run(lambda: book.save_timers(state), self._timers_saved)

    def _timers_saved(self, error: JournalError | None) -> None:
        self._busy = False
        self.journal_error = str(error) if error else ""
        self._pump()

    def _pump(self) -> None:
        if self._pumping:
            return
        self._pumping = True
        try:
            while self._queue and not self._busy:
                if self._book is None or self.journal_error:
                    self._refuse_what_waits()
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
            self._apply(taken, on_answer)

    def _write(self, book: Book, taken: Step, event: Event, on_answer: OnAnswer | None) -> None:
        self._busy = True

        def done(error: JournalError | None) -> None:
            self._busy = False
            if error is None:
                self._apply(taken, on_answer)
            else:
                self._fail(error, event, on_answer)
            self._pump()

        self._writer.run(lambda: book.write(taken), done)

    def _apply(self, taken: Step, on_answer: OnAnswer | None) -> None:
        self.state = taken.state
        self._around.on_applied(taken)
        if on_answer is not None:
            on_answer(taken.answer)

    def _fail(self, error: JournalError, event: Event, on_answer: OnAnswer | None) -> None:
        self.journal_error = str(error)
        self._queue.appendleft((event, on_answer))
        self._refuse_what_waits()

    def _refuse_what_waits(self) -> None:
        """Commands are answered; the end of a leg is kept, because it is told only once."""
        waiting, self._queue = self._queue, deque()
        for event, on_answer in waiting:
            if isinstance(event, LegEnded):
                self._queue.append((event, on_answer))
            elif on_answer is not None:
                on_answer(self._refusal(event, self.journal_error))

    def _refusal(self, event: Event, why: str) -> Answer:
        delivery = self.state.active
        if isinstance(event, GoalOffered):
            delivery = rejected_delivery(event.goal, Error.JOURNAL, why, self._around.now().ros)
        return Answer(Verdict.REFUSED, Error.JOURNAL, why[:256], delivery)
