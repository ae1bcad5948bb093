"""The lock topic as twist_mux treats it: true locks, and so does silence."""

from dataclasses import dataclass

from luna_sim.core.robot import Lock

SILENCE = 0.5
"""Seconds of wall time without a message after which motion is locked."""


@dataclass(frozen=True, slots=True)
class EstopWatch:
    """What was heard last, and when (seconds of a steady clock).

    Nothing heard yet counts as silence, unless the topic is `optional`: then its first message arms the watch, and a
    robot that nobody watches over drives, as one without twist_mux does.
    """

    engaged: bool = False
    heard_at: float | None = None
    optional: bool = False

    def heard(self, engaged: bool, now: float) -> "EstopWatch":
        return EstopWatch(engaged, now, self.optional)

    def locks(self, now: float) -> frozenset[Lock]:
        """The locks that the topic holds now."""
        if self.heard_at is None and self.optional:
            return frozenset()
        if self.heard_at is None or now - self.heard_at > SILENCE:
            return frozenset({Lock.SILENCE, Lock.ESTOP} if self.engaged else {Lock.SILENCE})
        return frozenset({Lock.ESTOP}) if self.engaged else frozenset()
