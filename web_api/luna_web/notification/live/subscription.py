"""One channel of one socket: what to forward when. Pure.

    OPENING ──placed(cursor)──► PLACED ──opened(frames)──► LIVE
       ▲                                                     │
       └────────────────────── restart ──────────────────────┘

While OPENING whatever arrives is kept, since the cursor is about to be read; once it is (PLACED), what the cursor
includes is dropped, as the snapshot read after it shows it; then the rest is forwarded and so on for ever. So nothing
is missed and nothing comes twice, whatever overtakes what.
"""

from collections import deque
from enum import StrEnum

from luna_web.notification.live.cursors import Cursor


class Stage(StrEnum):
    OPENING = "OPENING"
    PLACED = "PLACED"
    LIVE = "LIVE"


class Backlog(Exception):
    """More arrived while the snapshot was read than may wait."""


class Subscription:
    """`most_waiting` bounds what is kept until the snapshot is there."""

    def __init__(self, channel: str, topic: str, wanted: Cursor | None, most_waiting: int = 1000) -> None:
        self.channel = channel
        self.topic = topic
        self.wanted = wanted
        """Where the client says it stands."""
        self.stage = Stage.OPENING
        self.lap = 0
        """Counts restarts: what was read for an earlier lap no longer fits."""
        self._most_waiting = most_waiting
        self._at: Cursor | None = None
        self._waiting: deque[tuple[Cursor, str]] = deque()

    @property
    def live(self) -> bool:
        return self.stage is Stage.LIVE

    def arrives(self, cursor: Cursor, frame: str) -> str | None:
        """An event of the channel, in the channel's order; the frame if it is to be sent now. Raises Backlog."""
        if self.stage is not Stage.LIVE:
            if len(self._waiting) >= self._most_waiting:
                raise Backlog
            self._waiting.append((cursor, frame))
            return None
        return frame if self._takes(cursor) else None

    def connects(self, cursor: Cursor, last: Cursor | None) -> bool:
        """Whether what arrived meanwhile follows this cursor of the channel without a gap, up to its topic's `last`.

        What the topic counts as old does not arrive any more: another subscription's cursor, read later than this one,
        may have made it so. If there is a gap, what arrived is forgotten: the cursor must be read again, and is then
        beyond it.
        """
        first: Cursor | None = None
        previous: Cursor | None = None
        for arrived, _ in self._waiting:
            if previous is None or (arrived.run, arrived.number) != (previous.run, previous.number + 1):
                first = arrived
            previous = arrived
        follows = first is None or (first.run == cursor.run and first.number <= cursor.number + 1)
        known = max(cursor.number, previous.number if previous else 0)
        if follows and (last is None or last.run != cursor.run or last.number <= known):
            return True
        self._waiting.clear()
        return False

    def placed(self, cursor: Cursor) -> None:
        """The channel's cursor was read; what the client gets next includes everything up to it."""
        self.stage, self._at = Stage.PLACED, cursor

    def opened(self) -> list[str]:
        """Snapshot, or what was missed, is on its way: the frames that arrived meanwhile and belong behind it."""
        self.stage = Stage.LIVE
        waiting, self._waiting = self._waiting, deque()
        return [frame for cursor, frame in waiting if self._takes(cursor)]

    def restart(self) -> None:
        """What follows does not connect to what was sent: begin anew, with a snapshot."""
        if self.stage is not Stage.OPENING:
            self.wanted = None
        self.stage, self._at = Stage.OPENING, None
        self.lap += 1
        self._waiting.clear()

    def _takes(self, cursor: Cursor) -> bool:
        if self._at is None or cursor.run != self._at.run or cursor.number <= self._at.number:
            return False
        self._at = cursor
        return True
