"""What crosses the WebSocket, both ways: the models that clients' types are generated from, and quick encoders.

An event is encoded once, when it is published; a frame of it is that text with a channel and a cursor before it, made
once for each channel and never for each client.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, TypeAdapter
from pydantic_core import to_json

from luna_web.notification.live.channels import LONGEST_NAME
from luna_web.notification.live.cursors import Cursor
from luna_web.shared.errors import ErrorCode
from luna_web.shared.fields import Input, Output

SUBPROTOCOL = "luna.v1"
BEARER = "bearer."
MOST_CHANNELS_A_MESSAGE = 100

ChannelName = Annotated[str, StringConstraints(max_length=LONGEST_NAME)]
CursorText = Annotated[str, StringConstraints(max_length=96)]
Channels = Annotated[list[ChannelName], Field(min_length=1, max_length=MOST_CHANNELS_A_MESSAGE)]


class Auth(Input):
    """The first message where the token is not among the subprotocols; later: a fresh token before the old one ends."""

    op: Literal["auth"]
    token: Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class Subscribe(Input):
    """`cursors`: where the client stands in channels that it had before."""

    op: Literal["subscribe"]
    channels: Channels
    cursors: dict[ChannelName, CursorText] = Field(default_factory=dict, max_length=MOST_CHANNELS_A_MESSAGE)


class Unsubscribe(Input):
    op: Literal["unsubscribe"]
    channels: Channels


class Ping(Input):
    op: Literal["ping"]


class Pong(Input):
    op: Literal["pong"]


ClientFrame = Annotated[Auth | Subscribe | Unsubscribe | Ping | Pong, Field(discriminator="op")]
CLIENT_FRAME: TypeAdapter[Auth | Subscribe | Unsubscribe | Ping | Pong] = TypeAdapter(ClientFrame)


class Authenticated(Output):
    """`expires_at`: by then a fresh token must have come; `expires_in` seconds, for clients whose clocks are wrong."""

    op: Literal["authenticated"]
    user_id: UUID
    role: str
    expires_at: datetime
    expires_in: float


class Subscribed(Output):
    """With `snapshot`: the state at `cursor`. Without: what was missed since `cursor` follows as events."""

    op: Literal["subscribed"]
    channel: str
    cursor: str
    snapshot: dict[str, Any] | None = Field(default=None)


class Unsubscribed(Output):
    op: Literal["unsubscribed"]
    channel: str


class Event(Output):
    """Something that happened; `payload.version` orders what is told of one thing."""

    op: Literal["event"]
    channel: str
    cursor: str
    eventId: UUID  # noqa: N815 - the contract's spelling
    eventType: str  # noqa: N815
    timestamp: datetime
    source: str
    payload: dict[str, Any]


class State(Output):
    """Where robots are now. The newest alone counts."""

    op: Literal["state"]
    channel: str
    payload: dict[str, Any]


class Resync(Output):
    """What was missed is gone from the buffer: a `subscribed` with a snapshot follows."""

    op: Literal["resync"]
    channel: str


class Refused(Output):
    """`channel` is absent where the whole message was not understood."""

    op: Literal["error"]
    code: ErrorCode
    message: str
    channel: str | None = Field(default=None)


class ServerPing(Output):
    """To be answered with a pong."""

    op: Literal["ping"]


class ServerPong(Output):
    op: Literal["pong"]


ServerFrame = Annotated[
    Authenticated | Subscribed | Unsubscribed | Event | State | Resync | Refused | ServerPing | ServerPong,
    Field(discriminator="op"),
]

PING = '{"op":"ping"}'
PONG = '{"op":"pong"}'


class CloseCode:
    """Why the server ends a connection (RFC 6455, section 7.4; 4000 and more are an application's own)."""

    GOING_AWAY = 1001
    UNSUPPORTED = 1003
    TOO_BIG = 1009
    WENT_WRONG = 1011
    TRY_AGAIN_LATER = 1013
    UNAUTHENTICATED = 4401
    TOO_SLOW = 4408
    SILENT = 4410
    TOO_MANY = 4429


def text(frame: Mapping[str, Any]) -> str:
    return to_json(frame).decode()


def authenticated(user_id: UUID, role: str, expires_at: datetime, now: datetime) -> str:
    left = round((expires_at - now).total_seconds(), 3)
    who = {"user_id": user_id, "role": role}
    return text({"op": "authenticated", **who, "expires_at": expires_at, "expires_in": left})


def subscribed(channel: str, cursor: Cursor, snapshot: str | None = None) -> str:
    """`snapshot` is JSON already, since many may get the same."""
    head = text({"op": "subscribed", "channel": channel, "cursor": str(cursor)})
    return head if snapshot is None else f'{head[:-1]},"snapshot":{snapshot}}}'


def unsubscribed(channel: str) -> str:
    return text({"op": "unsubscribed", "channel": channel})


def resync(channel: str) -> str:
    return text({"op": "resync", "channel": channel})


def refused(code: ErrorCode, message: str, channel: str | None = None) -> str:
    about = {} if channel is None else {"channel": channel}
    return text({"op": "error", "code": code.value, "message": message, **about})


def state(channel: str, payload: str) -> str:
    return f'{{"op":"state","channel":"{channel}","payload":{payload}}}'


def event(channel: str, cursor: Cursor, body: str) -> str:
    """`body` as `event_body` wrote it. Channels and cursors hold nothing that JSON would have to escape."""
    return f'{{"op":"event","channel":"{channel}","cursor":"{cursor}",{body[1:]}'


def event_body(
    event_id: UUID, event_type: str, timestamp: datetime, source: str, payload: Mapping[str, Any], version: int
) -> str:
    """What every frame of an event has in common; a payload without a version gets that of its aggregate."""
    told = {
        "eventId": event_id,
        "eventType": event_type,
        "timestamp": timestamp,
        "source": source,
        "payload": {"version": version, **payload},
    }
    return text(told)
