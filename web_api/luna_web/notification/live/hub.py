"""Fan-out within one process: from what Redis tells to the subscriptions of its sockets. Pure.

A topic follows its stream by number. A number that does not follow the last one is a gap, and so is a connection to
Redis that broke: the topic is then *behind*, keeps what arrives, and the edge reads the stream from where it stands.
What the stream no longer has restarts the subscriptions.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from luna_web.notification.live import frames
from luna_web.notification.live.cursors import Cursor
from luna_web.notification.live.outgoing import Overflow
from luna_web.notification.live.subscription import Backlog, Subscription

MOST_ARRIVED = 10_000
"""How many events a topic keeps while it is behind; with more it reads again."""


class Socket(Protocol):
    """A connection as the hub sees it."""

    phase: int

    def send(self, frame: str) -> None:
        """Raises Overflow."""
        ...

    def send_state(self, channel: str, frame: str) -> None: ...

    def too_slow(self) -> None:
        """End it; it can resume."""
        ...

    def reopen(self, subscription: Subscription) -> None:
        """The subscription was restarted: it needs a snapshot."""
        ...


@dataclass(frozen=True, slots=True)
class Read:
    """What one look at a stream gave, all of one moment: its run and newest number, and the events asked for.

    `events` is None where some of them are gone, or nothing was asked for.
    """

    head: Cursor
    events: Sequence[tuple[int, str]] | None


@dataclass(eq=False)
class Topic:
    """The subscribers of one topic, and how far it has come."""

    name: str
    channel: str
    last: Cursor | None = None
    behind: bool = False
    members: dict[Subscription, Socket] = field(default_factory=dict)
    _arrived: deque[tuple[Cursor, str]] = field(default_factory=deque)

    def arrives(self, cursor: Cursor, body: str) -> bool:
        """An event that Redis tells of; False when the topic has fallen behind and its stream must be read."""
        if self.last is None and not self.behind:
            # Nobody has read a cursor yet: every subscription still keeps what arrives.
            self._forward(cursor, body)
            return True
        if self.behind:
            self._keep(cursor, body)
            return True
        if self._is_old(cursor):
            return True
        if self._follows(cursor):
            self._forward(cursor, body)
            self.last = cursor
            return True
        self.fall_behind()
        self._keep(cursor, body)
        return False

    def fall_behind(self) -> None:
        """What Redis told may not have come through."""
        self.behind = True

    def starts_at(self, head: Cursor) -> None:
        """The first cursor that anybody read; from here on numbers must follow."""
        if self.last is None:
            self.last = head

    def caught_up(self, read: Read) -> list[Subscription]:
        """The stream was read from `last` on. Returns the subscriptions that must begin anew."""
        arrived, self._arrived = self._arrived, deque()
        self.behind = False
        restarted: list[Subscription] = []
        if self.last is None or read.events is None or read.head.run != self.last.run:
            restarted = list(self.members)
            for subscription in restarted:
                subscription.restart()
        else:
            for number, body in read.events:
                self._forward(Cursor(read.head.run, number), body)
        self.last = read.head
        for cursor, body in arrived:
            if cursor.run == read.head.run:  # of an earlier run: gone with it, and no reason to read again
                self.arrives(cursor, body)
        return restarted

    def _keep(self, cursor: Cursor, body: str) -> None:
        self._arrived.append((cursor, body))
        if len(self._arrived) > MOST_ARRIVED:
            self._arrived.popleft()

    def _is_old(self, cursor: Cursor) -> bool:
        return self.last is not None and cursor.run == self.last.run and cursor.number <= self.last.number

    def _follows(self, cursor: Cursor) -> bool:
        return self.last is not None and cursor.run == self.last.run and cursor.number == self.last.number + 1

    def _forward(self, cursor: Cursor, body: str) -> None:
        frame = frames.event(self.channel, cursor, body)
        for subscription, socket in list(self.members.items()):
            try:
                due = subscription.arrives(cursor, frame)
                if due is not None:
                    socket.send(due)
            except (Overflow, Backlog):
                socket.too_slow()


class Hub:
    """Every topic that somebody here has subscribed to."""

    def __init__(self) -> None:
        self._topics: dict[str, Topic] = {}

    def __len__(self) -> int:
        return len(self._topics)

    def topic(self, name: str) -> Topic | None:
        return self._topics.get(name)

    def topics(self) -> Iterator[Topic]:
        return iter(list(self._topics.values()))

    def join(self, subscription: Subscription, socket: Socket) -> Topic:
        name = subscription.topic
        topic = self._topics.get(name)
        if topic is None:
            topic = self._topics[name] = Topic(name, subscription.channel)
        topic.members[subscription] = socket
        return topic

    def leave(self, subscription: Subscription) -> None:
        topic = self._topics.get(subscription.topic)
        if topic is None:
            return
        topic.members.pop(subscription, None)
        if not topic.members:
            del self._topics[topic.name]

    def arrives(self, name: str, cursor: Cursor, body: str) -> Topic | None:
        """An event that Redis tells of; the topic if its stream must be read now."""
        topic = self._topics.get(name)
        if topic is None or topic.arrives(cursor, body):
            return None
        return topic

    def all_behind(self) -> list[Topic]:
        """The connection to Redis broke: nobody knows what was missed."""
        behind = [topic for topic in self._topics.values() if topic.last is not None]
        for topic in behind:
            topic.fall_behind()
        return behind
