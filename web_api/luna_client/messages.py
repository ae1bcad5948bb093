"""What a client is told."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole state of a channel. Forget what you knew of it; events that follow build on this.

    `resynced`: it comes because something was missed for good.
    """

    channel: str
    state: dict[str, Any]
    resynced: bool


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened. `payload` is the full new state of what it happened to; a lower `version` is older news."""

    channel: str
    id: str
    type: str
    at: datetime
    source: str
    payload: dict[str, Any]
    cursor: str

    @property
    def version(self) -> int:
        return int(self.payload.get("version", 0))


@dataclass(frozen=True, slots=True)
class Positions:
    """Where robots are now; the newest alone counts."""

    channel: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """The server will not tell this channel (None: did not understand a message)."""

    channel: str | None
    code: str
    message: str


Message = Snapshot | Event | Positions | Refused
