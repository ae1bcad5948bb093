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
from uuid import UUID

_BODY = struct.Struct(">16s16sQ")
_SEAL_BYTES = 16


@dataclass(frozen=True, slots=True)
class Device:
    """A device that has logged in to the account `user_id`. `expires_at` is in seconds since 1970."""

    id: bytes
    user_id: UUID
    expires_at: int

    def text(self, key: bytes) -> str:
        """As the client keeps it: base64url of id, account, end and seal. Only who has logged in gets one."""
        body = _BODY.pack(self.id, self.user_id.bytes, self.expires_at)
        return base64.urlsafe_b64encode(body + _seal(key, body)).rstrip(b"=").decode()


def read_device(text: str, keys: Sequence[bytes], now: datetime) -> Device | None:
    """The device, if one of these keys sealed it and it has not expired."""
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError:
        return None
    body, seal = raw[: _BODY.size], raw[_BODY.size :]
    if len(raw) != _BODY.size + _SEAL_BYTES:
        return None
    if not any(hmac.compare_digest(seal, _seal(key, body)) for key in keys):
        return None
    device_id, user_id, expires_at = _BODY.unpack(body)
    return Device(device_id, UUID(bytes=user_id), expires_at) if now.timestamp() < expires_at else None


def folded(email: str) -> str:
    """The email as the database compares it (`lower`): letter by letter, each to one letter."""
    return "".join("i" if char == "İ" else char.lower() for char in email.strip())


def _seal(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"device of account" + body, "sha256")[:_SEAL_BYTES]
