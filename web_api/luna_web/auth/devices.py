"""Device tokens: proof that somebody has logged in to an account from here before.

OWASP "Slow down online guessing attacks with device cookies": an attacker's failures slow down unknown devices only, so
nobody can lock another out; a device has a count of its own, so a stolen token buys few guesses.
"""

import base64
import hmac
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

_ID_BYTES = 16
_SEAL_BYTES = 16
_BODY_BYTES = _ID_BYTES + 8


@dataclass(frozen=True, slots=True)
class Device:
    """`expires_at` is in seconds since 1970."""

    id: bytes
    expires_at: int

    def text(self, email: str, key: bytes) -> str:
        """As the client keeps it: base64url of id, end and seal. It is bound to the email and does not tell it."""
        body = self.id + struct.pack(">Q", self.expires_at)
        return base64.urlsafe_b64encode(body + _seal(key, body, email)).rstrip(b"=").decode()


def read_device(text: str, email: str, keys: Sequence[bytes], now: datetime) -> Device | None:
    """The device, if one of these keys sealed it for this email and it has not expired."""
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError:
        return None
    body, seal = raw[:_BODY_BYTES], raw[_BODY_BYTES:]
    if len(raw) != _BODY_BYTES + _SEAL_BYTES:
        return None
    if not any(hmac.compare_digest(seal, _seal(key, body, email)) for key in keys):
        return None
    (expires_at,) = struct.unpack(">Q", body[_ID_BYTES:])
    return Device(body[:_ID_BYTES], expires_at) if now.timestamp() < expires_at else None


def folded(email: str) -> str:
    """The email as the database compares it (`lower`): letter by letter, each to one letter."""
    return "".join("i" if char == "İ" else char.lower() for char in email.strip())


def _seal(key: bytes, body: bytes, email: str) -> bytes:
    return hmac.digest(key, b"device" + body + folded(email).encode(), "sha256")[:_SEAL_BYTES]
