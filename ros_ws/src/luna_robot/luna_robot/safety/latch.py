"""The emergency stop's latch: engaged in memory at once, on the disk right after, and still engaged after a restart."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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

    def held(self, estop_id: str) -> Stop | None:
        """The stop of that id, if it holds."""
        return next((stop for stop in self.stops if stop.estop_id == estop_id), None)

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
    if latch.held(stop.estop_id):
        return LatchAnswer(latch, Verdict.ALREADY)
    return LatchAnswer(replace(latch, stops=(stop, *latch.stops)[:MAX_STOPS]), Verdict.ACCEPTED)


def engage_anew(latch: Latch, stop: Stop) -> LatchAnswer:
    """Another stop in the place of the one of that id."""
    others = tuple(held for held in latch.stops if held.estop_id != stop.estop_id)
    return engage(replace(latch, stops=others), stop)


def release(latch: Latch, estop_id: str) -> LatchAnswer:
    """Frees only the stop that it names."""
    named = latch.held(estop_id)
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
        return _read(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Latch()
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        return Latch((Stop(UNREADABLE, f"the latch file can't be read: {error}"[:200], "safety_supervisor", now),))


def _read(content: Any) -> Latch:
    """Raises ValueError, TypeError, KeyError: it is not what was saved, whole and as it was."""
    if not isinstance(content, dict) or content.keys() != {"latch", "digest"}:
        raise ValueError("an object of latch and digest expected")
    if content["digest"] != _digest(content["latch"]):
        raise ValueError("it was altered since it was saved")
    return decode(Latch, content["latch"])


def _digest(latch: Any) -> str:
    return hashlib.sha256(json.dumps(latch, sort_keys=True).encode()).hexdigest()


def save_latch(path: Path, latch: Latch) -> None:
    """Replace the file in one step, durably. Raises OSError; the old file stays then.

    Sealed by a digest, and the stops always written: what was lost on the way must not read as "nothing is engaged".
    """
    spelt_out = encode(latch) | {"stops": encode(latch.stops)}
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    with draft.open("w", encoding="utf-8") as file:
        json.dump({"latch": spelt_out, "digest": _digest(spelt_out)}, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
