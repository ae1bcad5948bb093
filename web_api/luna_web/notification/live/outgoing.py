"""What waits to be sent to one client: events in order and never dropped, positions of which only the newest counts.

Signs of life go before everything: a client that is busy with a long backlog has to hear the ping, to answer it.

Pure. Whoever puts wakes the one who takes; a buffer that is full is the end of the connection, which can resume.
"""

from collections import deque
from typing import AnyStr, Generic


class Overflow(Exception):
    """The reader is too slow: more events wait than the buffer may hold."""


class Outgoing(Generic[AnyStr]):
    """Bounded by `most_frames` and `most_bytes`. One frame of any size is let into an empty buffer."""

    def __init__(self, most_frames: int, most_bytes: int) -> None:
        self._most_frames = most_frames
        self._most_bytes = most_bytes
        self._frames: deque[AnyStr] = deque()
        self._bytes = 0
        self._states: dict[str, AnyStr] = {}
        self._signs: dict[AnyStr, None] = {}

    def __bool__(self) -> bool:
        return bool(self._frames or self._states or self._signs)

    @property
    def has_room(self) -> bool:
        """Whether something large, a snapshot, may be made for this reader now."""
        return 2 * self._bytes <= self._most_bytes and 2 * len(self._frames) <= self._most_frames

    def put(self, frame: AnyStr) -> None:
        """Raises Overflow; nothing is put then."""
        full = len(self._frames) >= self._most_frames or self._bytes + len(frame) > self._most_bytes
        if full and self._frames:
            raise Overflow
        self._frames.append(frame)
        self._bytes += len(frame)

    def put_sign(self, frame: AnyStr) -> None:
        """A ping or a pong; one that waits already says the same."""
        self._signs[frame] = None

    def put_state(self, channel: str, frame: AnyStr) -> bool:
        """Whether it took the place of an older one that was not sent yet."""
        replaces = channel in self._states
        self._states[channel] = frame
        return replaces

    def drop_state(self, channel: str) -> None:
        self._states.pop(channel, None)

    def take(self) -> AnyStr | None:
        """The next frame to be sent: signs of life, then events, so that positions never delay them."""
        if self._signs:
            return self._signs.popitem()[0]
        if self._frames:
            frame = self._frames.popleft()
            self._bytes -= len(frame)
            return frame
        if self._states:
            channel = next(iter(self._states))
            return self._states.pop(channel)
        return None
