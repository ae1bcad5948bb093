"""What can go wrong in the simulated library, as values: kinds, what each takes, how they are read from YAML.

A fault is data. What it does to the world stands in `fault_board` (when it begins and ends) and `impairment` (what a
robot can't do meanwhile).
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import yaml

Value = float | str


class Kind(StrEnum):
    """Faults that the simulator makes."""

    BLOCKED_AISLE = "BLOCKED_AISLE"
    LOCALIZATION_LOST = "LOCALIZATION_LOST"
    NAVIGATION_FAILURE = "NAVIGATION_FAILURE"
    MOTOR_STALL = "MOTOR_STALL"
    BATTERY_DROP = "BATTERY_DROP"
    LIFTED = "LIFTED"
    MOVED = "MOVED"
    BASE_SILENT = "BASE_SILENT"
    SLOW = "SLOW"
    CLOCK_STEP = "CLOCK_STEP"
    ESTOP_BUTTON = "ESTOP_BUTTON"
    BUMPER = "BUMPER"


ELSEWHERE = ("ROBOT_SILENT", "LINK_CUT", "LINK_FROZEN", "DISK_FULL")
"""Faults of the machines and links around the simulator, which `./luna sim fault` makes."""


class FaultError(ValueError):
    """A fault or a scenario that can't be used; the message names entry and key, and what would be right."""


@dataclass(frozen=True, slots=True)
class _Number:
    """A value that a fault takes: a number within bounds. Without a default it must be given."""

    meaning: str
    least: float
    most: float
    default: float | None = None
    whole: bool = False

    def read(self, raw: object) -> float:
        kind = "a whole number" if self.whole else "a number"
        right = f"{kind} from {self.least:g} to {self.most:g} ({self.meaning})"
        if isinstance(raw, bool) or not isinstance(raw, int | float) or not self.least <= raw <= self.most:
            raise FaultError(f"{raw!r} is not {right}")
        if self.whole and raw != int(raw):
            raise FaultError(f"{raw!r} is not {right}")
        return float(raw)


@dataclass(frozen=True, slots=True)
class _Choice:
    """A value that a fault takes: one of some words."""

    meaning: str
    words: tuple[str, ...]
    default: str

    def read(self, raw: object) -> str:
        if raw not in self.words:
            raise FaultError(f"{raw!r} is not one of {', '.join(self.words)} ({self.meaning})")
        return str(raw)


_Taken = _Number | _Choice


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a kind takes. `momentary`: it happens and is over; `usual`: seconds that it lasts unless told otherwise."""

    summary: str
    takes: Mapping[str, _Taken]
    of_robot: bool = True
    momentary: bool = False
    usual: float | None = None


_FAR = 1e4
_PLACE = {
    "x": _Number("metres, frame map", -_FAR, _FAR),
    "y": _Number("metres, frame map", -_FAR, _FAR),
}
_YAW = _Number("radians", -2 * math.pi, 2 * math.pi, 0.0)

RULES: Mapping[Kind, _Rule] = MappingProxyType(
    {
        Kind.BLOCKED_AISLE: _Rule(
            "something round that is on no map stands on the floor",
            {**_PLACE, "radius": _Number("metres", 0.05, 5.0, 0.3)},
            of_robot=False,
        ),
        Kind.LOCALIZATION_LOST: _Rule(
            "the lidar no longer matches the map, until the robot is given its pose", {}, momentary=True
        ),
        Kind.NAVIGATION_FAILURE: _Rule(
            "a goal ends ABORTED with a code: the one in hand, or the next that is sent",
            {
                "code": _Number("error code of Nav2", 0, 65535, 208, whole=True),
                "goal": _Choice("which goal", ("in_hand", "next"), "in_hand"),
                "times": _Number("how many goals one after the other", 1, 1000, 1, whole=True),
            },
        ),
        Kind.MOTOR_STALL: _Rule("the wheels do not turn, whatever they are told", {}),
        Kind.BATTERY_DROP: _Rule(
            "the charge falls to a share of the capacity",
            {"share": _Number("of the capacity", 0.0, 1.0)},
            momentary=True,
        ),
        Kind.LIFTED: _Rule("held in the air and put down where it was", {}, usual=5.0),
        Kind.MOVED: _Rule(
            "lifted and put down elsewhere; it believes to be where it was until it is given its pose",
            {**_PLACE, "yaw": _YAW},
            usual=2.0,
        ),
        Kind.BASE_SILENT: _Rule("base, lidar and localisation publish nothing; commands still arrive", {}),
        Kind.SLOW: _Rule("drives at a share of its speed", {"factor": _Number("of the speed", 0.01, 1.0)}),
        Kind.CLOCK_STEP: _Rule(
            "/clock jumps, for all robots",
            {"seconds": _Number("forward, or back if negative", -86400.0, 86400.0)},
            of_robot=False,
            momentary=True,
        ),
        Kind.ESTOP_BUTTON: _Rule("somebody pressed the base's own stop; its end is a second press", {}),
        Kind.BUMPER: _Rule("the bumper is pressed", {}, usual=2.0),
    }
)
_HEAD = ("fault", "robot", "at", "for")
_TIMES = _Number("seconds of simulated time", 0.0, 1e7)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. Times are seconds of simulated time."""

    kind: Kind
    robot: str | None
    """None: the floor, or all robots."""
    values: Mapping[str, Value]
    at: float = 0.0
    """When it begins, after it was asked for; in a scenario, after the start of the simulation."""
    duration: float | None = None
    """None: until it is cleared."""

    def number(self, key: str) -> float:
        return float(self.values[key])

    @property
    def momentary(self) -> bool:
        """Whether it happens and is over."""
        return RULES[self.kind].momentary

    def entry(self) -> dict[str, Value]:
        """As a scenario file has it; `parse_fault` reads it back."""
        head: dict[str, Value] = {"fault": str(self.kind), "at": self.at}
        if self.robot is not None:
            head["robot"] = self.robot
        if self.duration is not None:
            head["for"] = self.duration
        return {**head, **self.values}


