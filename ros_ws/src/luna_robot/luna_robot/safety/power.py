"""The power of the motors follows the latch: what to tell the base's own stop (`e_stop` of a Create 3), and when."""

from __future__ import annotations

from dataclasses import dataclass

ANSWER_WITHIN = 2.0
"""Seconds after which an order that was not answered is given again."""
REMIND_AFTER = 2.0
"""Seconds after which a base whose power is cut is told again: a TurtleBot 4's own menu can give it back."""


@dataclass(frozen=True, slots=True)
class Order:
    """`cut`: True takes the motors' power away, False gives it back."""

    number: int
    cut: bool


class PowerSwitch:
    """Level-triggered: `order` says what to tell the base now, as often as anyone asks; None = nothing.

    What was told once is told again while it cuts the power: others may give it back behind our back.
    Only power that was taken from here is given back. `taken` says whether it may have been, also by an earlier process
    that was killed: it is to be kept on the disk. Times are seconds of a steady clock.
    """

    def __init__(self, taken: bool) -> None:
        self.taken = taken
        self._confirmed: bool | None = None
        self._order: Order | None = None
        self._ordered_at = 0.0
        self._orders = 0

    def order(self, cut: bool, now: float) -> Order | None:
        """What to tell the base so that its power is cut, or is not."""
        if not (cut or self.taken):
            return None
        if self._confirmed == cut and not (cut and now - self._ordered_at >= REMIND_AFTER):
            return None
        pending = self._order
        if pending is not None and pending.cut == cut and now - self._ordered_at < ANSWER_WITHIN:
            return None
        self._orders += 1
        self._order, self._ordered_at = Order(self._orders, cut), now
        self._confirmed = None
        self.taken = self.taken or cut
        return self._order

    def answered(self, order: Order, done: bool) -> None:
        """The base has answered; an answer to an earlier order than the last says nothing."""
        if order != self._order or not done:
            return
        self._order, self._confirmed = None, order.cut
        self.taken = order.cut

    def away(self) -> None:
        """The base is not there: when it is back, it may have forgotten what it was told."""
        self._order = self._confirmed = None
