"""The emergency stop's latch: engaged in memory at once, on the disk right after, and still engaged after a restart."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

from luna_robot.delivery.codec import decode, encode
from luna_robot.delivery.model import Error, Verdict

UNREADABLE = "latch-unreadable"
"""`estop_id` of the stop that holds because nobody knows whether one was engaged."""
MAX_STOPS = 64
"""Different stops that are remembered at once, the newest ones; each of them holds the robot."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One emergency stop that somebody engaged."""

    estop_id: str
    reason: str
    by: str
    since: int
    """Wall clock in nanoseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Latch:
    """The stops that hold, newest first: each is released by its own name. `released` is the one released last."""

    stops: tuple[Stop, ...] = ()
    released: str = ""
    kidnapped: bool = False
    """Lifted or moved by hand, and no pose given since."""
    power_taken: bool = False
    """The base may have been told to take the motors' power away, and has not confirmed that it gave it back."""
    released_since: int = 0
    """When the stop released last had been engaged: an id that is used again is another stop."""

    @property
    def engaged(self) -> bool:
        return bool(self.stops)

    @property
    def estop_id(self) -> str:
        """Of the stop that is engaged, or of the one released last."""
        return self.stops[0].estop_id if self.stops else self.released

    @property
    def since(self) -> int:
        """When that stop was engaged: wall clock in nanoseconds; 0 = never, or not known any more."""
        return self.stops[0].since if self.stops else self.released_since


@dataclass(frozen=True, slots=True)
class LatchAnswer:
    latch: Latch
    verdict: Verdict
    error: Error = Error.NONE
    message: str = ""


def engage(latch: Latch, stop: Stop) -> LatchAnswer:
    """Always taken."""
    if any(held.estop_id == stop.estop_id for held in latch.stops):
        return LatchAnswer(latch, Verdict.ALREADY)
    return LatchAnswer(replace(latch, stops=(stop, *latch.stops)[:MAX_STOPS]), Verdict.ACCEPTED)


def release(latch: Latch, estop_id: str) -> LatchAnswer:
    """Frees only the stop that it names."""
    named = next((stop for stop in latch.stops if stop.estop_id == estop_id), None)
    if named is not None:
        left = tuple(stop for stop in latch.stops if stop is not named)
        message = f"still held by {left[0].estop_id}" if left else ""
        freed = replace(latch, stops=left, released=estop_id, released_since=named.since)
        return LatchAnswer(freed, Verdict.ACCEPTED, Error.NONE, message)
    if not latch.engaged:
        return LatchAnswer(latch, Verdict.ALREADY)
    return LatchAnswer(latch, Verdict.REFUSED, Error.WRONG_ESTOP, f"engaged is {latch.estop_id}")


def load_latch(path: Path, now: int) -> Latch:
    """What was latched. A file that can't be read holds the robot (fail closed); no file means that nothing was."""
    try:
        return decode(Latch, json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Latch()
    except (OSError, ValueError, TypeError, KeyError) as error:
        return Latch((Stop(UNREADABLE, f"the latch file can't be read: {error}"[:200], "safety_supervisor", now),))


def save_latch(path: Path, latch: Latch) -> None:
    """Replace the file in one step, durably. Raises OSError; the old file stays then."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(encode(latch), file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
