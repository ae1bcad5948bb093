"""A client of LUNA's live channel: connects, resumes where it was, renews its token, and tells what happens.

    async def token() -> str: ...                     # a valid access token, fetched anew when asked

    async with LiveClient("https://luna.example.org", token, channels=["me", "robots"]) as live:
        async for message in live:
            match message:
                case Snapshot(channel=channel, state=state): ...
                case Event(type=kind, payload=payload): ...
                case Positions(payload=payload): ...

It needs nothing but `websockets`. What the messages hold: docs/live.md.
"""

from luna_client.client import LiveClient, NotAdmitted
from luna_client.messages import Event, Message, Positions, Refused, Snapshot

__all__ = ["Event", "LiveClient", "Message", "NotAdmitted", "Positions", "Refused", "Snapshot"]
