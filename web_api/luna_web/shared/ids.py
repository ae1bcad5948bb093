"""Identifiers that sort by the time they were made."""

import os
import secrets
import time
from uuid import UUID

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62


def uuid7(unix_ms: int, randomness: int) -> UUID:
    """A version 7 UUID (RFC 9562, section 5.7) of a moment in milliseconds and 74 random bits."""
    rand_a = (randomness >> 62) & 0xFFF
    rand_b = randomness & ((1 << 62) - 1)
    return UUID(int=(unix_ms & ((1 << 48) - 1)) << 80 | _VERSION_7 | rand_a << 64 | _VARIANT | rand_b)


def new_id() -> UUID:
    """A fresh version 7 UUID of this moment."""
    return uuid7(time.time_ns() // 1_000_000, secrets.randbits(74))


def new_ids(count: int) -> list[UUID]:
    """So many of this moment, in order. The system is asked for its randomness once."""
    now, bits = time.time_ns() // 1_000_000, os.urandom(10 * count)
    drawn = sorted(int.from_bytes(bits[start : start + 10], "big") >> 6 for start in range(0, len(bits), 10))
    return [uuid7(now, number) for number in drawn]
