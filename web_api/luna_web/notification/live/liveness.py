"""Whether a client still speaks, and how much it may say. Pure; times are seconds of a clock that never jumps."""

from dataclasses import dataclass
from enum import StrEnum

PING_SECONDS = 20.0
SILENCE_SECONDS = 45.0


class Sign(StrEnum):
    NOTHING = "NOTHING"
    PING = "PING"
    SILENT = "SILENT"


@dataclass(slots=True)
class Liveness:
    """`heard` with every message of the client; `look` now and then says what is to be done."""

    heard_at: float
    pinged_at: float

    def heard(self, now: float) -> None:
        self.heard_at = now

    def look(self, now: float) -> Sign:
        if now - self.heard_at > SILENCE_SECONDS:
            return Sign.SILENT
        if now - self.pinged_at >= PING_SECONDS:
            self.pinged_at = now
            return Sign.PING
        return Sign.NOTHING


@dataclass(slots=True)
class Allowance:
    """A token bucket: `burst` messages at once, `rate` a second for ever."""

    rate: float
    burst: float
    left: float
    at: float

    @classmethod
    def full(cls, rate: float, burst: float, now: float) -> "Allowance":
        return cls(rate, burst, burst, now)

    def take(self, now: float) -> bool:
        """Whether one more is allowed."""
        self.left = min(self.burst, self.left + (now - self.at) * self.rate)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True