def parse_fault(entry: object, robots: Iterable[str]) -> Fault:
    """One fault from what YAML made of it: `{at: 12.5, robot: luna1, fault: LIFTED, for: 5}`.

    Raises:
        FaultError: names the key and what would be right.
    """
    if not isinstance(entry, Mapping):
        raise FaultError(f"{entry!r} is not a mapping such as {{at: 12.5, robot: luna1, fault: LIFTED, for: 5}}")
    kind = _kind(entry.get("fault"))
    rule = RULES[kind]
    known = {key: value for key, value in entry.items() if value is not None}
    if unknown := [key for key in known if key not in (*_HEAD, *rule.takes)]:
        raise FaultError(f"{unknown[0]}: {kind} takes {', '.join(rule.takes) or 'no values'} beside {', '.join(_HEAD)}")
    at = _read("at", _TIMES, known.get("at", 0.0))
    return Fault(
        kind,
        _robot(kind, known.get("robot"), tuple(robots)),
        MappingProxyType({key: _value(key, taken, known) for key, taken in rule.takes.items()}),
        float(at),
        _duration(kind, known.get("for")),
    )


def parse_scenario(text: str, robots: Iterable[str]) -> tuple[Fault, ...]:
    """The faults of a scenario file, in the order of their beginning.

    Raises:
        FaultError: names entry (from 1), key and what would be right.
    """
    names = tuple(robots)
    try:
        entries = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise FaultError(f"not YAML: {' '.join(str(error).split())}") from None
    if entries is None:
        return ()
    if not isinstance(entries, list):
        raise FaultError("a scenario is a list of entries such as - {at: 12.5, robot: luna1, fault: LIFTED, for: 5}")
    faults = []
    for number, entry in enumerate(entries, 1):
        try:
            faults.append(parse_fault(entry, names))
        except FaultError as error:
            raise FaultError(f"entry {number}: {error}") from None
    return tuple(sorted(faults, key=lambda fault: fault.at))


def _kind(word: object) -> Kind:
    there = ", ".join(Kind)
    if word is None:
        raise FaultError(f"fault: is missing; it is one of {there}")
    if word in ELSEWHERE:
        raise FaultError(f"fault: {word} is not within the simulator; ask for it with ./luna sim fault")
    try:
        return Kind(str(word))
    except ValueError:
        raise FaultError(f"fault: {word!r} is not one of {there}") from None


def _robot(kind: Kind, name: object, robots: tuple[str, ...]) -> str | None:
    if not RULES[kind].of_robot:
        if name is not None:
            raise FaultError(f"robot: {kind} is of the whole floor; leave the robot out")
        return None
    if name is None and len(robots) == 1:
        return robots[0]
    if name is None:
        raise FaultError(f"robot: is missing; it is one of {', '.join(robots)}")
    if name not in robots:
        raise FaultError(f"robot: {name!r} is not one of {', '.join(robots)}")
    return str(name)


def _duration(kind: Kind, raw: object) -> float | None:
    if RULES[kind].momentary:
        if raw is not None:
            raise FaultError(f"for: {kind} happens at once and is over; leave it out")
        return None
    return RULES[kind].usual if raw is None else float(_read("for", _TIMES, raw))


def _value(key: str, taken: _Taken, known: Mapping[Any, object]) -> Value:
    if key in known:
        return _read(key, taken, known[key])
    if taken.default is None:
        raise FaultError(f"{key}: is missing ({taken.meaning})")
    return taken.default


def _read(key: str, taken: _Taken, raw: object) -> Value:
    try:
        return taken.read(raw)
    except FaultError as error:
        raise FaultError(f"{key}: {error}") from None
