"""Faults of the machines and links around the simulator: a robot's computer that stands still, its link, its disk.

They are made from outside, on the processes of a running LUNA, so that programs meet what they would meet: a stopped
process (SIGSTOP) keeps its connections and says nothing, a limit on the size of files (prlimit) lets every write fail.
"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.parts import robot as robot_parts
from luna_embedded.parts import rosbridge
from luna_embedded.state import StateDir, read_json, write_json
from luna_embedded.supervision.control import ask


class Kind(StrEnum):
    """Each ends when it is cleared, or with the process that has it."""

    ROBOT_SILENT = "ROBOT_SILENT"
    """The robot's computer stands still; its connections stay open."""
    LINK_CUT = "LINK_CUT"
    """The link to the web tier is closed, and cannot be opened."""
    LINK_FROZEN = "LINK_FROZEN"
    """The link stays open, and nothing passes either way."""
    DISK_FULL = "DISK_FULL"
    """Nothing can be written to the robot's disk."""


@dataclass(frozen=True)
class MachineFault:
    """A fault that holds. ``pids`` are the processes that have it, by part."""

    kind: Kind
    robot: str
    pids: Mapping[str, int]


class MachineFaults:
    """Those of one running LUNA; what holds is kept in a file of its state directory."""

    def __init__(self, state: StateDir) -> None:
        """Raises Refusal if no LUNA runs there."""
        self._state = state
        self._snapshot = ask(state.control_socket, "status")

    @property
    def _file(self) -> Path:
        return self._state.run / "faults.json"

    def holding(self) -> list[MachineFault]:
        """What holds now: a process that was started anew is rid of its faults, and so is one that is not there."""
        known = [MachineFault(Kind(f["kind"]), f["robot"], f["pids"]) for f in read_json(self._file).get("faults", ())]
        return [fault for fault in known if self._holds(fault)]

    def begin(self, kind: Kind, robot: str | None) -> MachineFault:
        """Make a fault. Raises Refusal if the robot is not there."""
        name = self._robot(robot)
        fault = MachineFault(kind, name, {part: self._pid(part) for part in _parts(kind, name)})
        holding = self.holding()
        if all((other.kind, other.robot) != (kind, name) for other in holding):
            self._save([*holding, fault])
            _BEGIN[kind](self._state, fault)
        return fault

    def clear(self) -> int:
        """End all that hold; returns how many these were."""
        holding = self.holding()
        for fault in holding:
            self.end(fault)
        return len(holding)

    def end(self, fault: MachineFault) -> None:
        """End one, if it holds still."""
        holding = self.holding()
        if fault in holding:
            _END[fault.kind](self._state, fault)
            self._save([other for other in holding if other != fault])

    def _save(self, faults: Sequence[MachineFault]) -> None:
        rows = [{"kind": fault.kind, "robot": fault.robot, "pids": dict(fault.pids)} for fault in faults]
        write_json(self._file, {"faults": rows})

    def _holds(self, fault: MachineFault) -> bool:
        rows = [row for part in fault.pids if (row := self._row(part)) is not None]
        if len(rows) < len(fault.pids):
            return False
        if fault.kind is Kind.LINK_CUT:
            return all(row["state"] == "stopped" for row in rows)
        return any(row["pid"] == fault.pids[row["name"]] for row in rows)

    def _row(self, part: str) -> dict[str, Any] | None:
        """A part as `status` tells it; None if this run has no such part."""
        found: dict[str, Any] | None = next((row for row in self._snapshot["parts"] if row["name"] == part), None)
        return found

    def _pid(self, part: str) -> int:
        row = self._row(part)
        if row is None:
            raise Refusal(f"This run has no {part}.", "./luna status lists its parts.", Exit.USAGE)
        if not row["pid"]:
            raise Refusal(f"{part} is {row['state']}.", f"./luna start {part}, then once more.", Exit.USAGE)
        return int(row["pid"])

    def _robot(self, name: str | None) -> str:
        there = self._snapshot["robots"]
        if name is None and len(there) == 1:
            return str(there[0])
        if name is None or name not in there:
            what = "Which robot?" if name is None else f"No robot is called {name!r}."
            raise Refusal(what, "There are: " + ", ".join(there), Exit.USAGE)
        return name


def _parts(kind: Kind, robot: str) -> tuple[str, ...]:
    if kind in (Kind.LINK_CUT, Kind.LINK_FROZEN):
        return (rosbridge.name(robot),)
    return robot_parts.onboard_name(robot), robot_parts.safety_name(robot)


def _signalled(number: signal.Signals) -> Callable[[StateDir, MachineFault], None]:
    def send(_: StateDir, fault: MachineFault) -> None:
        for pid in fault.pids.values():
            os.kill(pid, number)

    return send


def _ordered(verb: str) -> Callable[[StateDir, MachineFault], None]:
    def order(state: StateDir, fault: MachineFault) -> None:
        for part in fault.pids:
            ask(state.control_socket, verb, part)

    return order


def _limited(most: int | None) -> Callable[[StateDir, MachineFault], None]:
    def limit(_: StateDir, fault: MachineFault) -> None:
        """Let files grow to ``most`` bytes, or as far as they may."""
        for pid in fault.pids.values():
            _soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if most is None else most, hard))

    return limit


_BEGIN: Mapping[Kind, Callable[[StateDir, MachineFault], None]] = {
    Kind.ROBOT_SILENT: _signalled(signal.SIGSTOP),
    Kind.LINK_CUT: _ordered("stop"),
    Kind.LINK_FROZEN: _signalled(signal.SIGSTOP),
    Kind.DISK_FULL: _limited(0),
}
_END: Mapping[Kind, Callable[[StateDir, MachineFault], None]] = {
    Kind.ROBOT_SILENT: _signalled(signal.SIGCONT),
    Kind.LINK_CUT: _ordered("start"),
    Kind.LINK_FROZEN: _signalled(signal.SIGCONT),
    Kind.DISK_FULL: _limited(None),
}
