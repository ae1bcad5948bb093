"""Where robots are: the newest of each, written once, and who is shown it. Pure.

A robot speaks ten times a second; a client gets one frame a tick. Sockets are spread over `PHASES` parts of a tick,
so that a thousand of them are not served in the same instant.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from luna_web.notification.live import frames
from luna_web.notification.live.channels import Kind, topic_of
from luna_web.notification.live.hub import Hub, Topic

PHASES = 5
FORGET_SECONDS = 60.0
"""A robot not heard of for so long is left out; what it showed last is in its row."""


@dataclass(frozen=True, slots=True)
class Position:
    """One status of a robot. `stamp` (seconds) orders those of one robot; `brief` and `full` are JSON objects.

    `delivery_id` is the delivery that the robot says it carries out, "" for none.
    """

    robot_id: str
    stamp: float
    delivery_id: str
    brief: str
    full: str

    def written(self) -> str:
        return self.full


@dataclass(slots=True)
class _Newest:
    position: Position
    heard_at: float
    change: int


@dataclass
class Positions:
    """The newest position of each robot, and which phase has been shown what."""

    _robots: dict[str, _Newest] = field(default_factory=dict)
    _changes: int = 0
    _shown: list[int] = field(default_factory=lambda: [0] * PHASES)

    def hear(self, positions: Iterable[Position], now: float) -> None:
        """An older one than is known changes nothing: it came a longer way."""
        for position in positions:
            known = self._robots.get(position.robot_id)
            if known is not None and known.position.stamp >= position.stamp:
                continue
            self._changes += 1
            self._robots[position.robot_id] = _Newest(position, now, self._changes)

    def tick(self, hub: Hub, phase: int, now: float) -> None:
        """Show the sockets of this phase what has changed since it was theirs."""
        since, self._shown[phase] = self._shown[phase], self._changes
        self._forget(now - FORGET_SECONDS)
        changed = [known.position for known in self._robots.values() if known.change > since]
        if not changed:
            return
        self._show(hub.topic(topic_of(Kind.ROBOTS)), phase, self._everybody)
        for position in changed:
            self._show(hub.topic(topic_of(Kind.ROBOT, position.robot_id)), phase, position.written)
            if position.delivery_id:
                self._show(hub.topic(topic_of(Kind.DELIVERY, position.delivery_id)), phase, position.written)

    def _everybody(self) -> str:
        """Complete, and not what has changed: a slow reader misses frames, never a robot."""
        return '{"robots":[' + ",".join(known.position.brief for known in self._robots.values()) + "]}"

    def _show(self, topic: Topic | None, phase: int, payload: Callable[[], str]) -> None:
        if topic is None:
            return
        frame: str | None = None
        for subscription, socket in topic.members.items():
            if socket.phase == phase and subscription.live:
                frame = frame or frames.state(topic.channel, payload())
                socket.send_state(topic.channel, frame)

    def _forget(self, before: float) -> None:
        for robot_id in [robot_id for robot_id, known in self._robots.items() if known.heard_at < before]:
            del self._robots[robot_id]


def packed(positions: Sequence[Position]) -> list[list[object]]:
    """As one message of Redis carries them."""
    return [[one.robot_id, one.stamp, one.delivery_id, one.brief, one.full] for one in positions]


def unpacked(message: list[list[object]]) -> list[Position]:
    """Raises ValueError, TypeError for what `packed` did not write."""
    found = []
    for robot_id, stamp, delivery_id, brief, full in message:
        found.append(Position(str(robot_id), float(str(stamp)), str(delivery_id), str(brief), str(full)))
    return found
