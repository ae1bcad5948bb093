"""The client's side of the protocol, without sockets and clocks: text comes in, messages and answers go out. Pure."""

import json
from collections.abc import Iterable
from dataclasses import InitVar, dataclass, field
from datetime import datetime
from typing import Any

from luna_client.messages import Event, Message, Positions, Refused, Snapshot

SUBPROTOCOL = "luna.v1"
MOST_A_MESSAGE = 100
MOST_REMEMBERED = 1000
"""Told events that a channel knows by their ids: more than are published at once."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What follows from one message of the server.

    What to tell the user, what to answer, for how many seconds the token is good if it was accepted just now.
    """

    tell: Message | None = None
    answer: str | None = None
    expires_in: float | None = None


@dataclass
class Protocol:
    """Which channels are wanted, and where each stands. It outlives connections.

    The server answers in lower case: `delivery:5A…` and `delivery:5a…` are one channel.
    """

    wanted: InitVar[Iterable[str]] = ()
    channels: dict[str, None] = field(default_factory=dict, init=False)
    cursors: dict[str, str] = field(default_factory=dict, init=False)
    _resyncing: set[str] = field(default_factory=set, init=False)
    _told: dict[str, dict[str, None]] = field(default_factory=dict, init=False)
    """The ids of the latest events of each channel: what Redis lost as it told of it is published again."""

    def __post_init__(self, wanted: Iterable[str]) -> None:
        self.channels = _names(wanted)

    def connected(self) -> list[str]:
        """What to say on a new connection: every channel, each from where it stands."""
        self._resyncing.clear()
        return _subscribing(self.channels, self.cursors)

    def subscribe(self, channels: Iterable[str]) -> list[str]:
        """Want these too; what to say on a connection that is open. Those that are wanted already change nothing."""
        new = [channel for channel in _names(channels) if channel not in self.channels]
        self.channels.update(dict.fromkeys(new))
        return _subscribing(new, {})

    def unsubscribe(self, channels: Iterable[str]) -> list[str]:
        gone = [channel for channel in _names(channels) if channel in self.channels]
        for channel in gone:
            self._forget(channel)
        return [_text({"op": "unsubscribe", "channels": some}) for some in _parts(gone)]

    def receive(self, text: str) -> Turn:
        """Raises ValueError for what is no message of the protocol. Operations of later servers are passed over."""
        frame = json.loads(text)
        if not isinstance(frame, dict):
            raise ValueError("a message is a JSON object")
        try:
            return self._take(frame)
        except (KeyError, TypeError) as error:
            raise ValueError(f"a message without {error}") from error

    def _take(self, frame: dict[str, Any]) -> Turn:
        match frame.get("op"):
            case "event":
                return self._event(frame)
            case "state":
                wanted = frame["channel"] in self.cursors
                return Turn(Positions(frame["channel"], frame["payload"]) if wanted else None)
            case "subscribed":
                return self._subscribed(frame)
            case "resync":
                self._resyncing.add(frame["channel"])
                return Turn()
            case "error":
                channel = frame.get("channel")
                if channel is not None:
                    self._forget(channel)
                return Turn(Refused(channel, frame["code"], frame["message"]))
            case "ping":
                return Turn(answer='{"op":"pong"}')
            case "authenticated":
                return Turn(expires_in=float(frame["expires_in"]))
        return Turn()

    def _event(self, frame: dict[str, Any]) -> Turn:
        channel, cursor = frame["channel"], frame["cursor"]
        known = self.cursors.get(channel)
        if known is None or _is_old(cursor, known):
            return Turn()  # what comes before the snapshot was meant for a subscription that was given up
        self.cursors[channel] = cursor
        if not self._is_news(channel, frame["eventId"]):
            return Turn()
        at = datetime.fromisoformat(frame["timestamp"])
        told = Event(channel, frame["eventId"], frame["eventType"], at, frame["source"], frame["payload"], cursor)
        return Turn(told)

    def _is_news(self, channel: str, event_id: str) -> bool:
        told = self._told.setdefault(channel, {})
        if event_id in told:
            return False
        told[event_id] = None
        if len(told) > MOST_REMEMBERED:
            del told[next(iter(told))]
        return True

    def _subscribed(self, frame: dict[str, Any]) -> Turn:
        channel = frame["channel"]
        if channel not in self.channels:
            return Turn()
        self.cursors[channel] = frame["cursor"]
        resynced = channel in self._resyncing
        self._resyncing.discard(channel)
        state = frame.get("snapshot")
        return Turn(None if state is None else Snapshot(channel, state, resynced))

    def _forget(self, channel: str) -> None:
        self.channels.pop(channel, None)
        self.cursors.pop(channel, None)
        self._told.pop(channel, None)
        self._resyncing.discard(channel)


def _subscribing(channels: Iterable[str], cursors: dict[str, str]) -> list[str]:
    told = []
    for some in _parts(list(channels)):
        known = {channel: cursors[channel] for channel in some if channel in cursors}
        told.append(_text({"op": "subscribe", "channels": some, **({"cursors": known} if known else {})}))
    return told


def _parts(channels: list[str]) -> list[list[str]]:
    return [channels[start : start + MOST_A_MESSAGE] for start in range(0, len(channels), MOST_A_MESSAGE)]


def _names(channels: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys(channel.lower() for channel in channels)


def _is_old(cursor: str, known: str) -> bool:
    """Whether a cursor of the same run is not beyond the one that is known."""
    run, _, number = cursor.rpartition(":")
    known_run, _, known_number = known.rpartition(":")
    return run == known_run and int(number) <= int(known_number)


def _text(frame: dict[str, Any]) -> str:
    return json.dumps(frame, separators=(",", ":"))
