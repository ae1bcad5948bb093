"""Callbacks that come if nothing else does. Time is given, so no thread and no timer of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Awaited(Protocol):
    """What rclpy's futures have."""

    def add_done_callback(self, callback: Callable[[Any], None]) -> None: ...


@dataclass(eq=False)
class Deadline:
    due: float
    callback: Callable[[], None]


class Deadlines:
    """Seconds of a steady clock, as far as `poll` has told."""

    def __init__(self) -> None:
        self._now = 0.0
        self._pending: list[Deadline] = []

    def after(self, seconds: float, callback: Callable[[], None]) -> Deadline:
        deadline = Deadline(self._now + seconds, callback)
        self._pending.append(deadline)
        return deadline

    def drop(self, deadline: Deadline) -> None:
        """It is not needed any more; dropping twice does no harm."""
        if deadline in self._pending:
            self._pending.remove(deadline)

    def poll(self, now: float) -> None:
        self._now = now
        due = [d for d in self._pending if d.due <= now]
        for deadline in due:
            self.drop(deadline)
            deadline.callback()

    def gather(self, calls: Sequence[Awaited], seconds: float, on_done: Callable[[bool], None]) -> None:
        """Report once: True when all calls were answered, False when the time was over first."""
        left = set(range(len(calls)))
        if not left:
            on_done(True)
            return
        deadline = self.after(seconds, lambda: _give_up(left, on_done))

        def answered(index: int) -> None:
            if index in left:
                left.remove(index)
                if not left:
                    self.drop(deadline)
                    on_done(True)

        for index, call in enumerate(calls):
            call.add_done_callback(_ignoring_result(answered, index))


def _give_up(left: set[int], on_done: Callable[[bool], None]) -> None:
    left.clear()
    on_done(False)


def _ignoring_result(answered: Callable[[int], None], index: int) -> Callable[[Any], None]:
    return lambda _: answered(index)
