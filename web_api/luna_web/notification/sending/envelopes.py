"""A push message on its way out, and that it cannot go now."""

from dataclasses import dataclass


class ServiceAway(Exception):
    """The push service cannot be used; the text says how that showed."""


@dataclass(frozen=True, slots=True)
class PushEnvelope:
    """A message and the browser it is for."""

    endpoint: str
    p256dh: bytes
    auth: bytes
    body: bytes
    topic: str
    ttl: int
    urgent: bool
