"""What the supervisor must know of a part to start it, to see that it serves, and to end it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from luna_embedded.supervision.lifecycle import Rules


@dataclass(frozen=True)
class Account:
    """The system user that a part runs as."""

    name: str
    uid: int
    gid: int


def nothing() -> None:
    """For parts that need no preparation."""


@dataclass(frozen=True)
class Part:
    """One supervised program.

    ``probe`` tells whether it serves (called in a thread every 50 ms while it starts; must answer within a second);
    without a probe the part itself says READY=1 by systemd's notify protocol, or ends with 0 if it is a one-shot.
    ``prepare`` runs in a thread before each start; what it raises is a failed start.
    ``death_signal`` is what the kernel sends it when the supervisor is gone.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    rules: Rules = field(default_factory=Rules)
    probe: Callable[[], bool] | None = None
    prepare: Callable[[], None] = nothing
    stdin: bytes = b""
    account: Account | None = None
    folder: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
